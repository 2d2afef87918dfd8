"""Depth is there, in the right unit, at the pictures' instants."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from anyview_ros.diagnosis.evidence import CameraEvidence, DepthEvidence, Evidence
from anyview_ros.diagnosis.finding import Finding, error, fine, warning

_FAR_M = 60.0  # a median above: millimetres are told as metres
_NEAR_MM = 60.0  # a median below: metres or centimetres are told as millimetres
_VERY_FAR_MM = 20_000.0
_KNOWN_SHARE = 0.1
_SLOP_NS = 20_000_000  # the default of virtual_camera's depth_slop_s
_ENCODINGS = ("16UC1", "mono16", "32FC1")


def check_depth(evidence: Evidence) -> Iterator[Finding]:
    """Missing, unreadable, empty, in another unit, or at other instants than the pictures."""
    for camera in evidence.cameras:
        if camera.depth is not None:
            found = list(_one(camera, camera.depth))
            yield from found
            if not found:
                yield fine("depth", camera.depth.stream.topic, _told(camera.depth))


def _told(depth: DepthEvidence) -> str:
    return (
        f"median {_metres(depth):.2f} m, known at {depth.known_share:.0%} of the pixels "
        f"({'/'.join(depth.stream.encodings)})"
    )


def _metres(depth: DepthEvidence) -> float:
    return depth.median_value if _is_float(depth) else depth.median_value / 1000


def _is_float(depth: DepthEvidence) -> bool:
    return any(encoding.startswith("32FC1") for encoding in depth.stream.encodings)


def _one(camera: CameraEvidence, depth: DepthEvidence) -> Iterator[Finding]:
    stream = depth.stream
    if len(stream) == 0:
        yield error(
            "depth.missing",
            stream.topic,
            "no message",
            "start the depth stream, or do without: use_depth false",
        )
        return
    wrong = [name for name in stream.encodings if not name.startswith(_ENCODINGS)]
    if wrong:
        yield error(
            "depth.encoding",
            stream.topic,
            f"encoding {wrong[0]} is no depth",
            "publish 16UC1 (millimetres) or 32FC1 (metres), not a coloured or 8 bit picture of it",
        )
        return
    if stream.problems:
        yield error("depth.unreadable", stream.topic, stream.problems[0], "publish 16UC1 or 32FC1")
        return
    if not depth.known_share > 0:
        yield error(
            "depth.empty",
            stream.topic,
            "no pixel has a depth",
            "check the projector, the range and the exposure",
        )
        return
    if depth.known_share < _KNOWN_SHARE:
        yield warning(
            "depth.sparse",
            stream.topic,
            f"known at {depth.known_share:.0%} of the pixels",
            "fill it (spatial and temporal filters of the driver); what has no depth is not reprojected",
        )
    yield from _unit(depth)
    yield from _instants(camera, stream.topic)


def _unit(depth: DepthEvidence) -> Iterator[Finding]:
    value, topic = depth.median_value, depth.stream.topic
    if _is_float(depth) and value > _FAR_M:
        yield error(
            "depth.unit",
            topic,
            f"32FC1 must be metres, but the median is {value:.0f}: these look like millimetres",
            "divide by 1000, or publish the values as 16UC1",
        )
    elif not _is_float(depth) and value < _NEAR_MM:
        yield error(
            "depth.unit",
            topic,
            f"16UC1 must be millimetres, but the median is {value:.0f}: these look like metres or centimetres",
            "publish millimetres, or metres as 32FC1",
        )
    elif not _is_float(depth) and value > _VERY_FAR_MM:
        yield warning(
            "depth.unit",
            topic,
            f"the median is {value / 1000:.0f} m if 16UC1 holds millimetres",
            "check the depth unit of the camera (some count in 0.1 or 0.25 mm, TUM data in 0.2 mm) and convert",
        )


def _instants(camera: CameraEvidence, topic: str) -> Iterator[Finding]:
    apart = [
        abs(picture.stamp_ns - picture.depth_stamp_ns)
        for picture in camera.pictures
        if picture.depth_stamp_ns is not None
    ]
    if not apart:
        if camera.pictures:
            yield error(
                "depth.unmatched",
                topic,
                "no depth near the instants of the pictures",
                "compare header.stamp of both; synchronise the streams in the driver",
            )
        return
    median_ns = float(np.median(apart))
    if median_ns > _SLOP_NS:
        yield warning(
            "depth.not_synchronised",
            topic,
            f"stamps are {median_ns / 1e6:.0f} ms from the pictures'",
            "synchronise the streams in the driver (enable_sync), or raise virtual_camera's depth_slop_s",
        )
