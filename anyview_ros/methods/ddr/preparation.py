"""What a fit checks of its clips, and the depth it gives those that have none in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.ddr.alignment import aligned_clip
from anyview_ros.methods.ddr.options import DdrOptions
from anyview_ros.methods.ddr.triangulation import tracked_depth

_LEAST_BASELINE_M = 1e-3
_LEAST_POINTS = 12


@dataclass(frozen=True, eq=False)
class PreparedClips:
    """Clips that can be fitted.

    Attributes:
        clips: with depth in metres, or without any.
        depth_range_m: where things are, or None where the depth tells.
        notes: what was done, one sentence each.
    """

    clips: tuple[PosedClip, ...]
    depth_range_m: tuple[float, float] | None
    notes: tuple[str, ...]


def prepared_clips(clips: Sequence[PosedClip], options: DdrOptions) -> PreparedClips:
    """Check clips and give them the depth that a fit needs.

    Monocular depth is aligned with points that are tracked from frame to frame and triangulated by the given poses.
    Clips without any depth need such points, too, to know how far things are, unless the options tell.

    Raises:
        InvalidRequestError: no clip, one frame only, no depth and no parallax, or monocular depth that nothing can be
            aligned with.
    """
    clips = tuple(clips)
    if sum(len(clip) for clip in clips) < 2:
        raise InvalidRequestError(
            f"a fit needs at least two frames but the clips have {sum(len(clip) for clip in clips)}; give more frames, "
            "or use method 'reprojection' for single pictures"
        )
    if options.depth_kind != "metric":
        return _monocular(clips, options)
    if any(clip.depth is not None and clip.depth.any() for clip in clips):
        return PreparedClips(clips, options.depth_range_m, ())
    check_parallax(clips, "there is no depth")
    if options.depth_range_m is not None:
        return PreparedClips(clips, options.depth_range_m, ())
    tracked = [depth for clip in clips for depth in tracked_depth(clip)]
    depths = np.concatenate([one.depth for one in tracked]) if tracked else np.empty(0)
    if len(depths) < _LEAST_POINTS:
        raise InvalidRequestError(
            f"there is no depth and only {len(depths)} points could be tracked and triangulated; give depth, or "
            "depth_range_m=(nearest, farthest)"
        )
    near, far = np.quantile(depths, (0.02, 0.98))
    found = (float(near) * 0.7, float(far) * 1.3)
    note = f"No depth was given; tracked points lie {near:.2f} to {far:.2f} m away."
    return PreparedClips(clips, found, (note,))


def check_parallax(clips: Sequence[PosedClip], why: str) -> None:
    """See that the cameras are not all in one place.

    Raises:
        InvalidRequestError: they are.
    """
    centres = np.concatenate([clip.camera_to_world[:, :3, 3] for clip in clips])
    baseline = float(np.linalg.norm(centres - centres[0], axis=1).max())
    if baseline < _LEAST_BASELINE_M:
        raise InvalidRequestError(
            f"{why} and no parallax: all cameras stand within {1000 * baseline:.2f} mm, so nothing tells how far "
            "things are; give depth in metres, or move the camera"
        )


def _monocular(clips: tuple[PosedClip, ...], options: DdrOptions) -> PreparedClips:
    if any(clip.depth is None for clip in clips):
        raise InvalidRequestError(
            f"depth_kind is '{options.depth_kind}' but a clip has no depth; give PosedClip(depth=...)"
        )
    check_parallax(clips, "the depth is monocular")
    aligned, notes = [], []
    for number, clip in enumerate(clips):
        depth, fits = aligned_clip(
            clip, tracked_depth(clip), inverse=options.depth_kind == "monocular_inverse"
        )
        aligned.append(replace(clip, depth=depth))
        scales = [fit.scale for fit in fits]
        notes.append(
            f"Monocular depth of clip {number} aligned with tracked points; scales {min(scales):.3g} to "
            f"{max(scales):.3g}."
        )
    return PreparedClips(tuple(aligned), options.depth_range_m, tuple(notes))
