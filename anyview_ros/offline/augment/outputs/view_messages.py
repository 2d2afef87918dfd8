"""The messages of a synthesised camera, serialised: pictures, CameraInfo, TF and a text that tells how it was made."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, RigidTransform
from anyview_ros.messages import Calibration
from anyview_ros.offline.bag_items import COMPRESSED, IMAGE, INFO, TF
from anyview_ros.offline.bag_writer import ros_types

TEXT = "std_msgs/msg/String"
JPEG_QUALITY = 95

Parts = tuple[bytes | memoryview, ...]
"""A message in pieces, to be written one after the other."""

_STAMP = struct.Struct("<iI")
_STAMP_AT = 4  # after the encapsulation; a header comes first in all messages that have one
_COUNT = struct.Struct("<I")


def message(kind: str, **fields: Any) -> Any:
    """A message such as message("std_msgs/msg/String", data="…")."""
    return ros_types().types[kind](**fields)


def serialised(content: Any) -> bytes:
    """A message's bytes."""
    return bytes(ros_types().serialize_cdr(content, content.__msgtype__))


def header(stamp_ns: int, frame: str) -> Any:
    """A std_msgs/Header."""
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    stamp = message("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
    return message("std_msgs/msg/Header", stamp=stamp, frame_id=frame)


def stamped(template: bytes, stamp_ns: int) -> bytes:
    """A serialised message that begins with a header, with another stamp."""
    stamp = _STAMP.pack(*divmod(stamp_ns, 1_000_000_000))
    return template[:_STAMP_AT] + stamp + template[_STAMP_AT + _STAMP.size :]


def camera_info(camera: PinholeCamera, frame: str) -> bytes:
    """A CameraInfo without distortion, with stamp 0."""
    calibration = Calibration.of_pinhole(camera, frame)
    region = message(
        "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return serialised(
        message(
            INFO,
            header=header(0, frame),
            height=calibration.height,
            width=calibration.width,
            distortion_model=calibration.model,
            **{name: np.array(getattr(calibration, name)) for name in ("d", "k", "r", "p")},
            binning_x=0,
            binning_y=0,
            roi=region,
        )
    )


class ImageMaker:
    """Makes images of one size.

    Args:
        width, height: pixels.
        encoding: "rgb8" or "mono8".
        frame: optical frame.
    """

    def __init__(self, width: int, height: int, encoding: str, frame: str) -> None:
        self._shape = (height, width, 3) if encoding == "rgb8" else (height, width)
        empty = message(
            IMAGE,
            header=header(0, frame),
            height=height,
            width=width,
            encoding=encoding,
            is_bigendian=0,
            step=width * (3 if encoding == "rgb8" else 1),
            data=np.empty(0, np.uint8),
        )
        self._head = serialised(empty)[: -_COUNT.size] + _COUNT.pack(int(np.prod(self._shape)))

    def __call__(self, pixels: NDArray[np.uint8], stamp_ns: int) -> Parts:
        """An Image of uint8 (H, W, 3) or (H, W), which must not change until it is written.

        Raises:
            InvalidInputError: another shape.
        """
        if pixels.shape != self._shape:
            raise InvalidInputError(f"a picture has shape {pixels.shape}; its camera's is {self._shape}")
        return stamped(self._head, stamp_ns), np.ascontiguousarray(pixels, np.uint8).reshape(-1).data


class CompressedMaker:
    """Makes compressed images.

    Args:
        codec: "jpeg" or "png".
        frame: optical frame.
    """

    def __init__(self, codec: str, frame: str) -> None:
        self._codec = codec
        told = f"rgb8; {codec} compressed bgr8"
        empty = message(COMPRESSED, header=header(0, frame), format=told, data=np.empty(0, np.uint8))
        self._head = serialised(empty)[: -_COUNT.size]

    def __call__(self, pixels: NDArray[np.uint8], stamp_ns: int) -> Parts:
        """A CompressedImage of uint8 (H, W, 3), RGB."""
        data = encoded(pixels, self._codec)
        return stamped(self._head, stamp_ns), _COUNT.pack(len(data)), data


def encoded(pixels: NDArray[np.uint8], codec: str) -> bytes:
    """A JPEG or PNG file of uint8 (H, W, 3), RGB.

    Raises:
        InvalidInputError: a size that the codec does not have.
    """
    import cv2

    suffix, options = (
        (".jpg", [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if codec == "jpeg"
        else (".png", [cv2.IMWRITE_PNG_COMPRESSION, 3])
    )
    try:
        done, data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    except cv2.error as error:
        raise InvalidInputError(
            f"a picture of shape {pixels.shape} cannot be written as {codec}: {error}"
        ) from error
    if not done:
        raise InvalidInputError(f"a picture of shape {pixels.shape} cannot be written as {codec}; choose raw")
    return data.tobytes()


def transform(parent: str, child: str, child_to_parent: NDArray[np.float64], stamp_ns: int) -> bytes:
    """A TFMessage with one transform (4, 4)."""
    rigid = RigidTransform(child_to_parent)
    place = dict(zip("xyz", map(float, rigid.translation), strict=True))
    turn = dict(zip("xyzw", map(float, rigid.quaternion), strict=True))
    moved = message(
        "geometry_msgs/msg/Transform",
        translation=message("geometry_msgs/msg/Vector3", **place),
        rotation=message("geometry_msgs/msg/Quaternion", **turn),
    )
    one = message(
        "geometry_msgs/msg/TransformStamped",
        header=header(stamp_ns, parent),
        child_frame_id=child,
        transform=moved,
    )
    return serialised(message(TF, transforms=[one]))


def text(content: Mapping[str, Any]) -> bytes:
    """A String with JSON of plain values."""
    return serialised(message(TEXT, data=json.dumps(content, sort_keys=True)))
