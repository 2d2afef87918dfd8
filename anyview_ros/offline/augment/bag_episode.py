"""ROS bags as source episodes: one bag is one episode.

Options of the source (``AugmentSettings.source_options``):

``fixed_frame=FRAME``
    TF frame that is taken as the world; without it, the root of the TF tree above the best camera.
``calibration=FILE``
    calibration of cameras without CameraInfo, the YAML of ROS's camera_calibration.
``pose=still``
    every camera is taken to stand still, and its own optical frame as the world: for bags without TF.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.files import sha256_of_file
from anyview_ros.offline.augment.bag_film_plan import (
    FilmPlan,
    Lens,
    Placing,
    check_connected,
    frame_of,
    lens_of,
    plan_film,
)
from anyview_ros.offline.augment.bag_scan import BagScan, CameraScan, scan_bag
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import EpisodeCamera
from anyview_ros.offline.augment.source_options import known_options
from anyview_ros.offline.bag_items import COMPRESSED, IMAGE, BagTopic
from anyview_ros.offline.bags import Bag, BagCamera, find_cameras, namespace_of, read_bag
from anyview_ros.offline.calibration import read_camera_yaml
from anyview_ros.offline.posed_film import PosedFilm, posed_film

OPTIONS = ("calibration", "fixed_frame", "pose")
_OURS = ("confidence", "provenance")
_BYTES_BESIDE_A_MESSAGE = 96  # its record and its entry in the index


def open_bag_episodes(path: str | Path, settings: AugmentSettings) -> list[BagEpisode]:
    """Open a bag as an episode.

    Args:
        path: a folder, or a single .mcap or .db3 file.
        settings: of the run; ``source_options`` as told above.

    Raises:
        ReadError: no bag, an empty one, or one that is broken beyond reading.
        InvalidInputError: options that are unknown or make no sense.
    """
    options = known_options(settings, "a bag", OPTIONS)
    if options.get("pose", "still") != "still":
        raise InvalidInputError(f"source option pose is {options['pose']!r}; give still, or record TF")
    given = read_camera_yaml(options["calibration"]) if "calibration" in options else None
    with Bag(path) as bag:
        topics = bag.topics
    return [BagEpisode(Path(path), topics, options.get("fixed_frame", ""), given, still="pose" in options)]


class BagEpisode:
    """A bag as a source. It is looked through once, when that is first needed.

    Args:
        path: of the bag.
        topics: of the bag.
        fixed_frame: TF frame that is taken as the world; "" for the root above the best camera.
        calibration: of cameras without CameraInfo.
        still: whether cameras are taken to stand still.
    """

    kind = "bag"

    def __init__(
        self,
        path: Path,
        topics: tuple[BagTopic, ...],
        fixed_frame: str = "",
        calibration: Lens | None = None,
        *,
        still: bool = False,
    ) -> None:
        self.path = path
        self.name = re.sub(r"[^\w.-]", "_", path.resolve().name.partition(".")[0])
        self.topics = topics
        self._fixed_frame = fixed_frame.removeprefix("/")
        self._given = calibration
        self._still = still
        self._found = _named(find_cameras(topics, calibrated=False, truth=True))
        self._plans: dict[str, FilmPlan] = {}

    @cached_property
    def scan(self) -> BagScan:
        """What a walk through the bag found.

        Raises:
            ReadError: nothing can be read of it.
        """
        cameras = tuple(self._found.values())
        return read_bag(self.path, lambda bag: scan_bag(bag, cameras))

    @cached_property
    def world_frame(self) -> str:
        """The TF frame in which the films' poses are; "" if no camera's frame is known.

        Raises:
            ReadError: the frame asked for is not in TF.
        """
        if self._fixed_frame:
            known = self.scan.transforms.frames
            if self._fixed_frame not in known and not self._still:
                raise ReadError(
                    f"TF of {self.path} has no frame {self._fixed_frame!r}, which was chosen as the world; it has "
                    f"{', '.join(sorted(known)) or 'none'}"
                )
            return self._fixed_frame
        frames = [frame for camera in self._found.values() if (frame := self._frame(camera))]
        roots = [self.scan.transforms.root(frame) for frame in frames if frame in self.scan.transforms.frames]
        return roots[0] if roots else ""

    def _frame(self, camera: BagCamera) -> str:
        try:
            return frame_of(self.scan.cameras[camera.image])
        except ReadError:
            return ""  # told with the camera

    @cached_property
    def cameras(self) -> tuple[EpisodeCamera, ...]:
        """All cameras: those with depth first, those that cannot be used last."""
        cameras = [self._camera(name, camera) for name, camera in self._found.items()]
        return tuple(sorted(cameras, key=lambda camera: not camera.usable))

    def _camera(self, name: str, camera: BagCamera) -> EpisodeCamera:
        has_depth = bool(camera.depth)
        try:
            self._check(camera)
        except ReadError as error:
            return EpisodeCamera(name, usable=False, reason=str(error), has_depth=has_depth)
        return EpisodeCamera(name, has_depth=has_depth)

    def _check(self, camera: BagCamera) -> tuple[Lens, Placing]:
        """What makes a film of a camera's pictures.

        Raises:
            ReadError: they cannot be used.
        """
        scan = self.scan.cameras[camera.image]
        if self._is_ours(camera):
            raise ReadError(f"the pictures of {camera.image} are synthesised, not seen; choose a real camera")
        if not len(scan.pictures):
            raise ReadError(f"{camera.image} has no pictures")
        if not scan.pictures.readable.any():
            problem = scan.pictures.problems.most_common(1)[0][0]
            raise ReadError(f"no picture of {camera.image} can be read: {problem}")
        lens = lens_of(scan, self._given)
        frame = frame_of(scan)
        if self._still:
            return lens, Placing(frame, still=True)
        if frame not in self.scan.transforms.frames:
            raise ReadError(
                f"TF does not know frame {frame} of {camera.image}; record /tf and /tf_static from the start, or, if "
                "the camera stood still, give the source option pose=still"
            )
        check_connected(self.scan.transforms, frame, self.world_frame)
        return lens, Placing(self.world_frame)

    def _is_ours(self, camera: BagCamera) -> bool:
        namespace, last = (
            namespace_of(camera.image),
            camera.image.removesuffix("/compressed").rpartition("/")[2],
        )
        names = {topic.name for topic in self.topics}
        return last in _OURS or any(f"{namespace}/{own}" in names for own in _OURS)

    def shown_by(self, camera: str) -> set[str]:
        """All topics that show what a camera sees: its pictures in every form, its depth and their CameraInfo.

        Pictures in its namespace whose headers name another frame are those of another camera.

        Raises:
            ReadError: no such camera.
        """
        topics = self.camera_topics(camera)
        frame = self._frame(topics)
        shown = {topics.image, topics.camera_info, topics.depth, topics.depth_info}
        namespace = namespace_of(topics.image)
        others = [other for other in self._found.values() if self._frame(other) != frame]
        pictures = {
            topic.name
            for topic in self.topics
            if topic.type in (IMAGE, COMPRESSED)
            and namespace
            and topic.name.startswith(f"{namespace}/")
            and not any(_shows(other, topic.name, namespace) for other in others)
        }
        return (shown | pictures) & {topic.name for topic in self.topics}

    def camera_topics(self, camera: str) -> BagCamera:
        """The topics of a camera.

        Raises:
            ReadError: no such camera.
        """
        if camera not in self._found:
            raise ReadError(
                f"bag {self.path} has no camera {camera!r}; it has {', '.join(self._found) or 'none'}"
            )
        return self._found[camera]

    def plan(self, camera: str) -> FilmPlan:
        """Which pictures make the film of a camera, and what is left out.

        Raises:
            ReadError: as :meth:`film`.
        """
        if camera not in self._plans:
            topics = self.camera_topics(camera)
            try:
                lens, placing = self._check(topics)
                self._plans[camera] = plan_film(
                    self.path, self.scan, camera, self.scan.cameras[topics.image], lens, placing
                )
            except ReadError as error:
                raise ReadError(f"camera {camera} of {self.path} cannot be used: {error}") from error
        return self._plans[camera]

    def world_frame_of(self, camera: str) -> str:
        """The TF frame in which the poses of a camera's film are.

        Raises:
            ReadError: as :meth:`film`.
        """
        return self._check(self.camera_topics(camera))[1].world_frame

    def film(self, camera: str) -> PosedFilm:
        """The pictures of a camera whose poses are known, rectified.

        Raises:
            ReadError: no such camera, or one that cannot be used; the message says why.
        """
        plan = self.plan(camera)
        film = posed_film(
            camera,
            plan.lens,
            plan.camera_to_world,
            plan.stamps_ns,
            plan.pictures,
            has_depth=plan.pictures.depths is not None,
        )
        return replace(film, notes=(*plan.notes, *film.notes))

    def frame_to_world(self, frame: str, stamps_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Poses (N, 4, 4) of a TF frame at some instants, interpolated as tf2 does.

        Raises:
            ReadError: TF does not know the frame, or not at one of the instants.
        """
        tree, frame = self.scan.transforms, frame.removeprefix("/")
        if frame not in tree.frames:
            raise ReadError(
                f"TF of {self.path} has no frame {frame!r}; it has {', '.join(sorted(tree.frames)) or 'none'}"
            )
        check_connected(tree, frame, self.world_frame)
        stamps = np.asarray(stamps_ns, np.int64)
        poses = tree.lookup_all(frame, self.world_frame, stamps)
        unknown = None if poses is None else ~np.isfinite(poses).all(axis=(1, 2))
        if poses is None or unknown is None or unknown.any():
            count = "any" if unknown is None else f"{np.count_nonzero(unknown)} of {len(stamps)}"
            raise ReadError(
                f"where {frame} of {self.path} was in {self.world_frame} is not known at {count} instants; choose a "
                "frame that TF tells for the whole recording"
            )
        return poses

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be read, and what is left out of the films that were opened."""
        films = [loss for name in self._found if name in self._plans for loss in self._plans[name].losses]
        return (*self.scan.losses, *films)

    @property
    def content_bytes(self) -> int:
        """Size of all its messages, not compressed, and of what goes with them in a bag."""
        return (
            self.scan.content_bytes
            + _BYTES_BESIDE_A_MESSAGE * sum(topic.count for topic in self.topics)
            + 2**20
        )

    def fingerprint(self) -> str:
        """sha256 of the names and the content of its files."""
        return _fingerprint(self.path, _states(self.path))

    def describe(self) -> Mapping[str, Any]:
        """Duration, number of messages, topics, the world, and each camera's topics, number of pictures and rate."""
        began_ns, ended_ns = self.scan.span_ns
        return {
            "duration_s": round((ended_ns - began_ns) / 1e9, 9),
            "messages": sum(topic.count for topic in self.topics),
            "topics": len(self.topics),
            "world_frame": self.world_frame,
            "cameras": {
                name: camera_facts(self.scan.cameras[camera.image]) for name, camera in self._found.items()
            },
        }


def camera_facts(camera: CameraScan) -> dict[str, Any]:
    """What a bag tells of a camera, in plain values."""
    instants = np.sort(camera.pictures.instants_ns)
    span_s = float(instants[-1] - instants[0]) / 1e9 if len(instants) > 1 else 0.0
    gaps_s = np.diff(instants) / 1e9
    return {
        "topic": camera.camera.image,
        "camera_info": camera.camera.camera_info,
        "depth": camera.camera.depth,
        "frame": camera.pictures.frame,
        "pictures": len(instants),
        "unreadable": int(np.count_nonzero(~camera.pictures.readable)),
        "rate_hz": round((len(instants) - 1) / span_s, 3) if span_s > 0 else 0.0,
        "usual_gap_s": round(float(np.median(gaps_s)), 3) if len(gaps_s) else 0.0,
        "longest_gap_s": round(float(gaps_s.max()), 3) if len(gaps_s) else 0.0,
        "stamped": camera.pictures.has_stamps,
        "forms": [list(form) for form in camera.pictures.known_forms],
    }


def _shows(other: BagCamera, picture: str, namespace: str) -> bool:
    """Whether pictures are another camera's: its own, another form of them, its depth, or in its deeper namespace."""
    deeper = namespace_of(other.image)
    own = other.image.removesuffix("/compressed")
    return (
        picture in (own, other.depth)
        or picture.startswith(f"{own}/")
        or (deeper.startswith(f"{namespace}/") and picture.startswith(f"{deeper}/"))
    )


def _named(cameras: tuple[BagCamera, ...]) -> dict[str, BagCamera]:
    """Cameras by name: their namespace, or, where several share it, their topic; raw pictures go before compressed."""
    raw = {camera.image for camera in cameras if not camera.is_compressed}
    kept = [
        camera
        for camera in cameras
        if not (camera.is_compressed and camera.image.removesuffix("/compressed") in raw)
        and camera.image.removesuffix("/compressed").rpartition("/")[2] not in _OURS
    ]
    spaces = [namespace_of(camera.image).strip("/") for camera in kept]
    return {
        space if space and spaces.count(space) == 1 else camera.image.strip("/"): camera
        for space, camera in zip(spaces, kept, strict=True)
    }


def _states(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, size and time of change of a bag's files: what tells whether they were written to."""
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    return tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)


@cache
def _fingerprint(path: Path, states: tuple[tuple[str, int, int], ...]) -> str:
    folder = path if path.is_dir() else path.parent
    digests = [f"{name} {size} {sha256_of_file(folder / name)}" for name, size, _ in states]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
