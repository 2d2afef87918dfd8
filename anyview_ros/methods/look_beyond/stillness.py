"""Whether what a clip shows stands still, as far as a camera that stands still itself can tell."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import relative
from anyview_ros.geometry.rigid import rotation_angle_deg

_STILL_DEG, _STILL_M = 0.1, 0.002
_CHANGE_LEVELS, _CHANGE_SHARE = 24, 0.004
_SIDE_PX = 160
_MOST_FRAMES = 24


def check_stillness(clip: PosedClip) -> None:
    """See that pictures of a clip that were taken from one place do not differ.

    Frames are compared with earlier ones of the same pose, at most 24 of them evenly through the clip. What moves while
    the camera moves too is not noticed.

    Raises:
        InvalidRequestError: pictures from one place that differ.
    """
    indices = np.unique(np.linspace(0, len(clip) - 1, min(len(clip), _MOST_FRAMES)).astype(int))
    small = {int(index): _small(clip.frames[index]) for index in indices}
    places: list[int] = []  # frames that stand for all others of their pose
    for index, picture in small.items():
        before = next((place for place in places if _same_place(clip, place, index)), None)
        if before is None:
            places.append(index)
            continue
        changed = (np.abs(picture - small[before]).max(axis=-1) > _CHANGE_LEVELS).mean()
        if changed > _CHANGE_SHARE:
            raise InvalidRequestError(
                f"frames {before} and {index} of the source were taken from one place but {100 * changed:.1f} % of the "
                "pixels differ: something moves, and method 'look_beyond' shows a scene that stands still. Give one "
                "frame, or the option moving='newest' (the newest picture stands for all) or moving='each' (each "
                "instant by its own picture)"
            )


def _same_place(clip: PosedClip, a: int, b: int) -> bool:
    change = relative(clip.camera_to_world[a], clip.camera_to_world[b])
    return bool(rotation_angle_deg(change) < _STILL_DEG and np.linalg.norm(change[:3, 3]) < _STILL_M)


def _small(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shrunk and blurred, so that a sensor's noise does not count."""
    factor = min(1.0, _SIDE_PX / max(frame.shape[:2]))
    size = (max(round(frame.shape[1] * factor), 1), max(round(frame.shape[0] * factor), 1))
    return np.asarray(cv2.blur(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), (3, 3)), np.float32)
