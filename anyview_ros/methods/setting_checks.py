"""Checks of numbers in settings of networks and of training runs."""

from __future__ import annotations

from typing import Any

from anyview_ros.errors import InvalidInputError


def check_least(settings: Any, least: int, *names: str, section: str = "") -> None:
    """Check that numbers of a dataclass are not below ``least``.

    Args:
        settings: the dataclass.
        least: the smallest number there may be.
        names: of its fields.
        section: what the message says before a name: "rooms.".

    Raises:
        InvalidInputError: one is below, or is no number.
    """
    for name in names:
        if not getattr(settings, name) >= least:
            raise InvalidInputError(f"{section}{name} is {getattr(settings, name)}; give {least} or more")


def check_shares(settings: Any, *names: str, section: str = "") -> None:
    """Check that numbers of a dataclass are shares; see :func:`check_least`.

    Raises:
        InvalidInputError: one is not from 0 to 1.
    """
    for name in names:
        if not 0 <= getattr(settings, name) <= 1:
            raise InvalidInputError(f"{section}{name} is {getattr(settings, name)}; give 0 to 1")
