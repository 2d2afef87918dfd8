from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.synthesize.crossfade import Crossfade
from anyview_ros.synthesis import SynthesizedView

CAMERA = PinholeCamera(4, 4, 1.5, 0.5, 4, 2)


def view(first: int, values: list[int], *, depth: list[float] | None = None) -> SynthesizedView:
    """Frames that are each of one grey value, from index ``first`` on."""
    count = len(values)
    grey = np.array(values).reshape(-1, 1, 1)
    return SynthesizedView(
        np.broadcast_to(grey[..., None], (count, 2, 4, 3)).astype(np.uint8),
        CAMERA,
        np.tile(np.eye(4), (count, 1, 1)),
        np.arange(first, first + count),
        np.broadcast_to(grey / 255, (count, 2, 4)).astype(np.float32),
        None
        if depth is None
        else np.broadcast_to(np.reshape(depth, (-1, 1, 1)), (count, 2, 4)).astype(np.float32),
    )


def greys(made: SynthesizedView) -> list[int]:
    return made.frames[:, 0, 0, 0].tolist()


def test_one_window_fades_into_the_next_in_even_steps() -> None:
    fade = Crossfade()
    first = fade.add(view(0, [100] * 6), 0, 3)
    second = fade.add(view(3, [200] * 5), 3, 0)
    assert greys(first) == [100, 100, 100]
    assert greys(second) == [125, 150, 175, 200, 200]
    assert second.stamps_ns.tolist() == [3, 4, 5, 6, 7]
    np.testing.assert_allclose(second.confidence[:3, 0, 0] * 255, [125, 150, 175], atol=1e-3)


def test_windows_that_agree_are_left_as_they_are() -> None:
    fade = Crossfade()
    values = list(range(0, 200, 20))
    made = greys(fade.add(view(0, values[:7]), 0, 4)) + greys(fade.add(view(3, values[3:]), 4, 0))
    assert made == values


def test_depth_is_mixed_where_both_know_it() -> None:
    fade = Crossfade()
    fade.add(view(0, [0, 0], depth=[2.0, 0.0]), 0, 2)
    made = fade.add(view(0, [0, 0], depth=[5.0, 3.0]), 2, 0)
    assert made.depth is not None
    np.testing.assert_allclose(made.depth[:, 0, 0], [3.0, 3.0])


def test_windows_without_overlap_pass_through() -> None:
    fade = Crossfade()
    assert greys(fade.add(view(0, [1, 2]), 0, 0)) == [1, 2]
    assert greys(fade.add(view(2, [3]), 0, 0)) == [3]


@pytest.mark.parametrize(("blended", "kept"), [(2, 0), (1, 0), (0, 4)])
def test_windows_that_do_not_follow_each_other_are_refused(blended: int, kept: int) -> None:
    fade = Crossfade()
    if blended == 1:
        fade.add(view(0, [1, 2, 3]), 0, 2)
    with pytest.raises(InvalidInputError, match="kept back"):
        fade.add(view(1, [2, 3, 4]), blended, kept)
