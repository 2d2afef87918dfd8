"""Episodes on disk: posed pictures of several cameras, in the layout that the AnyView release and its bench use.

::

    metadata.json                          extrinsics.transform: cam2world (default) or world2cam;
                                           specific.roles: camera -> input | target;
                                           ours, optional: synthesised: camera -> how its pictures were made
    rgb/camX/%010d.jpg|png  or  rgb/camX.mp4
    lowdim/camX/%010d.npz   or  lowdim/camX.npz      camera, timestep, intrinsics (3, 3), extrinsics (4, 4),
                                           and ours, optional: stamp_ns
    depth/camX/%010d.png                   ours, optional: 16 bit, millimetres, 0 = unknown

A stacked ``lowdim/camX.npz`` has a leading axis of time. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import ReadError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.episode_files import LowdimEntry, read_depth, read_lowdim, read_pictures, video_path
from anyview_ros.offline.unfinished import UNFINISHED
from anyview_ros.offline.video import video_rate_hz

Array = NDArray[np.float64]

DEFAULT_RATE_HZ = 10.0
"""Frames per second where neither the metadata nor a video tell it."""

_TRANSFORMS = ("cam2world", "world2cam")
_RATE_KEYS = ("fps", "frame_rate", "rate_hz")
_MAX_SHIFT_PX = 1e-3  # of intrinsics within a clip


@dataclass(frozen=True, eq=False)
class EpisodeFrame:
    """One picture of an episode.

    Attributes:
        timestep: its number, from lowdim.
        stamp_ns: timestep at the episode's rate, unless lowdim tells it; see :attr:`Episode.own_stamps`.
        image: uint8 (H, W, 3), RGB.
        intrinsics: (3, 3), pixels, as written.
        camera_to_world: (4, 4), metres, OpenCV axes; not checked.
        depth: float32 (H, W), metres, 0 = unknown; or None.
    """

    timestep: int
    stamp_ns: int
    image: NDArray[np.uint8]
    intrinsics: Array
    camera_to_world: Array
    depth: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class EpisodePlace:
    """Where a camera was at one picture of an episode; attributes are those of :class:`EpisodeFrame`."""

    timestep: int
    stamp_ns: int
    intrinsics: Array
    camera_to_world: Array


@dataclass(frozen=True, eq=False)
class Episode:
    """An episode, opened; pictures are read when asked for.

    Attributes:
        path: its folder.
        metadata: content of metadata.json; empty if there is none.
        cameras: names, in order.
        roles: role of a camera, such as "input" and "target", as far as told.
        rate_hz: frames per second.
        transform: what the extrinsics on disk are: "cam2world" or "world2cam".
        own_stamps: whether stamps that lowdim tells are taken; otherwise all follow from timesteps and the rate.
    """

    path: Path
    metadata: Mapping[str, Any]
    cameras: tuple[str, ...]
    roles: Mapping[str, str]
    rate_hz: float
    transform: str
    own_stamps: bool = True
    _entries: dict[str, list[LowdimEntry]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def open(cls, path: str | Path) -> Episode:
        """Read metadata.json and find the cameras.

        Raises:
            ReadError: no episode, or metadata that cannot be used.
        """
        path = Path(path)
        if not is_episode(path):
            raise ReadError(f"{path} is no episode: it has no folder rgb with pictures or videos")
        metadata = _read_metadata(path / "metadata.json")
        names = {p.stem if p.suffix == ".mp4" else p.name for p in (path / "rgb").iterdir()}
        cameras = tuple(
            sorted(
                name for name in names if (path / "rgb" / name).is_dir() or video_path(path, name).is_file()
            )
        )
        if not cameras:
            raise ReadError(f"{path}/rgb holds no cameras; put pictures in rgb/<camera>/ or rgb/<camera>.mp4")
        transform = _section(metadata, "extrinsics").get("transform", _TRANSFORMS[0])
        if transform not in _TRANSFORMS:
            raise ReadError(
                f"{path}/metadata.json: extrinsics.transform is {transform!r}; give cam2world or world2cam"
            )
        return cls(path, metadata, cameras, _roles(metadata), _rate_hz(path, metadata, cameras), transform)

    def frames(self, camera: str, wanted: range | None = None) -> Iterator[EpisodeFrame]:
        """Read a camera's pictures in order.

        Args:
            camera: name.
            wanted: numbers of the pictures to read, ascending; None for all.

        Raises:
            ReadError: no such camera, numbers of pictures and of lowdim entries that differ, or broken files.
        """
        lowdim = self._lowdim(camera)
        chosen = range(len(lowdim)) if wanted is None else wanted
        pictures = read_pictures(self.path, camera, lowdim, chosen)
        for index, (image, entry) in zip(chosen, pictures, strict=True):
            place = self._place(camera, index, entry)
            yield EpisodeFrame(
                timestep=place.timestep,
                stamp_ns=place.stamp_ns,
                image=image,
                intrinsics=place.intrinsics,
                camera_to_world=place.camera_to_world,
                depth=read_depth(self.path, camera, entry),
            )

    def places(self, camera: str) -> list[EpisodePlace]:
        """Read where a camera was at each of its pictures, without reading these.

        Raises:
            ReadError: no such camera, or broken files.
        """
        return [self._place(camera, index, entry) for index, entry in enumerate(self._lowdim(camera))]

    def _lowdim(self, camera: str) -> list[LowdimEntry]:
        if camera not in self.cameras:
            raise ReadError(f"{self.path} has no camera {camera!r}; it has {', '.join(self.cameras)}")
        if camera not in self._entries:
            self._entries[camera] = read_lowdim(self.path, camera)
        return self._entries[camera]

    def _place(self, camera: str, index: int, entry: LowdimEntry) -> EpisodePlace:
        timestep = entry.timestep if entry.timestep is not None else index
        told_ns = entry.stamp_ns if self.own_stamps else None
        return EpisodePlace(
            timestep=timestep,
            stamp_ns=round(timestep * 1e9 / self.rate_hz) if told_ns is None else told_ns,
            intrinsics=entry.intrinsics,
            camera_to_world=_camera_to_world(entry, self.transform, f"{self.path}: {camera}"),
        )

    def clip(self, camera: str) -> PosedClip:
        """Read a camera's pictures as one clip.

        Raises:
            ReadError: as :meth:`frames`; intrinsics that change; depth of some frames only.
            InvalidClipError, InvalidCameraError, InvalidPoseError: what a clip cannot be made of.
        """
        frames = list(self.frames(camera))
        if not frames:
            raise ReadError(f"{self.path}: camera {camera} has no pictures")
        intrinsics = constant_intrinsics([frame.intrinsics for frame in frames], self.path, camera)
        sizes = {frame.image.shape for frame in frames}
        if len(sizes) > 1:
            raise ReadError(f"{self.path}: pictures of {camera} have several sizes, {sorted(sizes)}")
        height, width = frames[0].image.shape[:2]
        return PosedClip(
            frames=np.stack([frame.image for frame in frames]),
            camera=PinholeCamera.from_matrix(intrinsics, width, height),
            camera_to_world=np.stack([frame.camera_to_world for frame in frames]),
            stamps_ns=np.array([frame.stamp_ns for frame in frames], np.int64),
            depth=_stacked([frame.depth for frame in frames], f"{self.path}: {camera}"),
        )

    @property
    def recorded(self) -> tuple[str, ...]:
        """The cameras whose pictures were seen, not synthesised, as far as the metadata tell."""
        synthesised = _section(self.metadata, "synthesised")
        return tuple(camera for camera in self.cameras if camera not in synthesised)

    def with_role(self, role: str) -> tuple[str, ...]:
        """The cameras of a role, such as "input" or "target"."""
        return tuple(camera for camera in self.cameras if self.roles.get(camera) == role)


def constant_intrinsics(intrinsics: Sequence[Array], path: Path, camera: str) -> Array:
    """The intrinsics (3, 3) that all frames of a camera of the episode at ``path`` share.

    Raises:
        ReadError: they change.
    """
    apart = max(float(np.abs(each - intrinsics[0]).max()) for each in intrinsics)
    if apart > _MAX_SHIFT_PX:
        raise ReadError(
            f"{path}: intrinsics of {camera} change by {apart:.3g} px within the episode; cut it where they change"
        )
    return intrinsics[0]


def is_episode(path: str | Path) -> bool:
    """Whether this names an episode: a folder with a folder rgb in it, but for one that was never finished."""
    return (Path(path) / "rgb").is_dir() and not Path(path).name.endswith(UNFINISHED)


def _stacked(depths: Sequence[NDArray[np.float32] | None], name: str) -> NDArray[np.float32] | None:
    known = [depth for depth in depths if depth is not None]
    if not known:
        return None
    if len(known) != len(depths):
        raise ReadError(f"{name} has depth for {len(known)} of {len(depths)} frames; give all or none")
    shapes = sorted({depth.shape for depth in known})
    if len(shapes) > 1:
        raise ReadError(f"{name} has depth of {shapes[0]} and of {shapes[1]}; give one size for all frames")
    return np.stack(known)


def _read_metadata(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReadError(f"cannot read {file}: {error}; it must be JSON") from error
    if not isinstance(content, dict):
        raise ReadError(f"{file} must hold a JSON object, got {type(content).__name__}")
    return content


def _section(metadata: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = metadata.get(name)
    return section if isinstance(section, dict) else {}


def _roles(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Roles by camera, whichever way round they are written."""
    told = _section(_section(metadata, "specific"), "roles")
    roles: dict[str, str] = {}
    for key, value in told.items():
        if isinstance(value, str):
            camera, role = (value, key) if key in ("input", "target") else (key, value)
            roles[camera] = role
        elif isinstance(value, list):
            roles |= {str(camera): str(key) for camera in value}
    return roles


def _rate_hz(path: Path, metadata: Mapping[str, Any], cameras: Sequence[str]) -> float:
    for section in (metadata, _section(metadata, "specific")):
        for key in _RATE_KEYS:
            value = section.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                return float(value)
    videos = [video for video in (video_path(path, camera) for camera in cameras) if video.is_file()]
    return video_rate_hz(videos[0]) if videos else DEFAULT_RATE_HZ


def _camera_to_world(entry: LowdimEntry, transform: str, name: str) -> Array:
    if transform == _TRANSFORMS[0]:
        return entry.extrinsics
    try:
        return np.asarray(np.linalg.inv(entry.extrinsics), np.float64)
    except np.linalg.LinAlgError as error:
        raise ReadError(
            f"{name}: extrinsics of {entry.key} are {entry.extrinsics.tolist()}: {error}"
        ) from error
