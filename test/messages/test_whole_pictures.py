"""Files of pictures that reach to their ends, and others."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.messages.whole_pictures import is_whole, stated_size

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
PNG = cv2.imencode(".png", PICTURE)[1].tobytes()
JPEG = cv2.imencode(".jpg", PICTURE)[1].tobytes()
PROGRESSIVE = cv2.imencode(
    ".jpg", PICTURE, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
)[1].tobytes()
THUMBNAIL = b"\xff\xe1" + (len(JPEG) + 2).to_bytes(2, "big") + JPEG  # as an EXIF segment holds one
WITH_THUMBNAIL = JPEG[:2] + THUMBNAIL + JPEG[2:]
ALL = (PNG, JPEG, PROGRESSIVE, WITH_THUMBNAIL)


@pytest.mark.parametrize("data", ALL)
def test_whole_files_are_whole_whatever_follows(data: bytes) -> None:
    assert is_whole(data)
    assert is_whole(data + b"\x00" * 9000 + b"a film behind the picture")


@given(st.sampled_from(ALL), st.floats(0, 1, exclude_max=True))
def test_files_that_are_cut_are_not(data: bytes, part: float) -> None:
    kept = data[: int(len(data) * part)]
    assert is_whole(kept) in ((False,) if len(kept) >= 8 else (False, None))


@pytest.mark.parametrize("data", ALL)
def test_the_size_stated_is_that_of_the_picture_and_no_thumbnail_s(data: bytes) -> None:
    assert stated_size(data) == (56, 40)


def test_a_thumbnail_of_another_size_is_passed_over() -> None:
    small = cv2.imencode(".jpg", PICTURE[:8, :16])[1].tobytes()
    assert stated_size(JPEG[:2] + b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small + JPEG[2:]) == (
        56,
        40,
    )


@pytest.mark.parametrize("data", [b"", b"GIF89a", PNG[:23], JPEG[:20], b"\xff\xd8\xff\xc0\x00\x11\x08\x00"])
def test_less_than_a_head_states_no_size(data: bytes) -> None:
    assert stated_size(data) is None


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"]))
def test_noise_ends_the_search(noise: bytes, start: bytes) -> None:
    assert is_whole(start + noise) in (True, False, None)
    size = stated_size(start + noise)
    assert size is None or all(0 <= side < 2**32 for side in size)
