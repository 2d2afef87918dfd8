"""Evidence of a camera that is well, to be spoilt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from anyview_ros.diagnosis import (
    CameraEvidence,
    DepthEvidence,
    Edge,
    Evidence,
    Finding,
    Origin,
    Picture,
    Severity,
    Stream,
    TransformTree,
)
from anyview_ros.geometry import BODY_FROM_OPTICAL, PinholeCamera
from anyview_ros.messages import Calibration

START_NS = 1_700_000_000_000_000_000
PINHOLE = PinholeCamera.from_fov(64, 48, horizontal_fov_deg=60)
OPTICAL = "camera_optical_frame"


def stream(topic: str = "/camera/image_raw", rate_hz: float = 10.0, count: int = 30, **other: Any) -> Stream:
    """Stamped at a constant rate, received 20 ms later."""
    stamps = START_NS + np.round(np.arange(count) * 1e9 / rate_hz).astype(np.int64)
    whole: dict[str, Any] = {"frames": (OPTICAL,), "sizes": (PINHOLE.size,), "encodings": ("rgb8",)}
    return Stream(topic, stamps, stamps + 20_000_000, **{**whole, **other})


def edge(
    parent: str, child: str, pose: Any = None, *, rate_hz: float = 0.0, start_ns: int = START_NS
) -> Edge:
    """Static, or dynamic at a rate, over the time of the stream."""
    count = round(3.2 * rate_hz) if rate_hz else 1
    stamps = start_ns - 100_000_000 + np.round(np.arange(count) * 1e9 / max(rate_hz, 1)).astype(np.int64)
    poses = np.tile(np.eye(4) if pose is None else pose, (count, 1, 1))
    return Edge(parent, child, not rate_hz, stamps, stamps + 1_000_000 + START_NS - start_ns, poses)


def tree(*edges: Edge) -> TransformTree:
    """map → base_link → camera_link → camera_optical_frame, with some edges replaced."""
    usual = {
        "base_link": edge("map", "base_link", rate_hz=50),
        "camera_link": edge("base_link", "camera_link"),
        OPTICAL: edge("camera_link", OPTICAL, BODY_FROM_OPTICAL),
    }
    return TransformTree({**usual, **{e.child: e for e in edges}}.values())


def camera(**changes: Any) -> CameraEvidence:
    """A camera that is well, without depth."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    whole = CameraEvidence(
        images=stream(),
        infos=stream("/camera/camera_info"),
        calibrations=(Calibration.of_pinhole(PINHOLE, OPTICAL),),
        pictures=tuple(Picture(START_NS + i * 100_000_000, pixels) for i in range(3)),
    )
    return replace(whole, **changes)


def calibration(**changes: Any) -> Calibration:
    """One that fits, with changes."""
    return replace(Calibration.of_pinhole(PINHOLE, OPTICAL), **changes)


def depth(**changes: Any) -> DepthEvidence:
    """Depth of about two metres, in millimetres."""
    whole = DepthEvidence(stream("/camera/depth/image_raw", encodings=("16UC1",)), None, 0.9, 2000.0)
    return replace(whole, **changes)


def evidence(*cameras: CameraEvidence, **changes: Any) -> Evidence:
    """Of a bag with one camera that is well, or with those given."""
    span = (START_NS, START_NS + 2_920_000_000)
    whole = Evidence(Origin.BAG, "a bag", cameras or (camera(),), tree(), span_ns=span)
    return replace(whole, **changes)


def troubles(check: Callable[[Evidence], Iterator[Finding]], of: Evidence) -> dict[str, Severity]:
    """What a check finds wrong."""
    return {f.check: f.severity for f in check(of) if f.severity is not Severity.OK}
