"""Files that hold the token of a service."""

from __future__ import annotations

from pathlib import Path

from anyview_ros.errors import ReadError


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
