import numpy as np
import pytest

from anyview_ros.errors import InvalidClipError
from anyview_ros.geometry import check_stamps


def test_increasing_stamps_come_back_as_int64():
    stamps = check_stamps(np.array([1, 5, 9], np.uint32), 3)
    assert stamps.dtype == np.int64
    assert stamps.tolist() == [1, 5, 9]


def test_equal_stamps_are_an_error_only_where_strict():
    assert check_stamps(np.array([4, 4]), 2, strict=False).tolist() == [4, 4]
    with pytest.raises(InvalidClipError, match=r"must increase, but stamps_ns\[1\] = 4 follows 4"):
        check_stamps(np.array([4, 4]), 2)


def test_a_step_back_is_always_an_error():
    with pytest.raises(InvalidClipError, match=r"not decrease, but stamps_ns\[2\] = 3 follows 5"):
        check_stamps(np.array([4, 5, 3]), 3, strict=False)


def test_a_step_too_far_for_int64_is_not_taken_for_a_step_back():
    stamps = np.array([-(2**62) - 1, 2**62 + 1])
    assert check_stamps(stamps, 2).tolist() == stamps.tolist()


@pytest.mark.parametrize("stamps", [np.array([1.0, 2.0]), np.array([1, 2, 3]), np.array([[1, 2]])])
def test_other_types_and_shapes_are_refused(stamps):
    with pytest.raises(InvalidClipError, match=r"int64 \(2,\)"):
        check_stamps(stamps, 2)
