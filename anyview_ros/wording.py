"""Numbers of things, as people say them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """ "1 view", "2 views"; ``noun`` is the singular of one whose plural ends in s."""
    return f"{number} {noun_of(number, noun)}"


def noun_of(number: int, noun: str) -> str:
    """ "view" beside 1, "views" beside any other number."""
    return noun if number == 1 else f"{noun}s"
