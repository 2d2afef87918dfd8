"""A recording as instants: what every camera showed at the same moment, at the rate and size that one wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.recording import RecordedCamera, RecordedFrame, Recording


@dataclass(frozen=True, eq=False)
class Instant:
    """What all cameras showed at one moment.

    Attributes:
        stamp_ns: of the source frame, since the start of the recording.
        source: the source camera's picture, not rectified.
        references: pictures by camera name, rectified.
    """

    stamp_ns: int
    source: RecordedFrame
    references: dict[str, RecordedFrame]


def reduced(recording: Recording, max_size: int) -> Recording:
    """The same recording with no side longer than ``max_size`` pixels, and its references rectified.

    Raises:
        InvalidInputError: a size below 16 pixels.
    """
    if max_size < 16:
        raise InvalidInputError(f"max_size is {max_size} pixels; give 16 or more")
    return replace(
        recording,
        source=_reduced(recording.source, max_size),
        references=tuple(_reduced(_rectified(camera), max_size) for camera in recording.references),
    )


def instants(recording: Recording, *, rate_hz: float) -> Iterator[Instant]:
    """Walk through a recording once, at most ``rate_hz`` instants per second of it.

    References are taken at the stamp nearest to the source's. The walk ends with the shortest film.

    Raises:
        InvalidInputError: a rate that is not positive.
        ReadError: a film that cannot be read.
    """
    if not rate_hz > 0:
        raise InvalidInputError(f"rate_hz is {rate_hz}; give a positive number")
    half_frame_ns = round(0.5e9 / recording.rate_hz)
    references = {camera.name: camera.frames() for camera in recording.references}
    due_ns = 0.0
    for frame in recording.source.frames():
        if frame.stamp_ns + half_frame_ns < due_ns:
            continue
        due_ns = max(due_ns, frame.stamp_ns - half_frame_ns) + 1e9 / rate_hz  # after a gap, anew
        seen: dict[str, RecordedFrame] = {}
        for name, film in references.items():
            partner = next(
                (shown for shown in film if shown.stamp_ns >= frame.stamp_ns - half_frame_ns), None
            )
            if partner is None:
                return
            seen[name] = partner
        yield Instant(frame.stamp_ns, frame, seen)


def _rectified(recorded: RecordedCamera) -> RecordedCamera:
    camera = recorded.camera
    if camera.is_pinhole:
        return replace(recorded, camera=camera.rectified)

    def frames() -> Iterator[RecordedFrame]:
        for frame in recorded.frames():
            depth = None if frame.depth is None else camera.rectify(frame.depth, nearest=True)
            yield RecordedFrame(frame.stamp_ns, camera.rectify(frame.image), depth)

    return replace(recorded, camera=camera.rectified, frames=frames)


def _reduced(recorded: RecordedCamera, max_size: int) -> RecordedCamera:
    width, height = recorded.camera.size
    scale = min(1.0, max_size / max(width, height))
    if scale == 1.0:
        return recorded
    size = (max(1, round(width * scale)), max(1, round(height * scale)))

    def frames() -> Iterator[RecordedFrame]:
        for frame in recorded.frames():
            depth = frame.depth
            image = np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), np.uint8)
            if depth is not None:
                depth = np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST_EXACT), np.float32)
            yield RecordedFrame(frame.stamp_ns, image, depth)

    return replace(recorded, camera=recorded.camera.resized(*size), frames=frames)
