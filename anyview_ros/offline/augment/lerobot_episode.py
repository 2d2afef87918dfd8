"""Episodes of LeRobot v3.0 datasets as sources; a calibration file says where their cameras are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import AnyViewError, InvalidPoseError, ReadError
from anyview_ros.files import sha256_of_file
from anyview_ros.geometry import interpolate_poses
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import EpisodeCamera
from anyview_ros.offline.augment.source_options import known_options
from anyview_ros.offline.lerobot.calibration import (
    CameraCalibration,
    DatasetCalibration,
    DepthKey,
    link_poses,
    numbers_of,
    read_calibration,
)
from anyview_ros.offline.lerobot.dataset import DatasetEpisode, LeRobotDataset
from anyview_ros.offline.lerobot.layout import AUGMENTATION, INFO, STATS, TASKS, is_camera, picture_size
from anyview_ros.offline.lerobot.pictures import embedded_depth, embedded_picture
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm, posed_film

Array = NDArray[np.float64]
CALIBRATION = "calibration.yaml"
_OPTION = "calibration"


def open_lerobot_episodes(path: str | Path, settings: AugmentSettings) -> list[LeRobotEpisode]:
    """Open all episodes of a dataset.

    Args:
        path: of the dataset.
        settings: of the run; ``source_options["calibration"]`` is the calibration file, and without it the dataset's
            own ``calibration.yaml`` is taken, if there is one.

    Raises:
        ReadError: no dataset of version 3.0, one that holds synthesised pictures, or a calibration that does not
            fit it.
        InvalidInputError: ``source_options`` that nobody knows.
    """
    given = known_options(settings, "a LeRobot dataset", (_OPTION,)).get(_OPTION, "")
    dataset = LeRobotDataset.open(path)
    if (dataset.path / AUGMENTATION).is_file():
        raise ReadError(
            f"{dataset.path} holds pictures that are synthesised, not seen (see its {AUGMENTATION}); "
            "augment the dataset that was recorded, with all views at once"
        )
    opened = OpenedDataset(dataset, Path(given) if given else None)
    return [LeRobotEpisode(opened, episode) for episode in opened.dataset.episodes]


class OpenedDataset:
    """A dataset with its calibration: what its episodes share.

    Args:
        dataset: the dataset.
        calibration: the calibration file; None for the dataset's own, if it has one.

    Raises:
        ReadError: a calibration that does not fit.
    """

    def __init__(self, dataset: LeRobotDataset, calibration: Path | None) -> None:
        self.dataset = dataset
        own = dataset.path / CALIBRATION
        self._file = calibration or (own if own.is_file() else None)
        sizes = {key: picture_size(dataset.features[key]) for key in dataset.camera_keys}
        self.calibration = read_calibration(self._file, sizes) if self._file else DatasetCalibration({}, {})
        self._digests: dict[Path, str] = {}

    @property
    def calibrated_by(self) -> str:
        """The calibration file, for people."""
        return str(self._file) if self._file else ""

    def digest(self, file: Path) -> str:
        """sha256 of a file's content, read once."""
        if file not in self._digests:
            self._digests[file] = sha256_of_file(file)
        return self._digests[file]

    @cached_property
    def identity(self) -> str:
        """sha256 that tells this dataset from others, by what its ``meta`` says."""
        meta = self.dataset.path / "meta"
        files = [
            self.dataset.path / INFO,
            self.dataset.path / TASKS,
            *sorted(meta.glob("episodes/*/*.parquet")),
        ]
        return _digest([self.digest(file) for file in files])

    @cached_property
    def first_users(self) -> Mapping[Path, int]:
        """Index of the first episode that has frames in a video file, by file."""
        found: dict[Path, int] = {}
        for episode in self.dataset.episodes:
            for key in self.dataset.video_keys:
                found.setdefault(self.dataset.video_file(episode, key), episode.index)
        return found

    @cached_property
    def calibration_digest(self) -> str:
        """sha256 of the calibration and of the files that it names."""
        if self._file is None:
            return ""
        beside = sorted(self._file.parent.glob("*.yaml"))
        return _digest([self.digest(file) for file in (self._file, *beside)])


class LeRobotEpisode:
    """An episode of a dataset as a source."""

    kind = "lerobot"
    losses: tuple[str, ...] = ()

    def __init__(self, opened: OpenedDataset, episode: DatasetEpisode) -> None:
        self.opened, self.episode = opened, episode
        self.dataset = opened.dataset
        self.path = opened.dataset.path
        self.name = f"episode_{episode.index:06d}"

    @cached_property
    def cameras(self) -> tuple[EpisodeCamera, ...]:
        """Cameras by key: those that are calibrated first, in the order of the calibration file."""
        calibrated = self.opened.calibration.cameras
        depths = {camera.depth.key for camera in calibrated.values() if camera.depth is not None}
        others = [key for key in self.dataset.camera_keys if key not in calibrated and key not in depths]
        return tuple(self._camera(key) for key in (*calibrated, *others))

    def _camera(self, key: str) -> EpisodeCamera:
        calibration = self.opened.calibration.cameras.get(key)
        if calibration is None:
            file = self.opened.calibrated_by
            remedy = (
                f"add it to {file}"
                if file
                else "give a calibration file with --source-option calibration=FILE"
            )
            return EpisodeCamera(key, usable=False, reason=f"its calibration is not known; {remedy}")
        depth = calibration.depth
        if depth is not None and depth.key not in self.dataset.features:
            reason = (
                f"its calibration says that {depth.key} is its depth, which the dataset lacks; correct that"
            )
            return EpisodeCamera(key, usable=False, reason=reason)
        return EpisodeCamera(key, has_depth=depth is not None)

    def fingerprint(self) -> str:
        """sha256 of the dataset's metadata, the files that hold the episode, and the calibration."""
        dataset, episode = self.dataset, self.episode
        files = [
            dataset.data_file(episode),
            *(dataset.video_file(episode, key) for key in dataset.video_keys),
        ]
        if (dataset.path / STATS).is_file():
            files.append(dataset.path / STATS)
        parts = [self.opened.identity, self.opened.calibration_digest, str(episode.index)]
        return _digest([*parts, *(self.opened.digest(file) for file in files)])

    def film(self, camera: str) -> PosedFilm:
        """A camera's pictures.

        Raises:
            ReadError: no such camera, one without calibration, or broken files.
        """
        known = {each.name: each for each in self.cameras}
        if camera not in known:
            raise ReadError(f"{self.path} has no camera {camera!r}; it has {', '.join(known)}")
        if not known[camera].usable:
            raise ReadError(f"camera {camera} of {self.path} cannot be used: {known[camera].reason}")
        calibration = self.opened.calibration.cameras[camera]
        images = self._images(camera)
        depths = None if calibration.depth is None else self._depths(calibration.depth)

        def read(wanted: range) -> Iterator[FilmFrame]:
            if depths is None:
                yield from (FilmFrame(image) for image in images(wanted))
                return
            for image, depth in zip(images(wanted), depths(wanted), strict=True):
                yield FilmFrame(image, depth)

        return posed_film(
            camera,
            calibration.camera,
            self._camera_to_world(calibration),
            self.stamps_ns,
            read,
            has_depth=depths is not None,
        )

    @cached_property
    def stamps_ns(self) -> NDArray[np.int64]:
        """When each frame was taken: frame_index / fps from the episode's beginning."""
        return self.dataset.stamps_ns(self.episode)

    def _images(self, key: str) -> Any:
        if self.dataset.features[key]["dtype"] == "video":
            return self.dataset.video(self.episode, key).images
        column = self.dataset.rows(self.episode, [key])[key]

        def read(wanted: range) -> Iterator[NDArray[np.uint8]]:
            return (embedded_picture(column[index].as_py(), f"{self.name}: {key}") for index in wanted)

        return read

    def _depths(self, depth: DepthKey) -> Any:
        feature = self.dataset.features.get(depth.key)
        if feature is None or not is_camera(feature):
            raise ReadError(
                f"{self.path} has no pictures {depth.key}, which the calibration file names as depth"
            )
        if feature["dtype"] == "video":
            stored: Any = self.dataset.video(self.episode, depth.key).grey
        else:
            column = self.dataset.rows(self.episode, [depth.key])[depth.key]

            def stored(wanted: range) -> Iterator[NDArray[Any]]:
                return (
                    embedded_depth(column[index].as_py(), f"{self.name}: {depth.key}") for index in wanted
                )

        def read(wanted: range) -> Iterator[NDArray[np.float32]]:
            return (
                values.astype(np.float32) * np.float32(depth.metres_per_unit) for values in stored(wanted)
            )

        return read

    def _camera_to_world(self, calibration: CameraCalibration) -> Array:
        if not calibration.link:
            return np.broadcast_to(calibration.pose, (self.episode.length, 4, 4))
        return np.asarray(self._link_to_world(calibration.link) @ calibration.pose)

    def _link_to_world(self, name: str) -> Array:
        link = self.opened.calibration.links[name]
        features = self.dataset.features
        wanted = dict.fromkeys((link.position.key, link.rotation.key))
        keys = [key for key in wanted if key in features and not is_camera(features[key])]
        columns = numbers_of(self.dataset.rows(self.episode, keys), keys)
        try:
            return link_poses(link, columns)
        except InvalidPoseError as error:
            raise ReadError(
                f"where link {name} of {self.name} of {self.path} was is not known: {error}"
            ) from error

    def frame_to_world(self, frame: str, stamps_ns: NDArray[np.int64]) -> Array:
        """Poses (N, 4, 4) of a link of the calibration file, or of a calibrated camera, at some instants.

        Raises:
            ReadError: no such link, or an instant before the first or after the last frame.
        """
        poses = self._frame_poses(frame)
        try:
            return interpolate_poses(self.stamps_ns, poses, stamps_ns)
        except AnyViewError as error:
            raise ReadError(
                f"where {frame} of {self.name} of {self.path} was is not known: {error}"
            ) from error

    def _frame_poses(self, frame: str) -> Array:
        calibration = self.opened.calibration
        if frame in calibration.links:
            return self._link_to_world(frame)
        if frame in calibration.cameras:
            return self._camera_to_world(calibration.cameras[frame])
        known = ", ".join((*calibration.links, *calibration.cameras)) or "none"
        raise ReadError(f"{self.path} knows no frame {frame!r}; its links and cameras are: {known}")

    def describe(self) -> Mapping[str, Any]:
        """Rate, duration, tasks, the robot, and what columns there are."""
        dataset = self.dataset
        return {
            "fps": float(dataset.rate),
            "frames": self.episode.length,
            "duration_s": float(self.episode.length / dataset.rate),
            "tasks": list(self.episode.tasks),
            "robot_type": dataset.info.get("robot_type"),
            "episode_index": self.episode.index,
            "features": {key: list(feature["shape"]) for key, feature in dataset.features.items()},
        }


def _digest(parts: list[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
