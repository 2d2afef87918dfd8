"""Camera calibrations from the files in which people keep them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import AnyViewError, ReadError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.geometry.distortion import bends_lines


def read_camera_yaml(path: str | Path) -> PinholeCamera | DistortedCamera:
    """Read the YAML that ROS's camera_calibration writes and camera drivers load.

    Raises:
        ReadError: the file is missing or lacks a field; the message names it.
    """
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(
            f"no calibration at {path}: {error.strerror}; write one with ROS's camera_calibration, in its YAML format"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ReadError(f"{path} is not YAML: {error}") from error
    try:
        camera = _pinhole(content)
        coefficients = np.asarray(
            content.get("distortion_coefficients", {}).get("data", []), dtype=np.float64
        )
        if not bends_lines(content.get("distortion_model", ""), coefficients):
            return camera
        return DistortedCamera(camera, content["distortion_model"], coefficients)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReadError(
            f"{path} is no camera calibration: {error!r}; expected ROS's camera_calibration YAML"
        ) from error


def _pinhole(content: dict[str, Any]) -> PinholeCamera:
    matrix = np.asarray(content["camera_matrix"]["data"], dtype=np.float64).reshape(3, 3)
    return PinholeCamera.from_matrix(matrix, int(content["image_width"]), int(content["image_height"]))


def read_qualisys(path: str | Path) -> dict[str, tuple[DistortedCamera, NDArray[np.float64]]]:
    """Read a Qualisys calibration (``.qca.txt``): cameras and their ``camera_to_world`` (metres) by serial.

    The file gives X_cam = diag(1, -1, -1) R (X - C) with C in millimetres, and intrinsics in 1/64 pixel.

    Raises:
        ReadError: the file is missing, no XML, or lacks a field.
    """
    from defusedxml.ElementTree import parse

    try:
        cameras = {node.attrib["serial"]: _qualisys_camera(node) for node in parse(str(path)).iter("camera")}
    except OSError as error:
        raise ReadError(f"no calibration at {path}: {error.strerror}") from error
    except (ParseError, KeyError, AttributeError, AnyViewError) as error:
        raise ReadError(f"{path} is no Qualisys calibration: {error!r}") from error
    if not cameras:
        raise ReadError(f"{path} lists no camera; export the calibration again")
    return cameras


def _qualisys_camera(node: Element) -> tuple[DistortedCamera, NDArray[np.float64]]:
    transform, intrinsic, size = (_numbers(node.find(tag)) for tag in ("transform", "intrinsic", "fov_video"))
    rows = np.array([[transform[f"r{i}{j}"] for j in (1, 2, 3)] for i in (1, 2, 3)])
    camera_to_world = np.eye(4)
    camera_to_world[:3, :3] = (np.diag([1.0, -1.0, -1.0]) @ rows).T
    camera_to_world[:3, 3] = [transform[axis] / 1000 for axis in "xyz"]
    pinhole = PinholeCamera(
        fx=intrinsic["focalLengthU"] / 64,
        fy=intrinsic["focalLengthV"] / 64,
        cx=intrinsic["centerPointU"] / 64,
        cy=intrinsic["centerPointV"] / 64,
        width=round(size["right"] - size["left"] + 1),
        height=round(size["bottom"] - size["top"] + 1),
    )
    names = (
        "radialDistortion1",
        "radialDistortion2",
        "tangentalDistortion1",
        "tangentalDistortion2",
        "radialDistortion3",
    )
    return DistortedCamera(
        pinhole, "plumb_bob", np.array([intrinsic[name] for name in names])
    ), camera_to_world


def _numbers(node: Element | None) -> dict[str, float]:
    return {} if node is None else {key: float(value) for key, value in node.attrib.items()}
