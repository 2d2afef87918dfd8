from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.methods.look_beyond.panorama.scene import PanoramaScene


def make(shape: tuple[int, int] = (8, 16), **changed: object) -> PanoramaScene:
    arrays: dict[str, object] = {
        "colour": np.zeros((*shape, 3), np.float32),
        "depth_m": np.ones(shape, np.float32),
        "seen": np.zeros(shape, np.bool_),
        "camera_to_world": np.eye(4),
    }
    return PanoramaScene(**{**arrays, **changed})  # type: ignore[arg-type]


def test_a_panorama_is_twice_as_wide_as_high() -> None:
    assert make().height == 8
    with pytest.raises(InvalidInputError, match=r"\(8, 8, 3\).*twice as wide as high"):
        make((8, 8))


def test_bad_arrays_are_named() -> None:
    with pytest.raises(InvalidInputError, match="depth_m is float32"):
        make(depth_m=np.ones((4, 8), np.float32))
    with pytest.raises(InvalidInputError, match="seen is uint8"):
        make(seen=np.zeros((8, 16), np.uint8))
    with pytest.raises(InvalidInputError, match="not finite"):
        make(depth_m=np.full((8, 16), np.nan, np.float32))
    with pytest.raises(InvalidInputError, match="outside"):
        make(colour=np.full((8, 16, 3), 2, np.float32))
    with pytest.raises(InvalidInputError, match="one pose"):
        make(camera_to_world=np.eye(4)[None])
    with pytest.raises(InvalidPoseError):
        make(camera_to_world=2 * np.eye(4))
