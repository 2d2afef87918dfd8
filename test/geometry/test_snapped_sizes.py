from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry.snapped_sizes import snapped_size


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        ((1920, 1080), (576, 304)),
        ((640, 480), (576, 432)),
        ((1500, 1000), (576, 384)),
        ((480, 640), (432, 576)),
    ],
)
def test_the_two_stages_of_the_release(native: tuple[int, int], expected: tuple[int, int]) -> None:
    assert snapped_size(native, (384, 576)) == expected
    assert snapped_size(expected, (384, 576)) == expected


def test_half_way_goes_down_and_more_goes_up() -> None:
    assert snapped_size((32, 24), (32,)) == (32, 16)
    assert snapped_size((32, 25), (32,)) == (32, 32)


@given(
    width=st.integers(20, 4000),
    height=st.integers(20, 4000),
    long_side=st.integers(4, 40).map(lambda n: 16 * n),
)
def test_sides_are_multiples_within_half_a_step(width: int, height: int, long_side: int) -> None:
    scale = long_side / max(width, height)
    if min(width, height) * scale <= 8:
        with pytest.raises(InvalidInputError, match="too narrow"):
            snapped_size((width, height), (long_side,))
        return
    size = snapped_size((width, height), (long_side,))
    assert max(size) == long_side
    assert all(side % 16 == 0 for side in size)
    assert all(abs(side - before * scale) <= 8 for side, before in zip(size, (width, height), strict=True))


def test_sizes_that_cannot_be() -> None:
    with pytest.raises(InvalidInputError, match="all must be 1 or more"):
        snapped_size((0, 10), (64,))
