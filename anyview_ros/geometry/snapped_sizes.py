"""Sizes that networks take, reached by the rule of the AnyView release: a long side is set and both are snapped."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from anyview_ros.errors import InvalidInputError

Size = tuple[int, int]
"""Width and height in pixels."""

RELEASE_LONG_SIDES = (384, 576)
"""The release stored its data at the first long side and trained at the second; its scores are taken there too."""


def snapped_size(native: Size, long_sides: Sequence[int], multiple: int = 16) -> Size:
    """The size for pictures of size ``native``: scaled to each of ``long_sides`` in turn and snapped each time.

    Sides are snapped to multiples of ``multiple``; exactly half-way between two, the smaller is taken.

    Raises:
        InvalidInputError: a picture so narrow that nothing is left of its short side, or sides below 1.
    """
    if min(*native, *long_sides, multiple) < 1:
        raise InvalidInputError(
            f"native is {native}, long_sides {tuple(long_sides)}, multiple {multiple}; all must be 1 or more"
        )
    width, height = native
    for long_side in long_sides:
        scale = Fraction(long_side, max(width, height))
        width, height = _snapped(width * scale, multiple), _snapped(height * scale, multiple)
        if min(width, height) == 0:
            raise InvalidInputError(
                f"a picture of {native[0]}x{native[1]} is too narrow for a long side of {long_side} in steps of "
                f"{multiple} pixels; crop it"
            )
    return width, height


def _snapped(length: Fraction, multiple: int) -> int:
    below = int(length // multiple)
    return multiple * (below + (length - multiple * below > Fraction(multiple, 2)))
