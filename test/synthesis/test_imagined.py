from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.synthesis.imagined import stripe_imagined

IMAGE = np.full((24, 36, 3), 200, np.uint8)
CONFIDENCE = np.full((24, 36), 0.9, np.float32)
CONFIDENCE[:, 18:] = 0.2


def test_only_what_is_not_sure_enough_is_striped_and_can_still_be_made_out() -> None:
    striped = stripe_imagined(IMAGE, CONFIDENCE, 0.5)
    assert (striped[:, :18] == 200).all()
    values, counts = np.unique(striped[:, 18:], return_counts=True)
    assert values.tolist() == [164, 200]
    assert counts[0] == pytest.approx(counts[1], rel=0.2)
    assert (IMAGE == 200).all()
    assert (stripe_imagined(IMAGE, CONFIDENCE, 1.0)[:, :18] == 164).any()


def test_nothing_to_mark_gives_the_picture_itself() -> None:
    assert stripe_imagined(IMAGE, CONFIDENCE, 0.0) is IMAGE
    assert stripe_imagined(IMAGE, CONFIDENCE, 0.1) is IMAGE


def test_bad_input_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"confidence is \(2, 2\)"):
        stripe_imagined(IMAGE, np.zeros((2, 2), np.float32), 0.5)
    with pytest.raises(InvalidInputError, match=r"below is 1\.5"):
        stripe_imagined(IMAGE, CONFIDENCE, 1.5)
    with pytest.raises(InvalidInputError, match=r"below is -0\.1"):
        stripe_imagined(IMAGE, CONFIDENCE, -0.1)
