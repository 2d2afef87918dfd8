"""Which pictures of a bag's camera make its film, seen through which lens and from where; and what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyview_ros.diagnosis import TransformTree
from anyview_ros.errors import InvalidCameraError, ReadError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.messages import camera_from_calibration
from anyview_ros.offline.augment.bag_pictures import (
    BagPictures,
    TopicTimes,
    advancing,
    decoded,
    nearest,
    spans_told,
)
from anyview_ros.offline.augment.bag_scan import BagScan, CameraScan, Track
from anyview_ros.offline.bags import Bag
from anyview_ros.offline.gathering import says_rectified

Lens = PinholeCamera | DistortedCamera

_MOST_DEPTH_APART_NS = 50_000_000
_LEAST_SHARE_WITH_DEPTH = 0.5


@dataclass(frozen=True, eq=False)
class FilmPlan:
    """A film that can be made.

    Attributes:
        lens: of the pictures as recorded.
        camera_to_world: (T, 4, 4).
        stamps_ns: (T,).
        pictures: reads the frames, and tells which messages they are.
        losses: what is left out, one sentence each.
        notes: what else is to know, one sentence each.
    """

    lens: Lens
    camera_to_world: NDArray[np.float64]
    stamps_ns: NDArray[np.int64]
    pictures: BagPictures
    losses: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Placing:
    """Where poses come from: TF, in ``world_frame``; or, if ``still``, the camera stands at that frame's origin."""

    world_frame: str
    still: bool = False


def lens_of(camera: CameraScan, given: Lens | None) -> Lens:
    """The lens of a camera's pictures as they were recorded.

    Args:
        camera: its scan.
        given: that of a calibration file, which counts where there is no CameraInfo.

    Raises:
        ReadError: none is known, or several; the message names the remedy.
    """
    known = {
        replace(calibration, frame="") for calibration in camera.calibrations if calibration.is_calibrated
    }
    if not known and given is not None:
        return given
    if not camera.calibrations:
        raise ReadError(
            f"there is no CameraInfo for {camera.camera.image}; record it, or give a calibration file with the source "
            "option calibration=FILE (the YAML of ROS's camera_calibration)"
        )
    if len(known) > 1:
        raise ReadError(
            f"{camera.camera.camera_info} tells {len(known)} different calibrations; cut the bag where the lens changed"
        )
    calibration = next(iter(known or camera.calibrations))
    try:
        return camera_from_calibration(
            calibration, rectified=says_rectified(camera.camera.image), image_size=camera.pictures.size
        )
    except InvalidCameraError as error:
        raise ReadError(f"{camera.camera.camera_info} cannot be used: {error}") from error


def frame_of(camera: CameraScan) -> str:
    """The TF frame of a camera's pictures.

    Raises:
        ReadError: the headers name none, or several.
    """
    frames = [frame for frame in camera.pictures.frames if frame]
    frames = frames or sorted(
        {calibration.frame.removeprefix("/") for calibration in camera.calibrations} - {""}
    )
    if not frames:
        raise ReadError(f"the headers of {camera.camera.image} name no TF frame; set frame_id in the driver")
    if len(frames) > 1:
        raise ReadError(
            f"the headers of {camera.camera.image} name several TF frames, {', '.join(sorted(frames))}; cut the bag "
            "where they change"
        )
    return frames[0]


def check_connected(transforms: TransformTree, frame: str, world_frame: str) -> None:
    """Refuse a frame whose pose in the world is not known at any time.

    Raises:
        ReadError: the message names the link that is missing.
    """
    if frame != world_frame and transforms.between(frame, world_frame) is None:
        there = (
            f"{frame} hangs from {transforms.root(frame)}" if frame in transforms.frames else "TF lacks it"
        )
        raise ReadError(
            f"where frame {frame} is in {world_frame} is not known: {there}; record /tf and /tf_static from the start, "
            f"with the transform that links {transforms.root(frame)} to {world_frame}"
        )


def plan_film(
    path: Path, scan: BagScan, name: str, camera: CameraScan, lens: Lens, placing: Placing
) -> FilmPlan:
    """Choose the pictures of a film.

    Args:
        path: of the bag.
        scan: of the bag.
        name: of the camera, for messages.
        camera: its scan.
        lens: as :func:`lens_of` gives it.
        placing: where its poses come from.

    Raises:
        ReadError: no picture can be used; the message says why.
    """
    size, instants = lens.size, camera.pictures.instants_ns
    choice = _Choice(name, len(instants))
    readable, problems = _readable(path, scan, camera, size)
    choice.drop(~readable, lambda: f"they cannot be read ({_most_common(problems)})")
    if camera.pictures.has_stamps:
        choice.drop(instants <= 0, lambda: "they have no stamps")
    choice.drop(
        ~advancing(instants, choice.kept), lambda: "their stamps repeat earlier ones or run backwards"
    )
    poses = _poses(scan.transforms, camera, placing, instants, choice)
    chosen = np.flatnonzero(choice.kept)
    if not len(chosen):
        raise ReadError(f"no picture of {name} can be used: {' '.join(choice.losses) or 'there is none'}")
    depths, chosen_depths, told = _depths(path, scan, name, camera, instants[chosen], size)
    logs = np.array(camera.pictures.logs, np.int64)
    pictures = BagPictures(
        path, scan.from_start, TopicTimes(camera.camera.image, logs), chosen, depths, chosen_depths, size
    )
    notes = (
        () if camera.pictures.has_stamps else (f"The pictures of {name} have no stamps; log times stand in.",)
    )
    if placing.still:
        notes = (*notes, f"{name} is taken to stand still at the origin of {placing.world_frame}.")
    return FilmPlan(lens, poses[chosen], instants[chosen], pictures, (*choice.losses, *told), notes)


class _Choice:
    """Which pictures are left, and why others are not.

    Attributes:
        kept: bool (N,).
        losses: one sentence for each reason.
    """

    def __init__(self, name: str, count: int) -> None:
        self.kept = np.ones(count, bool)
        self.losses: list[str] = []
        self._name = name

    def drop(self, wrong: NDArray[np.bool_], why: Callable[[], str]) -> None:
        """Leave out pictures; those that are out already are not told again."""
        lost = np.flatnonzero(self.kept & wrong)
        if not len(lost):
            return
        self.kept[lost] = False
        self.losses.append(
            f"{len(lost)} of {len(self.kept)} pictures of {self._name} are left out, numbers "
            f"{spans_told(lost.tolist())}: {why()}."
        )


def _readable(
    path: Path, scan: BagScan, camera: CameraScan, size: tuple[int, int]
) -> tuple[NDArray[np.bool_], Counter[str]]:
    """Which pictures can be read and have the size of the lens (N,), and why the others cannot."""
    track, problems = camera.pictures, Counter(camera.pictures.problems)
    if camera.camera.is_compressed:
        return _decodable(path, scan, camera.camera.image, size, problems), problems
    right = {index for form, index in track.known_forms.items() if form[:2] == size}
    forms = np.array(track.forms, np.int32)
    for form, index in track.known_forms.items():
        if index not in right:
            problems[_wrong_size(form[:2], size)] += int(np.count_nonzero(forms == index))
    return np.isin(forms, sorted(right)), problems


def _decodable(
    path: Path,
    scan: BagScan,
    topic: str,
    size: tuple[int, int],
    problems: Counter[str],
    *,
    depth: bool = False,
) -> NDArray[np.bool_]:
    """Which compressed pictures can be decoded, and have that size: nothing else tells."""
    good = []
    with Bag(path, from_start=scan.from_start) as bag:
        for message in bag.messages({topic}):
            try:
                pixels = decoded(bag.decode(message), depth=depth)
            except ReadError as error:
                problems[str(error)] += 1
                good.append(False)
                continue
            good.append((pixels.shape[1], pixels.shape[0]) == size)
            if not good[-1]:
                problems[_wrong_size((pixels.shape[1], pixels.shape[0]), size)] += 1
    return np.array(good, bool)


def _wrong_size(size: tuple[int, int], expected: tuple[int, int]) -> str:
    return f"a picture of {size[0]}x{size[1]}, calibrated for {expected[0]}x{expected[1]}"


def _most_common(problems: Counter[str]) -> str:
    (problem, _), *others = problems.most_common()
    return f"{problem}; and {len(others)} other reasons" if others else problem


def _poses(
    transforms: TransformTree,
    camera: CameraScan,
    placing: Placing,
    instants: NDArray[np.int64],
    choice: _Choice,
) -> NDArray[np.float64]:
    if placing.still:
        return np.tile(np.eye(4), (len(instants), 1, 1))
    frame = frame_of(camera)
    check_connected(transforms, frame, placing.world_frame)
    poses = transforms.lookup_all(frame, placing.world_frame, instants)
    if poses is None:  # for the type checker: it is connected
        raise ReadError(f"where frame {frame} is in {placing.world_frame} is not known")
    unknown = np.asarray(~np.isfinite(poses).all(axis=(1, 2)))
    choice.drop(unknown, lambda: _missing_link(transforms, frame, placing.world_frame, instants, unknown))
    return poses


def _missing_link(
    transforms: TransformTree,
    frame: str,
    world_frame: str,
    instants: NDArray[np.int64],
    unknown: NDArray[np.bool_],
) -> str:
    """Which transform is to blame for poses that are not known, and what would help."""
    edges = transforms.between(frame, world_frame) or ()
    worst = max(edges, key=lambda edge: int(np.count_nonzero(~edge.known_at(instants[unknown]))))
    if not len(worst.stamps_ns):
        return f"the transform {worst.name} {worst.invalid or 'was never sent'}; mend what sends it"
    first_ns = int(instants.min())
    began, ended = ((int(stamp) - first_ns) / 1e9 for stamp in worst.stamps_ns[[0, -1]])
    lasted = (int(instants.max()) - first_ns) / 1e9
    return (
        f"where {frame} was in {world_frame} is not known then; the transform {worst.name} was recorded from "
        f"{began:.2f} s to {ended:.2f} s, the pictures from 0 to {lasted:.2f} s; record /tf a little longer than the "
        "pictures, or name a frame below it as the world with the source option fixed_frame=FRAME"
    )


def _depths(
    path: Path,
    scan: BagScan,
    name: str,
    camera: CameraScan,
    instants: NDArray[np.int64],
    size: tuple[int, int],
) -> tuple[TopicTimes | None, NDArray[np.int64], tuple[str, ...]]:
    """Where the depth of each picture is; nothing, and why, if it cannot be used."""
    none = np.full(len(instants), -1, np.int64)
    track = camera.depths
    if track is None or not len(track):
        return None, none, ()
    problems = Counter(track.problems)
    why = _unfit(track, camera)
    if not why:
        if camera.camera.has_compressed_depth:
            fitting = _decodable(path, scan, track.topic, size, problems, depth=True)
        else:
            fitting = _good_depths(track, size)
        good = np.flatnonzero(fitting)
        if not len(good):
            why = _other_form(track, size) or _most_common(problems)
    if why:
        return None, none, (f"The depth of {name} is not used: {why}.",)
    depth_ns = track.instants_ns[good]
    order = advancing(depth_ns, np.ones(len(good), bool))
    good, depth_ns = good[order], depth_ns[order]
    pairs = nearest(instants, depth_ns)
    apart_ns = np.abs(depth_ns[pairs] - instants)
    paired = apart_ns <= _MOST_DEPTH_APART_NS
    share = float(np.mean(paired))
    if share < _LEAST_SHARE_WITH_DEPTH:
        few = f"only {np.count_nonzero(paired)} of {len(paired)} pictures have one"
        why = f"{few} within {_MOST_DEPTH_APART_NS // 1_000_000} ms"
        return None, none, (f"The depth of {name} is not used: {why}.",)
    lost = np.flatnonzero(~paired)
    which = f"{len(lost)} of {len(paired)} frames of {name}, numbers {spans_told(lost.tolist())},"
    told = (f"{which} have no depth; it counts as unknown there.",) if len(lost) else ()
    chosen = np.where(paired, good[pairs], -1).astype(np.int64)
    return TopicTimes(track.topic, np.array(track.logs, np.int64)), chosen, told


def _unfit(track: Track, camera: CameraScan) -> str:
    """Why a depth is not aligned with the pictures; "" if it is."""
    if track.has_stamps != camera.pictures.has_stamps:
        return "its stamps and those of the pictures cannot be compared, since one of them has none"
    if "aligned" not in track.topic and track.frame != camera.pictures.frame:
        return f"it is seen from frame {track.frame}, not {camera.pictures.frame}; record it aligned to the pictures"
    return ""


def _other_form(track: Track, size: tuple[int, int]) -> str:
    """What depths are whose messages say so and that are not like the pictures."""
    form = next(((w, h, encoding) for w, h, encoding in track.known_forms if w and h), None)
    if form is None:
        return ""
    return f"it is {form[0]}x{form[1]} {form[2]}, while the pictures are {size[0]}x{size[1]}"


def _good_depths(track: Track, size: tuple[int, int]) -> NDArray[np.bool_]:
    right = [
        index
        for (width, height, encoding), index in track.known_forms.items()
        if (width, height) == size and encoding in ("16UC1", "mono16", "32FC1")
    ]
    return np.isin(np.array(track.forms, np.int32), right)
