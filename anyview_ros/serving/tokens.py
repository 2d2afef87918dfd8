"""The token that a service asks for: what it may be, and files that hold it."""

from __future__ import annotations

from pathlib import Path

from anyview_ros.errors import InvalidInputError, ReadError


def check_token(token: str) -> str:
    """The token, if HTTP can carry it; "" is none.

    Raises:
        InvalidInputError: it is no printable ASCII. The token itself is not told.
    """
    if not (isinstance(token, str) and token.isascii() and token.isprintable()):
        raise InvalidInputError("the token is not what HTTP can carry; give printable ASCII, or '' for none")
    return token


def read_token(file: Path | None) -> str:
    """The token in a file, without the white space around it; "" if there is no file.

    Raises:
        ReadError: a file that cannot be read, or that is empty: it would ask for nothing, or present nothing.
    """
    if file is None:
        return ""
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"cannot read the token in {file}: {error}") from error
    if not token:
        raise ReadError(f"{file} is empty; write the token into it")
    return token
