"""Types of arguments that commands share."""

from __future__ import annotations

import argparse

import pytest

from anyview_ros.cli import main as cli
from anyview_ros.cli.arguments import picture_size


@pytest.mark.parametrize(
    ("text", "size"), [("640x480", (640, 480)), ("32X24", (32, 24)), ("0640x0480", (640, 480))]
)
def test_sizes_are_read(text: str, size: tuple[int, int]) -> None:
    assert picture_size(text) == size


@pytest.mark.parametrize(
    "text", ["big", "", "640", "640x", "x480", "0x480", "640x0", "-6x4", "6.5x4", "6x4x2", "6²x4"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no size; give WIDTHxHEIGHT"):
        picture_size(text)


@pytest.mark.parametrize("text", ["big", "0x480"])
@pytest.mark.parametrize(
    "command",
    [
        ("augment", "in", "--output", "out"),
        ("synthesize", "in", "--output", "out"),
        ("bench",),
        ("record-episodes", "out"),
    ],
)
def test_every_command_refuses_what_is_no_size(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], text: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--size", text])
    assert ended.value.code == 2
    assert f"argument --size: {text!r} is no size; give WIDTHxHEIGHT" in capsys.readouterr().err
