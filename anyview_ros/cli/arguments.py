"""Types of arguments that commands share."""

from __future__ import annotations

import argparse


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
