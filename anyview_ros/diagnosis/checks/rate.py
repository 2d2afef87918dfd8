"""The camera does not stop, stutter or leave gaps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from anyview_ros.diagnosis.evidence import CameraEvidence, Evidence, Origin
from anyview_ros.diagnosis.finding import Finding, error, fine, warning

_LONG_S = 0.5  # the default of virtual_camera's window.max_gap_s: after it the window begins anew
_STOPPED_S = 1.0
_PERIODS = 5.0  # of silence that count as a stop or a gap, where the camera is slow
_IRREGULAR = 0.5  # spread of the intervals (5 % to 95 %), as a part of their median


def check_rate(evidence: Evidence) -> Iterator[Finding]:
    """Rate, stops, gaps and jitter of every camera."""
    if evidence.origin is Origin.EPISODE:
        return
    for camera in evidence.cameras:
        if len(camera.images) >= 2:
            yield from _one(evidence, camera)
        elif len(camera.images) == 1:
            yield warning(
                "rate.single",
                camera.name,
                "a single picture",
                "let the camera run; a window needs several frames",
            )


def _one(evidence: Evidence, camera: CameraEvidence) -> Iterator[Finding]:
    receipts = np.sort(camera.images.receipts_ns)
    intervals_s = np.diff(receipts) / 1e9
    period_s = float(np.median(intervals_s))
    if period_s <= 0:
        return
    trouble = False
    silence_s = (evidence.span_ns[1] - int(receipts[-1])) / 1e9
    if silence_s > max(_STOPPED_S, _PERIODS * period_s):
        trouble = True
        yield error(
            "rate.stopped",
            camera.name,
            f"no picture in the last {silence_s:.1f} s",
            "restart the camera; check its cable, power and USB bandwidth",
        )
    gaps = intervals_s[intervals_s > max(_LONG_S, _PERIODS * period_s)]
    if len(gaps):
        trouble = True
        yield warning(
            "rate.gaps",
            camera.name,
            f"{len(gaps)} gaps, the longest of {gaps.max():.2f} s, at {1 / period_s:.1f} Hz",
            "free the link or the disk (large best-effort images are lost without a larger shared-memory segment); "
            "the window begins anew after window.max_gap_s",
        )
    # By stamps, where these can be had: receipt also shows the jitter of the link.
    regular = camera.images.stamps_ns if np.all(np.diff(camera.images.stamps_ns) > 0) else receipts
    steps = np.diff(regular) / 1e9
    low, median, high = (float(v) for v in np.percentile(steps, (5, 50, 95)))
    if len(steps) >= 5 and not len(gaps) and high - low > _IRREGULAR * median:
        trouble = True
        yield warning(
            "rate.irregular",
            camera.name,
            f"intervals of {low * 1e3:.0f} to {high * 1e3:.0f} ms, median {median * 1e3:.0f} ms",
            "fix the exposure time or the frame rate in the driver; find who drops frames",
        )
    if not trouble:
        yield fine("rate", camera.name, f"{1 / median:.1f} Hz")
