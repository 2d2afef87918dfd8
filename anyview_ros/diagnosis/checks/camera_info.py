"""There is a calibration and it belongs to the pictures."""

from __future__ import annotations

from collections.abc import Iterator

from anyview_ros.diagnosis.evidence import CameraEvidence, Evidence, Origin
from anyview_ros.diagnosis.finding import Finding, error, fine, warning
from anyview_ros.errors import InvalidCameraError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.messages import Calibration

_OFF_CENTRE = 0.25  # of the image's side
_TWICE = (0.85, 1.15)  # principal point, as a part of the image's side, where K is of twice the size
_ASPECT = (0.8, 1.25)
_FOV_DEG = (5.0, 150.0)
_SAME_ASPECT = 0.02
_CALIBRATE = (
    "calibrate the camera (ros2 run camera_calibration cameracalibrator) and give the driver the file"
)


def check_camera_info(evidence: Evidence) -> Iterator[Finding]:
    """Missing, uncalibrated, of another size than the pictures, of another frame, implausible, changing."""
    for camera in evidence.cameras:
        found = list(_one(evidence, camera))
        yield from found
        calibration = camera.calibration
        if not found and calibration is not None:
            pinhole = calibration.pinhole(rectified=camera.rectified)
            yield fine(
                "camera_info",
                _thing(camera),
                f"fits: fx {pinhole.fx:.1f}, fy {pinhole.fy:.1f}, {pinhole.horizontal_fov_deg:.0f}° wide",
            )


def _thing(camera: CameraEvidence) -> str:
    return camera.infos.topic if camera.infos is not None else camera.name


def _one(evidence: Evidence, camera: CameraEvidence) -> Iterator[Finding]:
    calibration = camera.calibration
    if calibration is None:
        yield _missing(evidence, camera)
        return
    thing = _thing(camera)
    if not calibration.is_finite:
        yield error("camera_info.not_finite", thing, "nan or infinite values", _CALIBRATE)
        return
    if not calibration.is_calibrated:
        yield error("camera_info.uncalibrated", thing, "K[0] is 0: the camera is not calibrated", _CALIBRATE)
        return
    try:
        pinhole = calibration.pinhole(rectified=camera.rectified)
    except InvalidCameraError as err:
        yield error("camera_info.impossible", thing, str(err), _CALIBRATE)
        return
    if len(camera.calibrations) > 1:
        yield warning(
            "camera_info.changes",
            thing,
            f"{len(camera.calibrations)} different calibrations",
            "let one driver publish one calibration; zooming or autofocus lenses change it",
        )
    misfit = list(_size(camera, calibration))
    yield from misfit
    if not misfit:
        yield from _plausible(thing, pinhole)
    yield from _frame(camera, calibration)


def _missing(evidence: Evidence, camera: CameraEvidence) -> Finding:
    if evidence.origin is Origin.EPISODE:
        return error(
            "camera_info.missing",
            camera.name,
            "no intrinsics",
            "write lowdim/<camera> with intrinsics (3, 3)",
        )
    if camera.infos is None:
        namespace = camera.name.removesuffix("/compressed").rpartition("/")[0]
        return error(
            "camera_info.missing",
            camera.name,
            f"no topic {namespace}/camera_info",
            "make the driver publish camera_info beside the image, or remap camera_info",
        )
    return error(
        "camera_info.silent",
        camera.infos.topic,
        f"no message in {evidence.duration_s:.1f} s",
        "make the driver publish camera_info with every image",
    )


def _size(camera: CameraEvidence, calibration: Calibration) -> Iterator[Finding]:
    if not camera.images.sizes or camera.images.sizes[-1] == calibration.image_size:
        return
    (width, height), (told_width, told_height) = camera.images.sizes[-1], calibration.image_size
    sx, sy = width / max(told_width, 1), height / max(told_height, 1)
    if abs(sx / sy - 1) < _SAME_ASPECT:
        remedy = f"the picture is resized by {sx:.3g}: scale K and P too (image_proc ResizeNode does both)"
    elif (width, height) == (told_height, told_width):
        remedy = "the picture is turned by a quarter: turn it back, or calibrate the turned one"
    else:
        remedy = "publish the calibration of this picture; set binning and roi of camera_info if the sensor is cropped"
    yield error(
        "camera_info.does_not_fit",
        _thing(camera),
        f"is for {told_width}x{told_height} but pictures are {width}x{height}",
        remedy,
    )


def _plausible(thing: str, camera: PinholeCamera) -> Iterator[Finding]:
    across, down = (camera.cx + 0.5) / camera.width, (camera.cy + 0.5) / camera.height
    if max(abs(across - 0.5), abs(down - 0.5)) > _OFF_CENTRE:
        doubled = all(_TWICE[0] < part < _TWICE[1] for part in (across, down))
        remedy = (
            "K looks like that of a picture of twice the size: halve fx, fy, cx, cy"
            if doubled
            else "check that K belongs to this resolution, or set roi of camera_info if the picture is a crop"
        )
        yield warning(
            "camera_info.off_centre",
            thing,
            f"principal point ({camera.cx:.0f}, {camera.cy:.0f}) of a picture of {camera.width}x{camera.height}",
            remedy,
        )
    if not _ASPECT[0] < camera.fx / camera.fy < _ASPECT[1]:
        yield warning(
            "camera_info.pixels_not_square",
            thing,
            f"fx {camera.fx:.1f} and fy {camera.fy:.1f} differ by {abs(camera.fx / camera.fy - 1):.0%}",
            "check that K was scaled as the picture was, in both directions",
        )
    if not _FOV_DEG[0] < camera.horizontal_fov_deg < _FOV_DEG[1]:
        yield warning(
            "camera_info.field_of_view",
            thing,
            f"{camera.horizontal_fov_deg:.0f}° wide (fx {camera.fx:.1f} at {camera.width} pixels)",
            "check the unit (pixels, not millimetres) and the resolution of K",
        )


def _frame(camera: CameraEvidence, calibration: Calibration) -> Iterator[Finding]:
    frame = calibration.frame.removeprefix("/")
    if frame != camera.frame:
        yield warning(
            "camera_info.other_frame",
            _thing(camera),
            f"frame {frame!r}, but the pictures' is {camera.frame!r}",
            "give both the same header; poses are taken from the picture's frame",
        )
