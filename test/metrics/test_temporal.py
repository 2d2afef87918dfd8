from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.metrics import flicker, frame_changes, seam


def grey(*levels: int) -> np.ndarray:
    return np.stack([np.full((4, 5, 3), level, np.uint8) for level in levels])


def test_changes_by_hand() -> None:
    np.testing.assert_allclose(frame_changes(grey(10, 14, 250, 0)), [4, 236, 250])
    assert frame_changes(grey(10)).shape == (0,)


def test_flicker_by_hand() -> None:
    """View: changes 6 and 2, mean 4; truth: 1 and 3, mean 2."""
    judged = flicker(grey(0, 6, 4), grey(50, 51, 54))
    assert judged is not None
    assert (judged.view, judged.truth, judged.ratio) == (4, 2, 2)


def test_a_truth_that_stands_still_gives_no_ratio() -> None:
    judged = flicker(grey(0, 6), grey(9, 9))
    assert judged is not None
    assert judged.ratio is None
    assert judged.view == 6
    assert flicker(grey(1), grey(1)) is None


def test_a_seam_by_hand() -> None:
    """Truth changes by 2 throughout; the view by 2 within windows and by 8 where the second begins."""
    found = seam(grey(0, 2, 10, 12), grey(0, 2, 4, 6), [2])
    assert found is not None
    assert (found.at_seams, found.within, found.ratio) == (4, 1, 4)


def test_the_truth_may_jump_at_a_seam_too() -> None:
    found = seam(grey(0, 2, 10, 12), grey(0, 2, 10, 12), [2])
    assert found is not None
    assert found.ratio == 1


def test_no_seams_no_figure() -> None:
    assert seam(grey(0, 2, 4), grey(0, 2, 4), []) is None
    assert seam(grey(0, 2), grey(0, 2), [1]) is None  # nothing within
    assert seam(grey(0, 2, 4), grey(0, 2, 2), [1]) is None  # the truth stands still within


def test_what_cannot_be_compared() -> None:
    with pytest.raises(InvalidInputError, match="videos differ"):
        flicker(grey(0, 1), grey(0, 1, 2))
    with pytest.raises(InvalidInputError, match="borders lie at 1 to 1"):
        seam(grey(0, 1), grey(0, 1), [2])
    with pytest.raises(InvalidInputError, match="uint8"):
        frame_changes(np.zeros((2, 4, 4, 3)))


def test_a_truth_that_stands_still_at_the_seam_gives_no_figure() -> None:
    assert seam(grey(0, 2, 9, 11), grey(0, 2, 2, 4), [2]) is None


def test_the_first_frame_begins_no_second_window() -> None:
    with pytest.raises(InvalidInputError, match="start at frame 0, but borders lie at 1 to 2"):
        seam(grey(0, 2, 4), grey(0, 2, 4), [0])
