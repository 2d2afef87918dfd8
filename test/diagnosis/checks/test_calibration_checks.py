"""Checks of CameraInfo and distortion."""

from __future__ import annotations

import numpy as np
import pytest
from evidence_maker import PINHOLE, calibration, camera, evidence, stream, troubles

from anyview_ros.diagnosis import Finding, Severity
from anyview_ros.diagnosis.checks.camera_info import check_camera_info
from anyview_ros.diagnosis.checks.distortion import check_distortion
from anyview_ros.messages import Calibration

K = calibration().k


def infos(**changes: object) -> dict[str, Severity]:
    return troubles(check_camera_info, evidence(camera(calibrations=(calibration(**changes),))))


def bent(*, rectified: bool = False, **changes: object) -> list[Finding]:
    looked_at = camera(calibrations=(calibration(**changes),), rectified=rectified)
    return list(check_distortion(evidence(looked_at)))


def scaled(factor: float, fy: float = 1.0) -> tuple[float, ...]:
    return tuple(float(v) for v in np.array(K) * [factor, 1, factor, 1, factor * fy, factor, 1, 1, 1])


def test_missing_and_silent() -> None:
    missing = evidence(camera(infos=None, calibrations=()))
    assert troubles(check_camera_info, missing) == {"camera_info.missing": Severity.ERROR}
    silent = evidence(camera(infos=stream("/camera/camera_info", count=0), calibrations=()))
    assert troubles(check_camera_info, silent) == {"camera_info.silent": Severity.ERROR}


@pytest.mark.parametrize(
    ("changes", "check", "severity"),
    [
        ({"k": (0.0,) * 9}, "camera_info.uncalibrated", Severity.ERROR),
        ({"k": (float("nan"),) * 9}, "camera_info.not_finite", Severity.ERROR),
        ({"k": (-50.0, *K[1:])}, "camera_info.impossible", Severity.ERROR),
        ({"width": 128, "height": 96}, "camera_info.does_not_fit", Severity.ERROR),
        ({"width": 48, "height": 64}, "camera_info.does_not_fit", Severity.ERROR),
        ({"binning": (2, 2)}, "camera_info.does_not_fit", Severity.ERROR),
        ({"k": scaled(2.0)}, "camera_info.off_centre", Severity.WARNING),
        ({"k": scaled(1.0, fy=1.5)}, "camera_info.pixels_not_square", Severity.WARNING),
        ({"k": (3.0, *K[1:4], 3.0, *K[5:])}, "camera_info.field_of_view", Severity.WARNING),
        ({"frame": "camera_link"}, "camera_info.other_frame", Severity.WARNING),
    ],
)
def test_calibrations_that_do_not_belong(changes: dict[str, object], check: str, severity: Severity) -> None:
    assert infos(**changes) == {check: severity}


def test_binning_and_region_are_considered() -> None:
    full = PINHOLE.resized(128, 96)
    fits = {"width": 128, "height": 96, "k": tuple(full.matrix.ravel()), "p": Calibration.of_pinhole(full).p}
    assert infos(**fits, binning=(2, 2)) == {}
    assert "camera_info.does_not_fit" not in infos(**fits, region=(32, 24, 64, 48))


def test_the_remedy_names_the_factor() -> None:
    (finding,) = check_camera_info(evidence(camera(calibrations=(calibration(width=128, height=96),))))
    assert "is for 128x96 but pictures are 64x48" in finding.value
    assert "resized by 0.5" in finding.remedy


def test_calibrations_that_change() -> None:
    two = camera(calibrations=(calibration(), calibration(k=scaled(1.01))))
    assert troubles(check_camera_info, evidence(two)) == {"camera_info.changes": Severity.WARNING}


def test_distortion_of_raw_pictures_is_removed_by_the_node() -> None:
    (finding,) = bent(d=(-0.2, 0.05, 0.0, 0.0, 0.0))
    assert finding.severity is Severity.OK
    assert "virtual_camera removes it" in finding.value


@pytest.mark.parametrize(
    ("changes", "check", "severity"),
    [
        ({"model": "brown", "d": (0.1,) * 4}, "distortion.unusable", Severity.ERROR),
        ({"model": "", "d": (0.1,) * 4}, "distortion.unusable", Severity.ERROR),
        ({"d": (0.1,) * 3}, "distortion.unusable", Severity.ERROR),
        ({"d": (-1.5, 0.0, 0.0, 0.0, 0.0)}, "distortion.folds", Severity.ERROR),
        ({"k": (15.0, *K[1:4], 15.0, *K[5:])}, "distortion.none_but_wide", Severity.WARNING),
        ({"rectified": True, "d": (0.1, 0.0, 0.0, 0.0, 0.0)}, "distortion.not_removed", Severity.WARNING),
        (
            {"rectified": True, "d": (0.1, 0.0, 0.0, 0.0, 0.0), "p": (0.0,) * 12},
            "distortion.no_projection",
            Severity.ERROR,
        ),
    ],
)
def test_distortion_that_spoils_pictures(changes: dict[str, object], check: str, severity: Severity) -> None:
    (finding,) = bent(**changes)  # type: ignore[arg-type]
    assert (finding.check, finding.severity) == (check, severity)


def test_a_rectified_picture_with_a_projection_of_its_own_is_well() -> None:
    p = Calibration.of_pinhole(PINHOLE.resized(60, 44).padded(2, 2, 2, 2)).p
    (finding,) = bent(rectified=True, d=(0.1, 0.0, 0.0, 0.0, 0.0), p=p)
    assert finding.severity is Severity.OK
