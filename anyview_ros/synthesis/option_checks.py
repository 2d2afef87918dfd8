"""Checks that the options of methods have in common: they come from other processes too, so that any type may come."""

from __future__ import annotations

import math
from typing import Any

from anyview_ros.errors import InvalidRequestError


def is_whole(value: object) -> bool:
    """Whether this is a whole number, and not True or False."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether this is a finite number, and not True or False."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -math.inf < value < math.inf


def check_truths(options: Any, *names: str) -> None:
    """Raise InvalidRequestError where one of these is neither True nor False."""
    for name in names:
        value = getattr(options, name)
        if not isinstance(value, bool):
            raise InvalidRequestError(f"{name} is {value!r}; give True or False")


def check_counts(options: Any, least: int, *names: str) -> None:
    """Raise InvalidRequestError where one of these is no whole number of at least ``least``."""
    for name in names:
        value = getattr(options, name)
        if not is_whole(value) or value < least:
            raise InvalidRequestError(f"{name} is {value!r}; give a whole number, {least} or more")


def check_numbers(options: Any, *names: str, zero: bool = False) -> None:
    """Raise InvalidRequestError where one of these is no positive number, or 0 where that is allowed."""
    for name in names:
        value = getattr(options, name)
        if not is_number(value) or value < 0 or (value == 0 and not zero):
            raise InvalidRequestError(
                f"{name} is {value!r}; give a {'number of at least 0' if zero else 'positive number'}"
            )
