"""Transforms are there for the instants of the pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anyview_ros.diagnosis.evidence import CameraEvidence, Evidence
from anyview_ros.diagnosis.finding import Finding, error, fine, warning
from anyview_ros.diagnosis.transforms import Edge

_STALE_S = 1.0
_PERIODS = 5.0
_GAP_S = 0.5
_OFFSET_S = (0.3, 1.0)  # between the clocks: warning, error. Exposure and transport take up to 0.2 s
_POSTDATED_S = 1.0  # localisation stamps its transforms ahead, by up to a second as a rule
_SHARE = 0.9  # of the pictures that must find a transform around them


def check_tf_time(evidence: Evidence) -> Iterator[Finding]:
    """Transforms that stopped, came once, leave gaps, or are stamped by another clock than the pictures."""
    tree = evidence.transforms
    if tree is None:
        return
    for camera in evidence.cameras:
        if not len(camera.images) or np.any(camera.images.stamps_ns <= 0):
            continue
        way = tree.between(camera.frame, evidence.reference_frame(camera))
        if not way:
            continue
        moving = [edge for edge in way if not edge.static and len(edge.stamps_ns)]
        found = [finding for edge in moving for finding in _one(camera, edge)]
        yield from found
        if not found:
            rates = (
                ", ".join(f"{edge.name} {_rate(edge)}{_postdated(edge)}" for edge in moving) or "all static"
            )
            yield fine("tf_time", camera.frame, f"covers the pictures' instants: {rates}")


def _rate(edge: Edge) -> str:
    steps = np.diff(edge.stamps_ns)
    return f"{1e9 / np.median(steps):.0f} Hz" if len(steps) else "once"


def _postdated(edge: Edge) -> str:
    ahead_s = _ahead_s(edge.stamps_ns, edge.receipts_ns)
    return f", postdated by {ahead_s:.2f} s" if ahead_s > _OFFSET_S[0] else ""


def _ahead_s(stamps_ns: NDArray[np.int64], receipts_ns: NDArray[np.int64]) -> float:
    return float(np.median(stamps_ns - receipts_ns)) / 1e9


def _one(camera: CameraEvidence, edge: Edge) -> Iterator[Finding]:
    if len(edge.stamps_ns) == 1:
        yield warning(
            "tf_time.once",
            edge.name,
            "came once on /tf",
            "publish it on /tf_static if it never changes, else again and again",
        )
        return
    offset = list(_clocks(camera, edge))
    yield from offset
    if offset:
        return
    period_s = float(np.median(np.diff(edge.stamps_ns))) / 1e9
    late_s = (int(camera.images.stamps_ns.max()) - int(edge.stamps_ns[-1])) / 1e9
    if late_s > max(_STALE_S, _PERIODS * period_s):
        yield error(
            "tf_time.stale",
            edge.name,
            f"the last one is {late_s:.1f} s older than the last picture",
            "find out why its publisher stopped (joint states, localisation), and restart it",
        )
        return
    gap_s = float(np.diff(edge.stamps_ns).max()) / 1e9
    if gap_s > max(_GAP_S, _PERIODS * period_s):
        yield warning(
            "tf_time.gaps",
            edge.name,
            f"a gap of {gap_s:.2f} s at {1 / period_s:.0f} Hz",
            "poses are interpolated over it: find out why its publisher paused",
        )
    yield from _coverage(camera, edge, max(period_s, _OFFSET_S[0]))


def _clocks(camera: CameraEvidence, edge: Edge) -> Iterator[Finding]:
    """Each clock is compared with the receiver's; the difference of the two is theirs.

    Transforms ahead of the receiver's may be postdated by a clock that is right.
    """
    images = camera.images
    picture_s = _ahead_s(images.stamps_ns, images.receipts_ns)
    transform_s = _ahead_s(edge.stamps_ns, edge.receipts_ns)
    offset_s = picture_s - transform_s
    postdated_s = float(np.clip(transform_s, 0, _POSTDATED_S))
    if -postdated_s - _OFFSET_S[0] <= offset_s <= _OFFSET_S[0]:
        return
    make = error if abs(offset_s) > _OFFSET_S[1] else warning
    yield make(
        "tf_time.offset",
        f"{images.topic} and {edge.name}",
        f"pictures are stamped {abs(offset_s):.3g} s {'ahead of' if offset_s > 0 else 'behind'} the transforms "
        f"(against receipt: pictures {picture_s:+.3f} s, transforms {transform_s:+.3f} s)",
        "synchronise the machines' clocks (chrony, PTP); stamp by one clock: all simulated, or none",
    )


def _coverage(camera: CameraEvidence, edge: Edge, slack_s: float) -> Iterator[Finding]:
    stamps = camera.images.stamps_ns
    slack_ns = round(slack_s * 1e9)
    inside = (stamps >= edge.stamps_ns[0] - slack_ns) & (stamps <= edge.stamps_ns[-1] + slack_ns)
    share = float(inside.mean())
    if share < _SHARE:
        yield warning(
            "tf_time.uncovered",
            edge.name,
            f"is known at only {share:.0%} of the pictures' instants",
            "start TF before the camera; the others have no pose",
        )
