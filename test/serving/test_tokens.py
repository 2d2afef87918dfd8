"""Files that hold the token of a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.errors import ReadError
from anyview_ros.serving.tokens import read_token


def test_a_token_is_read_without_the_white_space_around_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" secret\n")
    assert read_token(tmp_path / "token") == "secret"
    assert read_token(None) == ""


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_an_empty_token_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ReadError, match="token is empty; write the token into it"):
        read_token(tmp_path / "token")


def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"cannot read the token in .*nowhere"):
        read_token(tmp_path / "nowhere")
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(ReadError, match=r"cannot read the token in .*bytes"):
        read_token(tmp_path / "bytes")
