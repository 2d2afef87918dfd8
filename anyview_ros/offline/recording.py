"""What fixed, calibrated cameras filmed: the common face of videos, stereo pairs and sample data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import DistortedCamera, PinholeCamera


@dataclass(frozen=True, eq=False)
class RecordedFrame:
    """One picture.

    Attributes:
        stamp_ns: since the start of the recording.
        image: uint8 (H, W, 3), RGB, as filmed (not rectified).
        depth: float32 (H, W), metres, 0 = unknown; or None.
    """

    stamp_ns: int
    image: NDArray[np.uint8]
    depth: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class RecordedCamera:
    """A fixed camera and what it filmed.

    Attributes:
        name: a valid ROS name.
        camera: its intrinsics.
        camera_to_world: float64 (4, 4), metres, OpenCV axes; z of the world points up where that is known.
        frames: gives a fresh iterator over its frames at each call, in order of stamps.
    """

    name: str
    camera: PinholeCamera | DistortedCamera
    camera_to_world: NDArray[np.float64]
    frames: Callable[[], Iterator[RecordedFrame]]


@dataclass(frozen=True, eq=False)
class Recording:
    """One source camera, and others that saw the same and serve as truth.

    Attributes:
        title: one line for people.
        source: the camera whose video is given to the method.
        references: cameras that filmed the same moments.
        rate_hz: frames per second of every camera.
        attribution: source and licence of the pictures.
    """

    title: str
    source: RecordedCamera
    references: tuple[RecordedCamera, ...]
    rate_hz: float
    attribution: str = ""
