"""Checks of depth and where it lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evidence_maker import (
    OPTICAL,
    START_NS,
    calibration,
    camera,
    depth,
    edge,
    evidence,
    stream,
    tree,
    troubles,
)

from anyview_ros.diagnosis import DepthEvidence, Picture, Severity
from anyview_ros.diagnosis.checks.depth import check_depth
from anyview_ros.diagnosis.checks.depth_alignment import check_depth_alignment

TOPIC = "/camera/depth/image_raw"


def with_depth(found: DepthEvidence, apart_ns: int | None = 0) -> dict[str, Severity]:
    pictures = tuple(
        replace(p, depth_stamp_ns=None if apart_ns is None else p.stamp_ns - apart_ns)
        for p in camera().pictures
    )
    return troubles(check_depth, evidence(camera(depth=found, pictures=pictures)))


def of(encoding: str, median: float) -> DepthEvidence:
    return depth(stream=stream(TOPIC, encodings=(encoding,)), median_value=median)


@pytest.mark.parametrize(("encoding", "median"), [("16UC1", 800.0), ("32FC1", 2.5), ("32FC1", 40.0)])
def test_depth_that_is_well(encoding: str, median: float) -> None:
    assert with_depth(of(encoding, median)) == {}


@pytest.mark.parametrize(
    ("found", "check", "severity"),
    [
        (of("32FC1", 1800.0), "depth.unit", Severity.ERROR),
        (of("16UC1", 2.0), "depth.unit", Severity.ERROR),
        (of("16UC1", 45_000.0), "depth.unit", Severity.WARNING),
        (of("rgb8", 90.0), "depth.encoding", Severity.ERROR),
        (depth(known_share=0.0), "depth.empty", Severity.ERROR),
        (depth(known_share=float("nan")), "depth.empty", Severity.ERROR),
        (depth(known_share=0.04), "depth.sparse", Severity.WARNING),
        (depth(stream=stream(TOPIC, count=0)), "depth.missing", Severity.ERROR),
        (
            depth(stream=stream(TOPIC, encodings=("16UC1",), problems=("cut",))),
            "depth.unreadable",
            Severity.ERROR,
        ),
    ],
)
def test_depth_that_is_not(found: DepthEvidence, check: str, severity: Severity) -> None:
    assert with_depth(found) == {check: severity}


def test_depth_of_other_instants() -> None:
    assert with_depth(depth(), apart_ns=60_000_000) == {"depth.not_synchronised": Severity.WARNING}
    assert with_depth(depth(), apart_ns=None) == {"depth.unmatched": Severity.ERROR}


def aligned(found: DepthEvidence, **changes: object) -> dict[str, Severity]:
    return troubles(check_depth_alignment, evidence(camera(depth=found), **changes))


def test_depth_of_another_size_frame_or_lens() -> None:
    assert aligned(depth(calibration=calibration())) == {}
    small = depth(stream=stream(TOPIC, sizes=((32, 24),)))
    assert aligned(small) == {"depth_alignment.size": Severity.ERROR}
    k = calibration().k
    other = depth(calibration=calibration(k=(k[0] * 0.8, *k[1:])))
    assert aligned(other) == {"depth_alignment.intrinsics": Severity.ERROR}
    beside = depth(stream=stream(TOPIC, frames=("camera_depth_optical_frame",)))
    assert aligned(beside) == {"depth_alignment.frame": Severity.ERROR}
    shift = np.eye(4)
    shift[0, 3] = 0.015
    for pose, wrong in ((shift, {"depth_alignment.frame": Severity.ERROR}), (np.eye(4), {})):
        transforms = tree(edge(OPTICAL, "camera_depth_optical_frame", pose))
        assert aligned(beside, transforms=transforms) == wrong


@pytest.mark.parametrize("shift", [(0, 0), (9, 0), (0, -8), (-7, 6)])
def test_edges_of_depth_tell_how_far_it_is_off(shift: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    pictures = []
    for index in range(4):
        rgb = np.full((180, 240, 3), 90, np.uint8)
        deep = np.full((180, 240), 3.0, np.float32)
        for _ in range(6):
            x, y, width, height = rng.integers([20, 20, 20, 20], [180, 120, 50, 50])
            rgb[y : y + height, x : x + width] = rng.integers(120, 255, 3)
            deep[y : y + height, x : x + width] = rng.uniform(0.8, 2.0)
        rgb = np.clip(rgb + rng.normal(0, 8, rgb.shape), 0, 255).astype(np.uint8)
        pictures.append(Picture(START_NS + index, rgb, np.roll(deep, shift, axis=(1, 0))))
    looked_at = camera(depth=depth(), pictures=tuple(pictures))
    (finding,) = check_depth_alignment(evidence(looked_at))
    if shift == (0, 0):
        assert finding.severity is Severity.OK
    else:
        assert finding.check == "depth_alignment.edges"
        assert f"({shift[0]:+d}, {shift[1]:+d}) px" in finding.value
