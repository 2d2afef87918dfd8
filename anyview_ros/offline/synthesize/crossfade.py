"""Views of overlapping windows made into one: each window fades into the next, so that no seam is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.synthesis import SynthesizedView

Float32 = NDArray[np.float32]


class Crossfade:
    """One target's views, window by window.

    The overlap's k-th of n frames is k / (n + 1) of the new window and the rest of the old: pictures and confidence
    go over in even steps. Depth is mixed where both windows know it, and else taken from the one that does.
    """

    def __init__(self) -> None:
        self._held: SynthesizedView | None = None

    def add(self, view: SynthesizedView, blended: int, kept: int) -> SynthesizedView:
        """Take a window's views, and give those that are final.

        Args:
            view: of one window.
            blended: how many of its first frames the window before has made too, and kept back.
            kept: how many of its last frames to keep back for the window after.

        Raises:
            InvalidInputError: more or fewer frames were kept back than are to be blended.
        """
        held = 0 if self._held is None else len(self._held)
        if held != blended or blended + kept > len(view):
            raise InvalidInputError(
                f"{blended} frames are to be blended and {kept} kept of {len(view)}, but {held} were kept back; "
                "plan windows that overlap their neighbours only"
            )
        if self._held is not None:
            view = _joined(_mixed(self._held, _cut(view, 0, blended)), _cut(view, blended, len(view)))
        self._held = _cut(view, len(view) - kept, len(view)) if kept else None
        return _cut(view, 0, len(view) - kept)


def _mixed(before: SynthesizedView, after: SynthesizedView) -> SynthesizedView:
    count = len(after)
    weights = (np.arange(1, count + 1, dtype=np.float32) / np.float32(count + 1)).reshape(-1, 1, 1)
    frames = np.stack(
        [
            np.rint(old.astype(np.float32) * (1 - weight) + new.astype(np.float32) * weight).astype(np.uint8)
            for old, new, weight in zip(before.frames, after.frames, weights, strict=True)
        ]
    )
    confidence = before.confidence * (1 - weights) + after.confidence * weights
    depth = None
    if before.depth is not None and after.depth is not None:
        depth = _mixed_depth(before.depth, after.depth, weights)
    return replace(after, frames=frames, confidence=confidence, depth=depth)


def _mixed_depth(before: Float32, after: Float32, weights: Float32) -> Float32:
    both = (before > 0) & (after > 0)
    mixed = before * (1 - weights) + after * weights
    return np.where(both, mixed, np.maximum(before, after)).astype(np.float32)


def _cut(view: SynthesizedView, start: int, stop: int) -> SynthesizedView:
    return replace(
        view,
        frames=view.frames[start:stop],
        camera_to_world=view.camera_to_world[start:stop],
        stamps_ns=view.stamps_ns[start:stop],
        confidence=view.confidence[start:stop],
        depth=None if view.depth is None else view.depth[start:stop],
    )


def _joined(a: SynthesizedView, b: SynthesizedView) -> SynthesizedView:
    depth = None if a.depth is None or b.depth is None else np.concatenate([a.depth, b.depth])
    return replace(
        b,
        frames=np.concatenate([a.frames, b.frames]),
        camera_to_world=np.concatenate([a.camera_to_world, b.camera_to_world]),
        stamps_ns=np.concatenate([a.stamps_ns, b.stamps_ns]),
        confidence=np.concatenate([a.confidence, b.confidence]),
        depth=depth,
    )
