from __future__ import annotations

from array import array

import numpy as np
import pytest

from anyview_ros.clips.owned import owned


def test_keeps_an_array_that_owns_its_memory():
    image = np.zeros((4, 6, 3), np.uint8)
    assert owned(image) is image
    assert np.shares_memory(owned(image.reshape(-1)), image)


@pytest.mark.parametrize("make", [bytes, bytearray, lambda data: array("B", data)])
def test_keeps_a_view_of_a_message_buffer_of_its_own_size(make):
    image = np.frombuffer(make(bytes(72)), np.uint8).reshape(4, 6, 3)
    assert owned(image) is image


def test_copies_a_crop_so_that_the_whole_is_not_kept():
    whole = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)
    for part in (whole[5:7], whole[:, 3:9], whole[:, :, ::-1]):
        kept = owned(part)
        assert not np.shares_memory(kept, whole)
        assert kept.flags.c_contiguous
        np.testing.assert_array_equal(kept, part)


def test_copies_a_small_view_of_a_large_buffer():
    image = np.frombuffer(bytes(1000), np.uint8, count=72).reshape(4, 6, 3)
    assert owned(image).base is None
