"""What can be synthesised from, whatever its format: found out, and opened as posed films."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.calibration import read_camera_yaml
from anyview_ros.offline.colmap import find_colmap, read_colmap
from anyview_ros.offline.episodes import Episode, constant_intrinsics, is_episode
from anyview_ros.offline.inputs import is_bag
from anyview_ros.offline.picture_files import PICTURE_SUFFIXES, list_pictures, read_picture
from anyview_ros.offline.pose_file import read_pose_file
from anyview_ros.offline.posed_film import (
    DEFAULT_RATE_HZ,
    FilmFrame,
    PosedFilm,
    ReadFrames,
    even_stamps_ns,
    posed_film,
)
from anyview_ros.offline.recording import RecordedCamera, Recording
from anyview_ros.offline.samples import motorcycle
from anyview_ros.offline.stereo import read_middlebury
from anyview_ros.offline.transforms_json import is_transforms, read_transforms
from anyview_ros.offline.video import calibrated_video


@dataclass(frozen=True)
class SourceSettings:
    """What a user may say of a source besides where it is; "" and None for what the source itself says.

    Attributes:
        camera: name of the camera whose pictures are given to the method.
        calibration: ROS calibration YAML of a video or a folder of pictures.
        poses: file with the poses of a video or a folder of pictures (see ``pose_file``); "": it stands still.
        images: folder of the pictures of a COLMAP model.
        rate_hz: frames per second.
    """

    camera: str = ""
    calibration: str = ""
    poses: str = ""
    images: str = ""
    rate_hz: float | None = None


@dataclass(frozen=True, eq=False)
class OpenedSource:
    """A source, opened.

    Attributes:
        kind: of which format it is, for people.
        film: what the method is given.
        references: other cameras that filmed the same, opened when asked for.
        attribution: source and licence, if known.
    """

    kind: str
    film: PosedFilm
    references: Mapping[str, Callable[[], PosedFilm]] = field(default_factory=dict)
    attribution: str = ""


def open_source(source: str | Path, settings: SourceSettings | None = None) -> OpenedSource:
    """Open a source of any known format.

    Args:
        source: "motorcycle", an episode, a ``transforms.json`` or its folder, a COLMAP text model, a Middlebury
            stereo folder, a folder of pictures, or a video.
        settings: what else is known.

    Raises:
        ReadError: nothing that can be read; the message says what would do.
        InvalidInputError: settings that this format does not take.
    """
    settings = settings or SourceSettings()
    path = Path(source)
    if str(source) == "motorcycle":
        return _recording("sample", motorcycle(), settings)
    if not path.exists():
        raise ReadError(f"no source at {path}; {_WANTED}")
    if is_episode(path):
        return _episode(path, settings)
    if is_transforms(path):
        _refuse(settings, "transforms.json", "camera", "calibration", "poses", "images")
        return OpenedSource("transforms.json", read_transforms(path, rate_hz=settings.rate_hz))
    if path.is_dir() and find_colmap(path) is not None:
        _refuse(settings, "a COLMAP model", "calibration", "poses")
        film = read_colmap(
            path, images=settings.images or None, camera=settings.camera, rate_hz=settings.rate_hz
        )
        return OpenedSource("COLMAP", film)
    if (path / "calib.txt").is_file():
        return _recording("stereo pair", read_middlebury(path), settings)
    if is_bag(path):
        raise ReadError(f"{path} is a ROS bag, which only `anyview demo --input` plays; {_WANTED}")
    return _pictures(path, settings) if path.is_dir() else _video(path, settings)


_WANTED = (
    "give an episode, a transforms.json, a COLMAP text model, a Middlebury stereo folder, a folder of pictures or a "
    "video with its calibration, or `motorcycle`"
)


def _refuse(settings: SourceSettings, kind: str, *names: str) -> None:
    given = [name for name in names if getattr(settings, name)]
    if given:
        raise InvalidInputError(f"{kind} takes no {' or '.join(given)}; leave it out")


def _episode(path: Path, settings: SourceSettings) -> OpenedSource:
    _refuse(settings, "an episode", "calibration", "poses", "images")
    episode = Episode.open(path)
    if settings.rate_hz is not None:
        episode = replace(episode, rate_hz=settings.rate_hz, own_stamps=False)
    inputs = [name for name in episode.with_role("input") or episode.cameras if name in episode.recorded]
    if not settings.camera and len(inputs) > 1:
        raise ReadError(f"{path} has several cameras, {', '.join(inputs)}; choose the source camera")
    camera = settings.camera or next(iter(inputs), episode.cameras[0])
    if camera in episode.cameras and camera not in episode.recorded:
        raise ReadError(f"the pictures of {camera} of {path} are synthesised, not seen; choose a real camera")
    others = {name: partial(episode_film, episode, name) for name in episode.recorded if name != camera}
    return OpenedSource("episode", episode_film(episode, camera), others)


def episode_film(episode: Episode, camera: str) -> PosedFilm:
    """A camera of an episode as a film.

    Raises:
        ReadError: no such camera, intrinsics that change, or broken files.
    """
    places = episode.places(camera)
    if not places:
        raise ReadError(f"{episode.path}: camera {camera} has no pictures")
    first = next(episode.frames(camera, range(1)))
    intrinsics = constant_intrinsics([place.intrinsics for place in places], episode.path, camera)
    height, width = first.image.shape[:2]

    def read(wanted: range) -> Iterator[FilmFrame]:
        for frame in episode.frames(camera, wanted):
            yield FilmFrame(frame.image, frame.depth)

    return PosedFilm(
        camera,
        PinholeCamera.from_matrix(intrinsics, width, height),
        np.stack([place.camera_to_world for place in places]),
        np.array([place.stamp_ns for place in places], np.int64),
        read,
        has_depth=first.depth is not None,
    )


def _recording(kind: str, recording: Recording, settings: SourceSettings) -> OpenedSource:
    _refuse(settings, f"a {kind}", "calibration", "poses", "images", "rate_hz")
    cameras = {camera.name: camera for camera in (recording.source, *recording.references)}
    name = settings.camera or recording.source.name
    if name not in cameras:
        raise ReadError(f"{recording.title} has no camera {name!r}; it has {', '.join(cameras)}")
    others = {other: partial(recorded_film, cameras[other]) for other in cameras if other != name}
    return OpenedSource(kind, recorded_film(cameras[name]), others, recording.attribution)


def recorded_film(recorded: RecordedCamera) -> PosedFilm:
    """A fixed camera's film. Its frames are decoded once beforehand, to learn how many there are and when.

    Raises:
        ReadError: no frames, or files that cannot be read.
        InvalidPoseError, InvalidClipError: a pose or stamps that no clip can have.
    """
    stamps, has_depth = [], False
    for frame in recorded.frames():
        has_depth = has_depth or frame.depth is not None
        stamps.append(frame.stamp_ns)
    if not stamps:
        raise ReadError(f"{recorded.name} has no frames")

    def frames() -> Iterator[FilmFrame]:
        for frame in recorded.frames():
            yield FilmFrame(frame.image, frame.depth)

    return posed_film(
        recorded.name,
        recorded.camera,
        np.broadcast_to(recorded.camera_to_world, (len(stamps), 4, 4)),
        np.array(stamps, np.int64),
        _by_order(frames),
        has_depth=has_depth,
    )


def _video(path: Path, settings: SourceSettings) -> OpenedSource:
    _refuse(settings, "a video", "camera", "images")
    recording = calibrated_video(path, settings.calibration or None)
    film = recorded_film(recording.source)
    if settings.rate_hz is not None:
        film = replace(film, stamps_ns=even_stamps_ns(len(film), settings.rate_hz))
    return OpenedSource("video", _posed(replace(film, name=path.stem), settings))


def _pictures(path: Path, settings: SourceSettings) -> OpenedSource:
    """A folder of pictures in the order of their names, from one camera with a ROS calibration."""
    _refuse(settings, "a folder of pictures", "camera", "images")
    if not any(file.suffix.lower() in PICTURE_SUFFIXES for file in path.iterdir()):
        raise ReadError(f"{path} is no source; {_WANTED}")
    files = list_pictures(path)
    calibration = Path(settings.calibration) if settings.calibration else path / "calibration.yaml"
    camera = read_camera_yaml(calibration)
    height, width = read_picture(files[0]).shape[:2]
    if camera.size != (width, height):
        raise ReadError(
            f"{calibration} is for {camera.size[0]}x{camera.size[1]} but {files[0]} is {width}x{height}; calibrate at "
            "the pictures' size"
        )

    def read(wanted: range) -> Iterator[FilmFrame]:
        for index in wanted:
            yield FilmFrame(read_picture(files[index]))

    film = posed_film(
        path.name,
        camera,
        np.broadcast_to(np.eye(4), (len(files), 4, 4)),
        even_stamps_ns(len(files), DEFAULT_RATE_HZ if settings.rate_hz is None else settings.rate_hz),
        read,
    )
    return OpenedSource("pictures", _posed(film, settings))


def _posed(film: PosedFilm, settings: SourceSettings) -> PosedFilm:
    """The film with the poses of the user's file, if there is one."""
    if not settings.poses:
        note = f"{film.name} is taken to stand still, its camera at the world's origin looking along z."
        return replace(film, notes=(*film.notes, note))
    poses = read_pose_file(settings.poses).camera_to_world
    if len(poses) not in (1, len(film)):
        raise ReadError(
            f"{settings.poses} has {len(poses)} poses but {film.name} has {len(film)} frames; give one pose per frame, "
            "or one for a camera that stands still"
        )
    return replace(film, camera_to_world=np.broadcast_to(poses, (len(film), 4, 4)))


def _by_order(frames: Callable[[], Iterator[FilmFrame]]) -> ReadFrames:
    """Frames by index of what can only be read from its beginning."""
    return lambda wanted: islice(frames(), wanted.start, wanted.stop, wanted.step)
