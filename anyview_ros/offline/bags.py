"""Reading ROS bags (mcap and sqlite3, folder or single file) without a ROS distribution."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_items import BagConnection, BagMessage, BagTopic
from anyview_ros.offline.bag_readers import open_reader
from anyview_ros.offline.mcap_files import Span

_TRUTH = "/truth/"
_DEPTH_WORDS = frozenset({"aligned", "color", "depth", "image", "raw", "rect", "registered", "rgb", "to"})
"""Of parts of names that say depth and name no camera, such as ``aligned_depth_to_color``."""


class Bag:
    """An open bag; a context manager. It never writes.

    Attributes:
        path: where it is.
        losses: what could not be read of it, in sentences: a bag that was cut, or whose recorder was killed, is read as
            far as it is whole.
    """

    def __init__(self, path: str | Path, *, from_start: bool = False) -> None:
        """Open a bag.

        Args:
            path: a folder, or a single .mcap or .db3 file.
            from_start: whether to leave the index aside and read all that is whole, for a file with damage in the
                middle.

        Raises:
            ReadError: no such bag, one that is no recording of ROS 2, or one without messages.
        """
        self.path = Path(path)
        if not self.path.exists():
            raise ReadError(
                f"no bag at {self.path}; give a folder with metadata.yaml, or an .mcap or .db3 file"
            )
        self._reader = open_reader(self.path, from_start=from_start)
        self.losses = self._reader.losses
        if not any(topic.count for topic in self.topics):
            self.close()
            told = "".join(f" ({loss})" for loss in self.losses)
            raise ReadError(
                f"bag {self.path} holds no messages{told}; was its recorder killed before it wrote them?"
            )

    @property
    def topics(self) -> tuple[BagTopic, ...]:
        """All topics, by name."""
        return self._reader.topics

    @property
    def connections(self) -> tuple[BagConnection, ...]:
        """How topics were recorded; messages tell the index of theirs."""
        return self._reader.connections

    @property
    def custom_data(self) -> dict[str, str]:
        """What the recorder was told to keep beside the messages."""
        return self._reader.custom_data

    @property
    def distribution(self) -> str:
        """The ROS distribution that recorded it; "" if the bag does not tell."""
        return self._reader.distribution

    @property
    def span_ns(self) -> tuple[int, int]:
        """Log times of the first and the last message."""
        return self._reader.span_ns

    def messages(
        self, topics: Collection[str] | None = None, span_ns: Span | None = None
    ) -> Iterator[BagMessage]:
        """Messages in the order of their log times, of all topics or of those named.

        Args:
            topics: names; None for all.
            span_ns: first and last log time, both included; None for the whole bag.

        Raises:
            ReadError: a part of the bag that is damaged.
        """
        return self._reader.messages(topics, span_ns)

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields as attributes, arrays as NumPy arrays.

        Raises:
            ReadError: bytes that are no message of its type.
        """
        return self._reader.decode(message)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()

    def __enter__(self) -> Bag:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class BagCamera:
    """A camera found in a bag: its picture topic and type, CameraInfo topic, and aligned depth topic or ""."""

    image: str
    image_type: str
    camera_info: str
    depth: str

    @property
    def is_compressed(self) -> bool:
        """Whether its pictures are CompressedImages."""
        return self.image_type.endswith("CompressedImage")


@dataclass(frozen=True)
class DescribedCamera:
    """What a bag tells of a camera: picture size (pixels), optical frame, and the root of the TF tree that holds it."""

    width: int
    height: int
    optical_frame: str
    root_frame: str


def find_cameras(
    topics: Collection[BagTopic], *, calibrated: bool = True, truth: bool = False
) -> tuple[BagCamera, ...]:
    """The cameras of a bag: colour pictures whose namespace has a CameraInfo, best guess first.

    With ``calibrated`` false, pictures without one count too; their ``camera_info`` is "". With ``truth`` true, so do
    the simulated robot's true views of cameras that the robot does not have; they go last.

    A depth topic belongs to a camera if its name says depth and it is aligned to the colour picture, or is the only
    one near it. A name that says so of the camera only, as /depth_camera/image_raw, is one of colour if there is
    /depth_camera/depth/image_raw too, or if there is no other picture that it could be the depth of: drivers and
    simulators name colour so more often than depth, but the pictures themselves are not looked at.
    """
    images = [
        t
        for t in topics
        if t.type in {"sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"} and t.count
    ]
    infos = {t.name for t in topics if t.type == "sensor_msgs/msg/CameraInfo" and t.count}
    names = [t.name for t in images]
    depths = [t.name for t in images if t.type == "sensor_msgs/msg/Image" and _is_depth(t.name, names)]
    found = []
    for topic in images:
        if _is_depth(topic.name, names) or (_TRUTH in topic.name and not truth):
            continue
        namespace = topic.name.removesuffix("/compressed").rpartition("/")[0]
        info = f"{namespace}/camera_info"
        if info in infos or not calibrated:
            found.append(
                BagCamera(topic.name, topic.type, info if info in infos else "", _depth_of(namespace, depths))
            )
    return tuple(sorted(found, key=lambda camera: (_TRUTH in camera.image, not camera.depth, camera.image)))


def _is_depth(name: str, names: Collection[str]) -> bool:
    """Whether pictures are depth, by their name and those of the bag's other pictures."""
    before, depth, after = name.removesuffix("/compressed").rpartition("depth")
    rest_of_part, slash, _ = after.partition("/")
    if not depth or not slash:
        return bool(depth)
    camera = before + depth + rest_of_part
    if name.endswith("/compressedDepth") or _DEPTH_WORDS.issuperset(camera.rpartition("/")[2].split("_")):
        return True
    if any(other.startswith(f"{camera}/") and "depth" in other.removeprefix(camera) for other in names):
        return False
    return any("depth" not in other for other in names)


def _depth_of(namespace: str, depths: list[str]) -> str:
    parent = namespace.rpartition("/")[0] or namespace
    near = [name for name in depths if name.startswith(parent + "/")]
    aligned = [name for name in near if "aligned" in name or name.startswith(namespace + "/")]
    if aligned:
        return aligned[0]
    return near[0] if len(near) == 1 else ""


def describe_camera(bag: Bag, camera: BagCamera) -> DescribedCamera:
    """Read a camera's first CameraInfo and the TF tree above it.

    Raises:
        ReadError: a bag without this CameraInfo.
    """
    info = next((bag.decode(message) for message in bag.messages({camera.camera_info})), None)
    if info is None:
        raise ReadError(f"bag {bag.path} has no message on {camera.camera_info}")
    parents: dict[str, str] = {}
    for message in bag.messages({"/tf", "/tf_static"}):
        for transform in bag.decode(message).transforms:
            parents[_plain(transform.child_frame_id)] = _plain(transform.header.frame_id)
    frame = root = _plain(info.header.frame_id)
    for _ in parents:  # at most one step per frame, so that a loop in a broken tree ends
        root = parents.get(root, root)
    return DescribedCamera(int(info.width), int(info.height), frame, root)


def _plain(frame: str) -> str:
    return frame.removeprefix("/")
