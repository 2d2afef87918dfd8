"""One picture carried into another by its depth and the poses fits it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from anyview_ros.diagnosis.evidence import CameraEvidence, Evidence
from anyview_ros.diagnosis.finding import Finding, error, fine, warning
from anyview_ros.diagnosis.photometric import (
    GIVEN,
    HYPOTHESES,
    Hypothesis,
    View,
    contrast,
    make_view,
    misfit,
    motion_px,
    vote,
)
from anyview_ros.errors import InvalidCameraError, InvalidPoseError
from anyview_ros.geometry import check_rigid

_PAIRS = 8
_MOVED_PX = 1.5  # of 240 columns: less motion says nothing of poses
_FAR_PX = 40.0  # more leaves too little in common, if there are other pairs
_KNOWN_SHARE = 0.05  # of the pixels that must have a depth
_STILL_MISFIT = 1.0  # grey levels: the pictures themselves hardly differ
_CONTRAST = 4.0  # grey levels: less texture says nothing
_HALF = 0.5
_PLAINLY = 0.6
_CHANGED = 0.6  # part of the contrast by which neighbouring pictures differ if the camera moved a lot
_CLEARLY = 0.75  # another meaning fits better only if its misfit is below this part of the given one's
_OFFSETS_S = (-0.5, -0.3, -0.2, -0.1, -0.05, 0.05, 0.1, 0.2, 0.3, 0.5)
_SCALES = {0.001: "1000 times too large: millimetres read as metres", 1000.0: "1000 times too small"}


@dataclass(frozen=True, eq=False)
class _Posed:
    """A view, its picture's instant, and its poses if TF were stamped earlier or later."""

    view: View
    stamp_ns: int
    shifted: dict[float, NDArray[np.float64]] = field(default_factory=dict)


def check_poses(evidence: Evidence) -> Iterator[Finding]:
    """Poses that are inverted, of other axes, of another time or of another camera; depth of another scale."""
    broken = {camera.name: list(_not_rigid(camera)) for camera in evidence.cameras}
    for findings in broken.values():
        yield from findings
    sound = [camera for camera in evidence.cameras if not broken[camera.name]]
    posed = {camera.name: _posed(evidence, camera) for camera in sound}
    for camera in sound:
        if camera.depth is None and len(camera.images):
            yield fine("poses", camera.name, "not tested: that takes depth")
        yield from _alone(evidence, camera, posed[camera.name])
    yield from _together(evidence, posed)


def _not_rigid(camera: CameraEvidence) -> Iterator[Finding]:
    """Poses that come with the pictures and are none; the first is told."""
    for picture in camera.pictures:
        if picture.camera_to_world is None:
            continue
        try:
            check_rigid(picture.camera_to_world, name=f"camera_to_world at {picture.stamp_ns / 1e9:.3f} s")
        except InvalidPoseError as err:
            yield error("poses.not_rigid", camera.name, str(err), "write rotation and translation in metres")
            return


def _posed(evidence: Evidence, camera: CameraEvidence) -> list[_Posed]:
    calibration = camera.calibration
    if calibration is None or not calibration.is_calibrated or camera.depth is None:
        return []
    try:
        lens = calibration.lens(rectified=camera.rectified)
    except InvalidCameraError:  # told by the checks of camera_info and distortion
        return []
    found = []
    for picture in camera.pictures:
        pose = evidence.camera_to_world(camera, picture)
        size = (lens.camera.height, lens.camera.width)
        if (
            pose is None
            or picture.depth_m is None
            or {picture.rgb.shape[:2], picture.depth_m.shape} != {size}
        ):
            continue
        depth_m = lens.rectify(picture.depth_m, nearest=True)
        if float((depth_m > 0).mean()) < _KNOWN_SHARE:
            continue
        view = make_view(lens.rectify(picture.rgb), depth_m, lens.rectified, pose)
        shifted = {}
        for offset_s in _OFFSETS_S if evidence.transforms is not None else ():
            other = evidence.camera_to_world(camera, picture, round(offset_s * 1e9))
            if other is not None:
                shifted[offset_s] = other
        found.append(_Posed(view, picture.stamp_ns, shifted))
    return found


def _alone(evidence: Evidence, camera: CameraEvidence, posed: Sequence[_Posed]) -> Iterator[Finding]:
    """Neighbouring pictures of one camera that moves."""
    if len(posed) < 2:
        if camera.depth is not None and len(camera.pictures) >= 2:
            yield from _unposed(evidence, camera)
        return
    pairs = _telling(list(pairwise(posed)))
    if not pairs:
        frozen = _frozen(posed)
        yield (
            warning(
                "poses.frozen",
                camera.name,
                "the pictures change as if the camera moved, but its poses do not",
                "check that the frame of the pictures is the one that moves, and who publishes it",
            )
            if frozen
            else fine(
                "poses",
                camera.name,
                "the camera hardly moves, or sees too little texture: nothing to compare",
            )
        )
        return
    yield _judge(camera.name, pairs)


def _unposed(evidence: Evidence, camera: CameraEvidence) -> Iterator[Finding]:
    calibration = camera.calibration
    if calibration is None or not calibration.is_calibrated:
        return
    if any(evidence.camera_to_world(camera, picture) is not None for picture in camera.pictures):
        return
    yield warning(
        "poses.unknown",
        camera.name,
        "no picture has both depth and a pose at its instant",
        "mend what the findings above say of TF, stamps and depth",
    )


def _telling(pairs: list[tuple[_Posed, _Posed]]) -> list[tuple[_Posed, _Posed]]:
    """The pairs with motion and texture, spread over the recording."""
    telling: list[tuple[_Posed, _Posed]] = []
    far: list[tuple[_Posed, _Posed]] = []
    for a, b in pairs:
        motion = motion_px(a.view, b.view, a.view.camera_to_world, b.view.camera_to_world)
        still = misfit(a.view, b.view, np.eye(4), np.eye(4))
        if contrast(a.view) > _CONTRAST and motion > _MOVED_PX and still > _STILL_MISFIT:
            (telling if motion < _FAR_PX else far).append((a, b))
    chosen = telling or far
    step = max(len(chosen) / _PAIRS, 1.0)
    return [chosen[int(i * step)] for i in range(min(len(chosen), _PAIRS))]


def _frozen(posed: Sequence[_Posed]) -> bool:
    """Whether neighbouring pictures have little in common although the poses say that nothing moved."""
    shares = [
        misfit(a.view, b.view, np.eye(4), np.eye(4)) / contrast(a.view)
        for a, b in pairwise(posed)
        if contrast(a.view) > _CONTRAST
        and motion_px(a.view, b.view, a.view.camera_to_world, b.view.camera_to_world) <= _MOVED_PX
    ]
    return bool(shares) and float(np.median(shares)) > _CHANGED


def _misfit(pairs: Sequence[tuple[_Posed, _Posed]], meaning: Hypothesis, depth_scale: float = 1.0) -> float:
    """Mean over pairs, each in units of its contrast."""
    return float(
        np.mean(
            [
                misfit(
                    a.view,
                    b.view,
                    meaning.pose(a.view.camera_to_world),
                    meaning.pose(b.view.camera_to_world),
                    depth_scale=depth_scale,
                )
                for a, b in pairs
            ]
        )
    )


def _share(pairs: Sequence[tuple[_Posed, _Posed]], meaning: Hypothesis) -> float:
    """Median over pairs of the part of the telling pixels at which poses of this meaning help; nan if none tells."""
    votes = [
        vote(a.view, b.view, meaning.pose(a.view.camera_to_world), meaning.pose(b.view.camera_to_world))
        for a, b in pairs
    ]
    return float(np.nanmedian(votes)) if np.isfinite(votes).any() else float("nan")


def _judge(name: str, pairs: Sequence[tuple[_Posed, _Posed]]) -> Finding:
    given = _misfit(pairs, GIVEN)
    still = float(np.mean([misfit(a.view, b.view, np.eye(4), np.eye(4)) for a, b in pairs]))
    share = _share(pairs, GIVEN)
    told = f"misfit {given:.1f} grey levels with the given poses, {still:.1f} without moving"
    if np.isfinite(share):
        told += f"; they help at {share:.0%} of the telling pixels"
    others = sorted(((_misfit(pairs, other), other) for other in HYPOTHESES), key=lambda item: item[0])
    best, other = others[0]
    if best < _CLEARLY * min(given, still):
        return error(f"poses.{other.name}", name, f"{other.meaning} ({told}, {best:.1f} then)", other.remedy)
    scaled = [(_misfit(pairs, GIVEN, scale), text) for scale, text in _SCALES.items()]
    best, text = min(scaled)
    if best < _CLEARLY * min(given, still):
        return error(
            "poses.depth_scale",
            name,
            f"depth is {text} ({told}, {best:.1f} with depth corrected)",
            "publish 16UC1 in millimetres or 32FC1 in metres",
        )
    offset = _best_offset(pairs)
    if offset is not None and offset[0] < _CLEARLY * min(given, still):
        return error(
            "poses.time_offset",
            name,
            f"poses of {abs(offset[1]):.2f} s {'later' if offset[1] > 0 else 'earlier'} fit the pictures "
            f"({told}, {offset[0]:.1f} then)",
            "synchronise the clocks of camera and TF, or correct the camera's stamps by this much",
        )
    if given > still and share < _HALF:
        return _misfitting(name, pairs, told)
    if given > still + _STILL_MISFIT and np.isnan(share):  # by less, noise of plain pictures would be told
        return _misfitting(name, pairs, told, make=warning)
    return fine("poses", name, f"pictures fit each other: {told}, {len(pairs)} pairs")


def _misfitting(
    name: str, pairs: Sequence[tuple[_Posed, _Posed]], told: str, *, make: Callable[..., Finding] = error
) -> Finding:
    """Poses that are worse than none; another meaning is named, as an error, if it plainly wins the vote."""
    shares = [(share, other) for other in HYPOTHESES if np.isfinite(share := _share(pairs, other))]
    best, other = max(shares, key=lambda item: item[0], default=(0.0, GIVEN))
    if best > _PLAINLY:
        return error(f"poses.{other.name}", name, f"{other.meaning} ({told}, {best:.0%} then)", other.remedy)
    return make(
        "poses.do_not_fit",
        name,
        f"poses fit worse than none ({told})",
        "check that the frame is this camera's, that its mounting is calibrated, and both clocks",
    )


def _best_offset(pairs: Sequence[tuple[_Posed, _Posed]]) -> tuple[float, float] | None:
    """The misfit and the offset in seconds that fits best, of those known for every pair."""
    tried = []
    for offset_s in _OFFSETS_S:
        known = [(a, b) for a, b in pairs if offset_s in a.shifted and offset_s in b.shifted]
        if len(known) < max(len(pairs) // 2, 1):
            continue
        fits = [misfit(a.view, b.view, a.shifted[offset_s], b.shifted[offset_s]) for a, b in known]
        tried.append((float(np.mean(fits)), offset_s))
    return min(tried) if tried else None


def _together(evidence: Evidence, posed: dict[str, list[_Posed]]) -> Iterator[Finding]:
    """Pictures of different cameras at the same instants."""
    cameras = [camera for camera in evidence.cameras if posed.get(camera.name)]
    if evidence.transforms is not None and len({evidence.reference_frame(c) for c in evidence.cameras}) > 1:
        return
    for first, second in combinations(cameras, 2):
        period_ns = np.fmax(first.images.period_ns, second.images.period_ns)
        views, others = posed[first.name], posed[second.name]
        together = simultaneous(
            [each.stamp_ns for each in views], [each.stamp_ns for each in others], period_ns
        )
        pairs = [pair for pair in _telling([(views[i], others[j]) for i, j in together]) if _overlap(*pair)]
        if pairs:
            yield _judge(f"{first.name} and {second.name}", pairs)


def simultaneous(
    first_ns: Sequence[int], second_ns: Sequence[int], period_ns: float
) -> list[tuple[int, int]]:
    """Which of some stamps are of one instant: each other's nearest, and less than a period apart.

    Half a period would be too strict: of each camera that runs freely, only the first pictures of bursts are kept.
    """
    apart_ns = np.abs(np.subtract.outer(first_ns, second_ns))
    return [
        (i, int(j))
        for i, j in enumerate(apart_ns.argmin(axis=1))
        if apart_ns[:, j].argmin() == i and (apart_ns[i, j] == 0 or apart_ns[i, j] < period_ns)
    ]


def _overlap(a: _Posed, b: _Posed) -> bool:
    """Whether any meaning of the poses explains a good part of the picture."""
    tried = (GIVEN, *HYPOTHESES)
    fits = [
        misfit(a.view, b.view, other.pose(a.view.camera_to_world), other.pose(b.view.camera_to_world))
        for other in tried
    ]
    return min(fits) < _CLEARLY * contrast(a.view)
