"""Arguments that commands share, and their types."""

from __future__ import annotations

import argparse

Group = argparse.ArgumentParser | argparse._ArgumentGroup


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Breaks a text of one line where the terminal ends, and leaves a text of several lines as it is set."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def add_method(group: Group) -> None:
    """Add which method, of which weights, and where it computes; None where not given."""
    group.add_argument("--method", help="one that `anyview methods` lists (default: the package's)")
    group.add_argument(
        "--weights", metavar="PATH", help="the method's weights (default: its own, if it has some)"
    )
    add_device(group)


def add_device(group: Group) -> None:
    """Add where torch computes; None for the best device present."""
    group.add_argument("--device", help="torch device, such as cpu or cuda:0 (default: the best present)")


def add_sampling(group: Group) -> None:
    """Add the steps of sampling, None for the method's own, and the seed."""
    group.add_argument("--steps", type=int, help="sampling steps (default: the method's)")
    add_seed(group)


def add_seed(group: Group) -> None:
    """Add the seed of every random draw."""
    group.add_argument("--seed", type=int, default=0, help="seed of every random draw (default: 0)")


def add_options(group: Group) -> None:
    """Add the method's own options, as a list of NAME=VALUE."""
    group.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="option of the method, see `anyview methods METHOD`; may be repeated",
    )


def add_source_options(group: Group) -> None:
    """Add what the reader of a bag or dataset wants to know, as a list of NAME=VALUE."""
    group.add_argument(
        "--source-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what the input's reader wants to know, such as calibration=FILE; may be repeated",
    )


def seconds(text: str) -> float:
    """A positive number of seconds."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no positive number of seconds")
    return value


def picture_size(text: str) -> tuple[int, int]:
    """Width and height of pictures, pixels, as ``WxH``; a large X does too."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give WIDTHxHEIGHT in pixels, such as 640x480")
    return int(width), int(height)
