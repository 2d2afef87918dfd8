"""Reading ROS bags (mcap and sqlite3, folder or single file) without a ROS distribution."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_items import COMPRESSED, IMAGE, INFO, BagConnection, BagMessage, BagTopic
from anyview_ros.offline.bag_readers import open_reader
from anyview_ros.offline.mcap_files import Span

Found = TypeVar("Found")

_TRUTH = "/truth/"
_COMPRESSED_DEPTH = "/compressedDepth"
_DEPTH_WORDS = frozenset({"aligned", "color", "depth", "image", "raw", "rect", "registered", "rgb", "to"})
"""Of parts of names that say depth and name no camera, such as ``aligned_depth_to_color``."""


class Bag:
    """An open bag; a context manager. It never writes.

    Attributes:
        path: where it is.
        from_start: whether its index is left aside.
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
        self.from_start = from_start
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


def read_bag(path: str | Path, read: Callable[[Bag], Found]) -> Found:
    """What ``read`` finds in a bag: by its index, or, where that leads into damage, in all that is whole.

    Raises:
        ReadError: nothing can be read of it; or what ``read`` raises.
    """
    try:
        with Bag(path) as bag:
            return read(bag)
    except ReadError as error:
        try:
            with Bag(path, from_start=True) as bag:
                return read(bag)
        except ReadError:
            raise error from None


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
        return self.image_type == COMPRESSED

    @property
    def has_compressed_depth(self) -> bool:
        """Whether its depths are CompressedImages."""
        return self.depth.endswith(_COMPRESSED_DEPTH)

    @property
    def depth_info(self) -> str:
        """The CameraInfo topic beside its depth, whether there is one or not; "" without depth."""
        return f"{namespace_of(self.depth)}/camera_info" if self.depth else ""


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

    A depth topic belongs to a camera if its name says depth and it is in the camera's namespace, or aligned to the
    colour picture, or is the only one near it; never if it is in another camera's namespace or named for another one,
    as aligned_depth_to_infra1. Of one that is there raw and compressed, the raw one counts.

    A name that says so of the camera only, as /depth_camera/image_raw, is one of colour if there is
    /depth_camera/depth/image_raw too, or if there is no other picture that it could be the depth of: drivers and
    simulators name colour so more often than depth, but the pictures themselves are not looked at.
    """
    images = [t for t in topics if t.type in {IMAGE, COMPRESSED} and t.count]
    infos = {t.name for t in topics if t.type == INFO and t.count}
    names = [t.name for t in images]
    colours = [t for t in images if not _is_depth(t.name, names)]
    plain = {t.name for t in images if t.type == IMAGE} | {_base(t.name) for t in colours}
    depths = [
        t.name
        for t in images
        if t not in colours
        and (t.type == IMAGE or (t.name.endswith(_COMPRESSED_DEPTH) and _base(t.name) not in plain))
    ]
    namespaces = {namespace_of(t.name) for t in colours}
    found = []
    for topic in colours:
        if _TRUTH in topic.name and not truth:
            continue
        namespace = namespace_of(topic.name)
        info = f"{namespace}/camera_info"
        if info in infos or not calibrated:
            found.append(
                BagCamera(
                    topic.name,
                    topic.type,
                    info if info in infos else "",
                    _depth_of(namespace, depths, namespaces - {namespace}),
                )
            )
    return tuple(sorted(found, key=lambda camera: (_TRUTH in camera.image, not camera.depth, camera.image)))


def namespace_of(picture: str) -> str:
    """The namespace that a topic of pictures or depths, compressed or not, shares with its CameraInfo."""
    return _base(picture).rpartition("/")[0]


def _base(picture: str) -> str:
    """The topic that one of image_transport's forms belongs to."""
    return picture.removesuffix("/compressed").removesuffix(_COMPRESSED_DEPTH)


def _is_depth(name: str, names: Collection[str]) -> bool:
    """Whether pictures are depth, by their name and those of the bag's other pictures."""
    if name.endswith(_COMPRESSED_DEPTH):
        return True
    before, depth, after = name.removesuffix("/compressed").rpartition("depth")
    rest_of_part, slash, _ = after.partition("/")
    if not depth or not slash:
        return bool(depth)
    camera = before + depth + rest_of_part
    if _DEPTH_WORDS.issuperset(camera.rpartition("/")[2].split("_")):
        return True
    if any(other.startswith(f"{camera}/") and "depth" in other.removeprefix(camera) for other in names):
        return False
    return any("depth" not in other for other in names)


def _depth_of(namespace: str, depths: Collection[str], others: Collection[str]) -> str:
    beside, _, last = namespace.rpartition("/")
    parent, camera = beside or namespace, _alike(last)
    near = [
        name
        for name in depths
        if (name.startswith(parent + "/") or (name.startswith(beside + "/") and _named_for(name) == camera))
        and not any(_belongs(name, other, namespace) for other in others)
    ]
    own = [name for name in near if name.startswith(namespace + "/")]
    near = [name for name in near if name in own or _named_for(name) in ("", camera)]
    aligned = own or [name for name in near if _named_for(name)] or [n for n in near if "aligned" in n]
    if aligned:
        return aligned[0]
    return near[0] if len(near) == 1 else ""


def _belongs(depth: str, other: str, namespace: str) -> bool:
    """Whether a depth topic is in another camera's namespace, which does not hold ``namespace``, or named for it."""
    inside = depth.startswith(other + "/") and not namespace.startswith(other + "/")
    beside, _, camera = other.rpartition("/")
    return inside or (depth.startswith(beside + "/") and _named_for(depth) == _alike(camera))


def _named_for(depth: str) -> str:
    """The camera that a depth topic is aligned to by its name, as color by depth_to_color; "" where it tells none."""
    told = re.search(r"_to_([^/]+)/", depth)
    return _alike(told[1]) if told else ""


def _alike(camera: str) -> str:
    """A camera's name, of those that drivers give to one and the same."""
    return "color" if camera == "rgb" else camera


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
