"""Arguments that commands share, and what all of them have to tell."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyview_ros.cli import main as cli
from anyview_ros.cli.arguments import HelpFormatter, picture_size


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


def parsers(
    parser: argparse.ArgumentParser, name: str = "anyview"
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """A parser and all below it, with the words that lead there."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield from parsers(below, f"{name} {word}")


COMMANDS = dict(parsers(cli.build_parser()))


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_made_is_called_output_everywhere_and_out_will_do(name: str) -> None:
    told = [option for option in COMMANDS[name]._option_string_actions if option.startswith("--out")]
    assert told in ([], ["--output"])


def test_an_abbreviated_output_goes_on_working() -> None:
    command = ["train", "small", "--out", "run"]
    assert cli.build_parser().parse_args(command).output == Path("run")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_tells_every_argument_and_every_default(name: str) -> None:
    told = COMMANDS[name].format_help()
    assert "default: None" not in told
    for action in COMMANDS[name]._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        assert action.help, f"{name}: {action.dest}"
        shown = action.default not in (None, "", [], False, argparse.SUPPRESS) and not action.required
        assert not shown or "(default" in action.help, f"{name} {action.option_strings}: {action.default}"


def test_a_text_of_one_line_is_broken_and_one_of_several_is_left_as_it_is() -> None:
    parser = argparse.ArgumentParser(
        description="word " * 40, epilog="examples:\n  " + "x" * 100, formatter_class=HelpFormatter
    )
    told = parser.format_help().splitlines()
    assert max(len(line) for line in told if "word" in line) < 100
    assert "  " + "x" * 100 in told
