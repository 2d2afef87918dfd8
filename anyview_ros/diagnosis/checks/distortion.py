"""Distortion is removed once, not twice or never."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from anyview_ros.diagnosis.evidence import CameraEvidence, Evidence
from anyview_ros.diagnosis.finding import Finding, error, fine, warning
from anyview_ros.errors import InvalidCameraError
from anyview_ros.geometry import DistortedCamera
from anyview_ros.messages import Calibration

_WIDE_DEG = 110.0
_SAME = 1e-6  # of K and P, as a part of fx


def check_distortion(evidence: Evidence) -> Iterator[Finding]:
    """Coefficients that cannot be used, that fold the picture, or that stay with a rectified one."""
    for camera in evidence.cameras:
        calibration = camera.calibration
        if calibration is not None and calibration.is_calibrated and calibration.is_finite:
            yield from _rectified(camera, calibration) if camera.rectified else _raw(camera, calibration)


def _thing(camera: CameraEvidence) -> str:
    return camera.infos.topic if camera.infos is not None else camera.name


def _rectified(camera: CameraEvidence, calibration: Calibration) -> Iterator[Finding]:
    if not calibration.is_distorted:
        yield fine("distortion", _thing(camera), "rectified, no coefficients")
        return
    if calibration.p[0] == 0:
        yield error(
            "distortion.no_projection",
            _thing(camera),
            "pictures are called rectified, but P is not set",
            "calibrate with P, or use the raw picture, which virtual_camera rectifies",
        )
    elif np.abs(calibration.P - calibration.K).max() < _SAME * abs(calibration.k[0]):
        yield warning(
            "distortion.not_removed",
            _thing(camera),
            f"pictures are called rectified, but D = {_listed(calibration.d)} and P equals K",
            "use the raw topic, or let image_proc rectify; if the picture is straight, publish D = 0",
        )
    else:
        yield fine(
            "distortion", _thing(camera), "rectified; P differs from K as it should: set rectify to false"
        )


def _raw(camera: CameraEvidence, calibration: Calibration) -> Iterator[Finding]:
    try:
        lens = calibration.lens(rectified=False)
    except InvalidCameraError as err:
        yield error(
            "distortion.unusable",
            _thing(camera),
            str(err),
            "use plumb_bob, rational_polynomial or equidistant with as many coefficients as it has",
        )
        return
    if lens.is_pinhole:
        yield from _straight(camera, lens)
        return
    shift_px = _corner_shift(lens)
    if _folds(lens):
        yield error(
            "distortion.folds",
            _thing(camera),
            f"D = {_listed(calibration.d)} folds the picture over before its corners",
            "calibrate again with the board in the corners too; check the order k1 k2 p1 p2 k3",
        )
        return
    yield fine(
        "distortion",
        _thing(camera),
        f"{lens.model}, up to {shift_px:.0f} px at the corners; virtual_camera removes it (rectify is true)",
    )


def _straight(camera: CameraEvidence, lens: DistortedCamera) -> Iterator[Finding]:
    width_deg = lens.camera.horizontal_fov_deg
    if width_deg > _WIDE_DEG:
        yield warning(
            "distortion.none_but_wide",
            _thing(camera),
            f"D is zero at {width_deg:.0f}° width",
            "lenses this wide bend lines: calibrate (equidistant for fisheyes), or check K's resolution",
        )
    else:
        yield fine("distortion", _thing(camera), "none")


def _corner_shift(lens: DistortedCamera) -> float:
    """The longest way, in pixels, from where a corner of the ideal picture is to where it is found."""
    corners = _border(lens)
    shift = np.linalg.norm(lens.distort_points(corners) - corners, axis=-1)
    return float(shift.max())


def _folds(lens: DistortedCamera) -> bool:
    """Whether, on the way from the middle to a corner, the raw picture is passed through backwards."""
    pinhole = lens.camera
    middle = np.array([pinhole.cx, pinhole.cy])
    way = np.linspace(0.0, 1.0, 50)[:, None, None]
    seen = lens.distort_points(middle + way * (_border(lens) - middle))
    within = np.asarray(pinhole.contains(seen))[1:]
    radius = np.linalg.norm(seen - middle, axis=-1)
    return bool(np.any((np.diff(radius, axis=0) < 0) & within))


def _border(lens: DistortedCamera) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    width, height = lens.camera.size
    return np.array([[0.0, 0.0], [width - 1, 0.0], [0.0, height - 1], [width - 1, height - 1]])


def _listed(values: tuple[float, ...]) -> str:
    return "[" + ", ".join(f"{value:.3g}" for value in values) + "]"
