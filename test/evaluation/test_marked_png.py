from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.evaluation.marked_png import read_png_text, write_marked_png

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
    with Image.open(path) as image:
        image.load()  # checks the sums of the chunks
        assert image.text == TEXT  # type: ignore[attr-defined]
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read[..., ::-1] if pixels.ndim == 3 else read, pixels)
    assert read_png_text(path) == TEXT


def test_what_png_does_not_have_is_refused(tmp_path: Path) -> None:
    grey = np.zeros((4, 4), np.uint8)
    for keyword in ("", "k" * 80):
        with pytest.raises(InvalidInputError, match="1 to 79"):
            write_marked_png(tmp_path / "a.png", grey, {keyword: "v"})
    write_marked_png(tmp_path / "a.png", grey, {"k": "snow ☃ and \0"})
    assert read_png_text(tmp_path / "a.png") == {"k": "snow ? and "}


def test_what_is_no_png_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_marked_png(path, np.zeros((4, 4), np.uint8), TEXT)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ReadError, match="cut off"):
        read_png_text(path)
    path.write_bytes(b"no")
    with pytest.raises(ReadError, match="no PNG"):
        read_png_text(path)
