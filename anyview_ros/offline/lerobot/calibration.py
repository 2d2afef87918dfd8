"""What a LeRobot dataset does not tell of its cameras: intrinsics, where they are, and which key is their depth.

::

    cameras:
      observation.images.top:                   # a camera that stands still
        intrinsics: {fx: 612.1, fy: 611.8, cx: 319.5, cy: 239.5}
        distortion: {model: plumb_bob, coefficients: [0.1, -0.2, 0, 0, 0]}      # optional
        camera_to_world: {position: [0.5, 0.0, 0.9], quaternion_xyzw: [0, 1, 0, 0]}
        depth: {key: observation.depth.top, metres_per_unit: 0.001}             # optional
      observation.images.wrist:                 # a camera on a link
        calibration: wrist.yaml                 # ROS's camera_calibration file, beside this one
        link: gripper
        camera_to_link: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.05], [0, 0, 0, 1]]
    links:                                      # poses in the world of the cameras, from columns of the dataset
      gripper:
        position: {key: observation.state, indices: [0, 1, 2]}
        rotation: {key: observation.state, indices: [3, 4, 5, 6], kind: quaternion_xyzw}

Poses are metres, camera axes OpenCV's (x right, y down, z forward), pixel centres at integers. A rotation is
``quaternion_xyzw``, ``quaternion_wxyz``, ``rotation_vector`` (rad) or ``matrix`` (9 numbers, by rows).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import AnyViewError, ReadError
from anyview_ros.geometry import (
    DistortedCamera,
    PinholeCamera,
    RigidTransform,
    check_rigid,
    matrix_from_quaternion,
)
from anyview_ros.offline.calibration import read_camera_yaml
from anyview_ros.offline.lerobot import parquet

Array = NDArray[np.float64]
RotationKind = Literal["quaternion_xyzw", "quaternion_wxyz", "rotation_vector", "matrix"]
_NUMBERS: Mapping[str, int] = {"quaternion_xyzw": 4, "quaternion_wxyz": 4, "rotation_vector": 3, "matrix": 9}
_ROUNDED = 1e-4


@dataclass(frozen=True)
class Columns:
    """Some numbers of a feature.

    Attributes:
        key: of the feature.
        indices: which of its numbers, in order.
    """

    key: str
    indices: tuple[int, ...]


@dataclass(frozen=True)
class LinkPose:
    """Where the pose of a link stands in the dataset.

    Attributes:
        position: three numbers, metres.
        rotation: as many as ``kind`` has.
        kind: what they are.
    """

    position: Columns
    rotation: Columns
    kind: RotationKind


@dataclass(frozen=True)
class DepthKey:
    """The key that is a camera's depth, and the length of one unit of it in metres; 0 is unknown."""

    key: str
    metres_per_unit: float


@dataclass(frozen=True, eq=False)
class CameraCalibration:
    """A camera.

    Attributes:
        camera: intrinsics, of pictures as stored.
        pose: (4, 4), in the world or, if there is a link, in its axes.
        link: name of the link that it is mounted on, or "".
        depth: its depth, if there is some.
    """

    camera: PinholeCamera | DistortedCamera
    pose: Array
    link: str
    depth: DepthKey | None


@dataclass(frozen=True, eq=False)
class DatasetCalibration:
    """All that is told.

    Attributes:
        cameras: by key.
        links: by name.
    """

    cameras: Mapping[str, CameraCalibration]
    links: Mapping[str, LinkPose]


def read_calibration(path: str | Path, sizes: Mapping[str, tuple[int, int]]) -> DatasetCalibration:
    """Read a calibration file.

    Args:
        path: of the YAML file.
        sizes: width and height of the pictures of each camera of the dataset.

    Raises:
        ReadError: missing, no YAML, a camera that the dataset does not have, or entries that cannot be used; the
            message names the entry.
    """
    import yaml

    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(f"no calibration at {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ReadError(f"{path} is not YAML: {error}") from error
    root = _Entry(path, "", content)
    links = {name: _link(entry) for name, entry in root.entries("links", needed=False)}
    cameras = {}
    for key, entry in root.entries("cameras"):
        if key not in sizes:
            raise ReadError(f"{path}: the dataset has no camera {key}; it has {', '.join(sizes) or 'none'}")
        cameras[key] = _camera(entry, sizes[key], links)
    return DatasetCalibration(cameras, links)


@dataclass(frozen=True)
class _Entry:
    """A mapping in the file, with the words that lead to it."""

    path: Path
    place: str
    content: Any

    def __post_init__(self) -> None:
        if not isinstance(self.content, dict):
            raise ReadError(
                f"{self.path}: {self.place or 'the file'} must be a mapping, got {self.content!r}"
            )

    def refuse(self, complaint: str) -> ReadError:
        return ReadError(f"{self.path}: {self.place or 'the file'} {complaint}")

    def below(self, name: str) -> _Entry:
        if name not in self.content:
            raise self.refuse(f"lacks {name}")
        return _Entry(self.path, f"{self.place}.{name}".lstrip("."), self.content[name])

    def entries(self, name: str, *, needed: bool = True) -> list[tuple[str, _Entry]]:
        if not needed and name not in self.content:
            return []
        section = self.below(name)
        return [
            (str(key), _Entry(self.path, f"{section.place}[{key}]", value))
            for key, value in section.content.items()
        ]

    def numbers(self, name: str, count: int) -> Array:
        try:
            values = np.asarray(self.content[name], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise self.refuse(f"must tell {name}, {count} numbers; got {self.content.get(name)!r}") from error
        if values.shape != (count,) or not np.isfinite(values).all():
            raise self.refuse(f"must tell {name}, {count} numbers; got {self.content[name]!r}")
        return values

    def number(self, name: str) -> float:
        value = self.content.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(f"must tell {name}, a number; got {value!r}")
        return float(value)

    def text(self, name: str) -> str:
        value = self.content.get(name)
        if not isinstance(value, str) or not value:
            raise self.refuse(f"must tell {name}, a name; got {value!r}")
        return value


def _camera(entry: _Entry, size: tuple[int, int], links: Mapping[str, LinkPose]) -> CameraCalibration:
    link = entry.text("link") if "link" in entry.content else ""
    if link and link not in links:
        raise entry.refuse(f"is on link {link}, which links does not tell")
    try:
        camera = _intrinsics(entry, size)
        pose = _pose(entry, "camera_to_link" if link else "camera_to_world")
    except AnyViewError as error:
        raise ReadError(f"{entry.path}: {entry.place}: {error}") from error
    depth = None
    if "depth" in entry.content:
        told = entry.below("depth")
        depth = DepthKey(told.text("key"), told.number("metres_per_unit"))
        if depth.metres_per_unit <= 0:
            raise told.refuse(
                f"has metres_per_unit {depth.metres_per_unit}; it must be positive, such as 0.001"
            )
    return CameraCalibration(camera, pose, link, depth)


def _intrinsics(entry: _Entry, size: tuple[int, int]) -> PinholeCamera | DistortedCamera:
    if "calibration" in entry.content:
        camera = read_camera_yaml(entry.path.parent / entry.text("calibration"))
        if camera.size != size:
            raise entry.refuse(
                f"is calibrated for {camera.size[0]}x{camera.size[1]} but its pictures are {size[0]}x{size[1]}; "
                "calibrate at the pictures' size"
            )
        return camera
    told = entry.below("intrinsics")
    pinhole = PinholeCamera(
        fx=told.number("fx"),
        fy=told.number("fy"),
        cx=told.number("cx"),
        cy=told.number("cy"),
        width=size[0],
        height=size[1],
    )
    if "distortion" not in entry.content:
        return pinhole
    lens = entry.below("distortion")
    return DistortedCamera(pinhole, lens.text("model"), lens.content.get("coefficients", ()))


def _pose(entry: _Entry, name: str) -> Array:
    value = entry.content.get(name)
    if isinstance(value, list):
        return check_rigid(value, name=name)
    told = entry.below(name)
    return RigidTransform.from_quaternion(
        told.numbers("quaternion_xyzw", 4), told.numbers("position", 3)
    ).matrix


def _link(entry: _Entry) -> LinkPose:
    rotation = entry.below("rotation")
    kind = rotation.text("kind")
    if kind not in _NUMBERS:
        raise rotation.refuse(f"has kind {kind!r}; choose one of {', '.join(_NUMBERS)}")
    position = _columns(entry.below("position"), 3)
    return LinkPose(position, _columns(rotation, _NUMBERS[kind]), kind)  # type: ignore[arg-type]


def _columns(entry: _Entry, count: int) -> Columns:
    indices = entry.content.get("indices")
    whole = isinstance(indices, list) and all(isinstance(i, int) and not isinstance(i, bool) for i in indices)
    if not whole or len(indices) != count or min(indices) < 0:
        raise entry.refuse(f"must tell indices, {count} whole numbers from 0; got {indices!r}")
    return Columns(entry.text("key"), tuple(indices))


def link_poses(link: LinkPose, columns: Mapping[str, Array]) -> Array:
    """Poses (N, 4, 4) of a link.

    Args:
        link: where they stand.
        columns: values (N, D) by key.

    Raises:
        ReadError: a key or an index that the dataset does not have.
        InvalidPoseError: numbers that are no rotation.
    """
    position = _values(link.position, columns)
    numbers = _values(link.rotation, columns)
    poses = np.tile(np.eye(4), (len(position), 1, 1))
    poses[:, :3, 3] = position
    poses[:, :3, :3] = _rotations(numbers, link.kind)
    return check_rigid(poses, name=f"poses of a link from {link.rotation.key}")


def _values(columns: Columns, known: Mapping[str, Array]) -> Array:
    values = known.get(columns.key)
    if values is None:
        raise ReadError(f"the dataset has no numbers {columns.key}; it has {', '.join(known)}")
    if max(columns.indices) >= values.shape[1]:
        raise ReadError(
            f"{columns.key} has {values.shape[1]} numbers; index {max(columns.indices)} is beyond them"
        )
    return values[:, list(columns.indices)]


def _rotations(numbers: Array, kind: RotationKind) -> Array:
    if kind == "matrix":
        return _nearest_rotations(numbers.reshape(-1, 3, 3))
    if kind == "rotation_vector":
        angles = np.linalg.norm(numbers, axis=1, keepdims=True)
        axes = numbers / np.maximum(angles, 1e-300)
        xyzw = np.concatenate([axes * np.sin(angles / 2), np.cos(angles / 2)], axis=1)
    else:
        xyzw = numbers if kind == "quaternion_xyzw" else np.roll(numbers, -1, axis=1)
    return matrix_from_quaternion(xyzw)


def _nearest_rotations(matrices: Array) -> Array:
    """Rotations of what float32 has made almost rotations."""
    if not np.isfinite(matrices).all():
        raise ReadError("a link's rotation holds numbers that are not finite")
    u, _, v = np.linalg.svd(matrices)
    nearest = np.asarray(u @ v)
    apart = float(np.abs(nearest - matrices).max())
    if apart > _ROUNDED:
        raise ReadError(
            f"a link's rotation, as a matrix, is {apart:.3g} from any rotation; are its columns the right ones?"
        )
    return nearest


def numbers_of(table: Any, keys: Sequence[str]) -> dict[str, Array]:
    """Features of numbers of a table as float64 (N, D), by key.

    Raises:
        ReadError: rows without values.
    """
    return {key: parquet.numbers_of(table, key).astype(np.float64) for key in keys}
