from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from png_text import read_png_text

from anyview_ros.errors import InvalidInputError
from anyview_ros.evaluation.marked_png import write_marked_png

TEXT = {"Software": "anyview_ros 1.0", "Comment": "computed: not seen"}
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "pixels",
    [
        RNG.integers(0, 256, (9, 7, 3), dtype=np.uint8),
        RNG.integers(0, 256, (9, 7), dtype=np.uint8),
        RNG.integers(0, 65536, (9, 7), dtype=np.uint16),
    ],
)
def test_others_read_pixels_and_text(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "a.png"
    write_marked_png(path, pixels, TEXT)
    assert read_png_text(path) == TEXT
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read[..., ::-1] if pixels.ndim == 3 else read, pixels)


def test_what_png_does_not_have_is_refused(tmp_path: Path) -> None:
    grey = np.zeros((4, 4), np.uint8)
    for keyword in ("", "k" * 80):
        with pytest.raises(InvalidInputError, match="1 to 79"):
            write_marked_png(tmp_path / "a.png", grey, {keyword: "v"})
    write_marked_png(tmp_path / "a.png", grey, {"k": "snow ☃ and \0"})
    assert read_png_text(tmp_path / "a.png") == {"k": "snow ? and "}
