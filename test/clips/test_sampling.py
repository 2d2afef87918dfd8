"""Frames one period apart, held to all ways of laying the instants."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from anyview_ros.clips.sampling import evenly_spaced
from anyview_ros.errors import ClipNotReadyError

PERIOD, TOLERANCE = 100, 40


def some_way(stamps: list[int], count: int) -> bool:
    """Whether instants can be laid so that each has a frame near enough, the last one the newest."""

    def fits(last: int) -> bool:
        return all(
            any(abs(stamp - (last - back * PERIOD)) <= TOLERANCE for stamp in stamps)
            for back in range(1, count)
        )

    return any(fits(stamps[-1] + shift) for shift in range(-TOLERANCE, TOLERANCE + 1))


@example(steps=[55], count=2)
@given(st.lists(st.integers(10, 160), min_size=1, max_size=8), st.integers(2, 5))
def test_there_is_a_clip_where_some_way_of_laying_the_instants_gives_one(
    steps: list[int], count: int
) -> None:
    stamps = [0]
    for step in steps:
        stamps.append(stamps[-1] + step)
    end = len(stamps) - 1
    try:
        chosen = evenly_spaced(stamps, 0, end, count, period_ns=PERIOD, tolerance_ns=TOLERANCE, since="")
    except ClipNotReadyError:
        assert not some_way(stamps, count)
        return
    assert chosen[-1] == end
    assert len(set(chosen)) == len(chosen) == count
    assert some_way(stamps, count)
