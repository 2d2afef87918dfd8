"""``transforms.json``: posed pictures as NeRF, nerfstudio and instant-ngp keep them.

Read are, for all frames or for each: ``fl_x fl_y cx cy w h`` or ``camera_angle_x camera_angle_y``, the distortion
``k1 k2 k3 p1 p2`` (``k1 k2 k3 k4`` of OPENCV_FISHEYE), ``camera_model``; of each frame ``file_path``,
``transform_matrix`` and, if given, ``depth_file_path`` (in units of ``depth_unit_scale_factor``, 0.001 if not told);
and ``fps``. Frames are in time order as they are listed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry import DistortedCamera, PinholeCamera, opengl_to_opencv
from anyview_ros.offline.picture_files import read_depth_values, read_picture
from anyview_ros.offline.posed_film import DEFAULT_RATE_HZ, FilmFrame, PosedFilm, even_stamps_ns, posed_film

_PINHOLE = {"PINHOLE", "SIMPLE_PINHOLE"}
_OPENCV = {"OPENCV", "SIMPLE_RADIAL", "RADIAL", "PERSPECTIVE"} | _PINHOLE
_FISHEYE = {"OPENCV_FISHEYE"}
_INTRINSIC_KEYS = (
    "camera_model",
    *("fl_x", "fl_y", "cx", "cy", "w", "h", "camera_angle_x", "camera_angle_y"),
    *("k1", "k2", "k3", "k4", "p1", "p2"),
)
_MILLIMETRES = 1e-3


def is_transforms(path: str | Path) -> bool:
    """Whether this names a ``transforms.json``, or a folder with one."""
    path = Path(path)
    return path.suffix == ".json" or (path / "transforms.json").is_file()


def read_transforms(path: str | Path, *, rate_hz: float | None = None) -> PosedFilm:
    """Open the pictures of a ``transforms.json``; distorted ones are rectified as they are read.

    Args:
        path: the file, or the folder that holds it.
        rate_hz: frames per second; None takes ``fps`` of the file, or else 10.

    Raises:
        ReadError: a file that is missing or broken, or cameras that this package does not know.
        InvalidPoseError: a pose that is not rigid.
    """
    path = Path(path)
    path = path if path.is_file() or path.suffix == ".json" else path / "transforms.json"
    content = _content(path)
    frames = _frames(path, content)
    camera = _camera(path, _intrinsics(path, content, frames), _pictures(path, frames)[0])
    poses = np.stack([_matrix(path, index, frame) for index, frame in enumerate(frames)])
    depths = _depths(path, frames)
    scale = _number(path, content, "depth_unit_scale_factor", _MILLIMETRES)
    rate = rate_hz if rate_hz is not None else _number(path, content, "fps", DEFAULT_RATE_HZ)
    pictures = _pictures(path, frames)

    def read(wanted: range) -> Iterator[FilmFrame]:
        for index in wanted:
            depth = read_depth_values(depths[index]) * np.float32(scale) if depths else None
            yield FilmFrame(read_picture(pictures[index]), depth)

    return posed_film(
        path.parent.name or path.name,
        camera,
        poses_in_our_axes(poses),
        even_stamps_ns(len(frames), rate),
        read,
        has_depth=bool(depths),
        metric=False,
    )


def poses_in_our_axes(transform_matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """``transform_matrix`` (T, 4, 4), camera-to-world with OpenGL axes, as ``camera_to_world`` with OpenCV's.

    This is the only place where the axes of this format are converted.
    """
    return opengl_to_opencv(transform_matrices)


def centre_at_our_pixel(edge_coordinate: float) -> float:
    """A principal point with pixel *edges* at integers, as this format and COLMAP have it, with *centres* there."""
    return edge_coordinate - 0.5


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ReadError(f"cannot read {path}: {error}; it must be JSON") from error
    if not isinstance(content, dict):
        raise ReadError(f"{path} must hold a JSON object, got {type(content).__name__}")
    return content


def _frames(path: Path, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    frames = content.get("frames")
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, dict) for frame in frames):
        raise ReadError(f"{path} has no list of frames; is it a transforms.json?")
    for index, frame in enumerate(frames):
        if not isinstance(frame.get("file_path"), str):
            raise ReadError(
                f"{path}: frames[{index}].file_path is {frame.get('file_path')!r}; name the picture"
            )
    return frames


def _pictures(path: Path, frames: Sequence[Mapping[str, Any]]) -> list[Path]:
    """The pictures' files; NeRF's own synthetic data leave out the suffix .png."""
    files = [path.parent / frame["file_path"] for frame in frames]
    return [file if file.suffix else file.with_name(file.name + ".png") for file in files]


def _depths(path: Path, frames: Sequence[Mapping[str, Any]]) -> list[Path]:
    named = [frame["depth_file_path"] for frame in frames if frame.get("depth_file_path")]
    if named and len(named) != len(frames):
        raise ReadError(f"{path} names depth for {len(named)} of {len(frames)} frames; name all or none")
    for name in named:
        if not isinstance(name, str):
            raise ReadError(f"{path}: depth_file_path is {name!r}; name the depth image")
    return [path.parent / name for name in named]


def _matrix(path: Path, index: int, frame: Mapping[str, Any]) -> NDArray[np.float64]:
    try:
        matrix = np.array(frame.get("transform_matrix"), np.float64)
    except (TypeError, ValueError):
        matrix = np.zeros(0)
    if matrix.shape == (3, 4):
        matrix = np.vstack([matrix, [0, 0, 0, 1]])
    if matrix.shape != (4, 4):
        raise ReadError(f"{path}: frames[{index}].transform_matrix must be 4x4 numbers")
    return matrix


def _intrinsics(
    path: Path, content: Mapping[str, Any], frames: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Those of every frame: the file's, overruled by the frame's own."""
    each = [{key: {**content, **frame}.get(key) for key in _INTRINSIC_KEYS} for frame in frames]
    changed = next((index for index, own in enumerate(each) if own != each[0]), None)
    if changed is not None:
        raise ReadError(
            f"{path}: intrinsics of frames[{changed}] differ from those of frames[0]; a film has one camera: "
            "make a file of each"
        )
    return each[0]


def _camera(path: Path, told: Mapping[str, Any], picture: Path) -> PinholeCamera | DistortedCamera:
    height, width = read_picture(picture).shape[:2]
    for key, size in (("w", width), ("h", height)):
        if told[key] is not None and _number(path, told, key) != size:
            raise ReadError(
                f"{path}: {key} is {told[key]} but {picture} has {size}; give intrinsics of the pictures' size"
            )
    fx = _focal(path, told, "fl_x", "camera_angle_x", width)
    fy = _focal(path, told, "fl_y", "camera_angle_y", height) or fx
    if fx is None or fy is None:
        raise ReadError(
            f"{path} has neither fl_x nor camera_angle_x; give the focal length in pixels as fl_x"
        )
    cx, cy = _number(path, told, "cx", width / 2), _number(path, told, "cy", height / 2)
    model = told["camera_model"] or "OPENCV"
    if model not in _OPENCV | _FISHEYE:
        raise ReadError(
            f"{path}: camera_model is {model!r}; known are {', '.join(sorted(_OPENCV | _FISHEYE))}: undistort the "
            "pictures first"
        )
    try:
        pinhole = PinholeCamera(fx, fy, centre_at_our_pixel(cx), centre_at_our_pixel(cy), width, height)
        return _distorted(path, told, pinhole, model)
    except InvalidInputError as error:
        raise ReadError(f"{path}: {error}") from error


def _focal(path: Path, told: Mapping[str, Any], key: str, angle_key: str, size: int) -> float | None:
    if told[key] is not None:
        return _number(path, told, key)
    if told[angle_key] is None:
        return None
    angle = _number(path, told, angle_key)
    if not 0 < angle < math.pi:
        raise ReadError(f"{path}: {angle_key} is {angle}; it must be between 0 and pi radians")
    return size / 2 / math.tan(angle / 2)


def _distorted(
    path: Path, told: Mapping[str, Any], camera: PinholeCamera, model: str
) -> PinholeCamera | DistortedCamera:
    k1, k2, k3, k4, p1, p2 = (_number(path, told, key, 0.0) for key in ("k1", "k2", "k3", "k4", "p1", "p2"))
    if model in _FISHEYE:
        return DistortedCamera(camera, "equidistant", [k1, k2, k3, k4])
    if k4:
        raise ReadError(f"{path}: k4 is {k4}, which {model} does not have here; undistort the pictures first")
    coefficients = [k1, k2, p1, p2, k3]
    return DistortedCamera(camera, "plumb_bob", coefficients) if any(coefficients) else camera


def _number(path: Path, values: Mapping[str, Any], key: str, default: float | None = None) -> float:
    value = values.get(key)
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ReadError(f"{path}: {key} is {value!r}; give a finite number")
    return float(value)
