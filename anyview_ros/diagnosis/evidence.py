"""What was seen of cameras, poses and connections, without any opinion on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from anyview_ros.diagnosis.transforms import TransformTree
from anyview_ros.messages import Calibration


class Origin(Enum):
    """Where evidence comes from."""

    GRAPH = "live graph"
    BAG = "bag"
    EPISODE = "episode"


@dataclass(frozen=True, eq=False)
class Stream:
    """The messages of one topic, or the frames of one camera of an episode.

    Attributes:
        topic: name of the topic.
        stamps_ns: int64 (N,), in the order of their arrival.
        receipts_ns: int64 (N,), when each was received or logged.
        frames: the frame_ids seen.
        sizes: the sizes (width, height) seen.
        encodings: the encodings seen.
        problems: why messages could not be read, each once.
    """

    topic: str
    stamps_ns: NDArray[np.int64]
    receipts_ns: NDArray[np.int64]
    frames: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    encodings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.stamps_ns)

    @property
    def period_ns(self) -> float:
        """Median time between stamps that differ; nan if there are fewer than two."""
        steps = np.diff(np.unique(self.stamps_ns))
        return float(np.median(steps)) if len(steps) else float("nan")


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture that was kept.

    Attributes:
        stamp_ns: its instant.
        rgb: uint8 (H, W, 3).
        depth_m: float32 (h, w), metres if the encoding says the truth, 0 where unknown; or None.
        depth_stamp_ns: instant of that depth.
        camera_to_world: (4, 4) where poses come with the pictures; None where TF gives them.
    """

    stamp_ns: int
    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32] | None = None
    depth_stamp_ns: int | None = None
    camera_to_world: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class DepthEvidence:
    """A depth stream.

    Attributes:
        stream: its messages.
        calibration: that of the depth topic's own CameraInfo, or None.
        known_share: median part of the pixels that have a depth.
        median_value: median depth as it is on the wire: millimetres of 16UC1, metres of 32FC1.
    """

    stream: Stream
    calibration: Calibration | None = None
    known_share: float = float("nan")
    median_value: float = float("nan")


@dataclass(frozen=True, eq=False)
class CameraEvidence:
    """One camera.

    Attributes:
        images: its pictures' stream.
        infos: its CameraInfo's stream; None if there is no such topic.
        calibrations: the different calibrations seen, in order.
        depth: its depth, or None.
        pictures: a few that were kept, in bursts, so that neighbours can be compared.
        rectified: whether the pictures are said to be rectified.
    """

    images: Stream
    infos: Stream | None
    calibrations: tuple[Calibration, ...]
    depth: DepthEvidence | None = None
    pictures: tuple[Picture, ...] = ()
    rectified: bool = False

    @property
    def name(self) -> str:
        """The topic of its pictures."""
        return self.images.topic

    @property
    def frame(self) -> str:
        """The frame of its pictures; "" if none is named."""
        named = self.images.frames or (self.infos.frames if self.infos is not None else ())
        return named[-1].removeprefix("/") if named else ""

    @property
    def calibration(self) -> Calibration | None:
        """The last calibration seen."""
        return self.calibrations[-1] if self.calibrations else None


@dataclass(frozen=True)
class QosProfile:
    """What matters for whether a publisher and a subscription match."""

    reliable: bool
    latched: bool
    deadline_ns: int | None = None

    def __str__(self) -> str:
        parts = ["reliable" if self.reliable else "best effort", "latched" if self.latched else "volatile"]
        if self.deadline_ns is not None:
            parts.append(f"deadline {self.deadline_ns / 1e6:g} ms")
        return ", ".join(parts)


@dataclass(frozen=True)
class Connection:
    """A publisher and a subscription of one topic.

    Attributes:
        topic: its name.
        publisher, subscriber: names of the nodes.
        offered, requested: their quality of service.
    """

    topic: str
    publisher: str
    subscriber: str
    offered: QosProfile
    requested: QosProfile


@dataclass(frozen=True)
class VirtualCameraState:
    """What a virtual_camera node says of one virtual camera: state in small letters, and the reason if it waits."""

    name: str
    state: str
    reason: str
    is_published: bool


@dataclass(frozen=True)
class VirtualCamerasState:
    """What a virtual_camera node says.

    Attributes:
        topic: of its status.
        summary: one sentence.
        server: name of the synthesis server, and whether it answers.
        received: frames it got; drops: frames lost, by reason.
        cameras: those that it declares.
    """

    topic: str
    summary: str
    server: str
    server_available: bool
    received: int
    drops: Mapping[str, int]
    cameras: tuple[VirtualCameraState, ...]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything that was seen of one target.

    Attributes:
        origin: where it comes from.
        target: what the user named.
        cameras: the real ones.
        transforms: TF; None where poses come with the pictures.
        fixed_frame: the frame that the user says stands still; "" if not said.
        span_ns: receipt times of the beginning and the end.
        connections: publishers and subscriptions, live only.
        virtual_cameras: what virtual_camera nodes say, live only.
        losses: what could not be read of the target, in sentences.
    """

    origin: Origin
    target: str
    cameras: tuple[CameraEvidence, ...]
    transforms: TransformTree | None
    fixed_frame: str = ""
    span_ns: tuple[int, int] = (0, 0)
    connections: tuple[Connection, ...] = ()
    virtual_cameras: tuple[VirtualCamerasState, ...] = ()
    losses: tuple[str, ...] = field(default=())

    @property
    def duration_s(self) -> float:
        """Length of the observation."""
        return (self.span_ns[1] - self.span_ns[0]) / 1e9

    def reference_frame(self, camera: CameraEvidence) -> str:
        """The frame in which a camera's poses are looked at: the fixed frame, or else the root above it."""
        if self.fixed_frame or self.transforms is None:
            return self.fixed_frame
        return self.transforms.root(camera.frame)

    def camera_to_world(
        self, camera: CameraEvidence, picture: Picture, offset_ns: int = 0
    ) -> NDArray[np.float64] | None:
        """The pose (4, 4) of a camera when it took a picture, or ``offset_ns`` later; None if unknown."""
        if self.transforms is None:
            return picture.camera_to_world
        return self.transforms.lookup(
            camera.frame, self.reference_frame(camera), picture.stamp_ns + offset_ns
        )
