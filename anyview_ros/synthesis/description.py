"""What a method can do, told before anything is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_CLIP = 1_000_000
"""Frames of a clip at most, for methods that take clips of any length."""


@dataclass(frozen=True)
class MethodDescription:
    """The capabilities of one loaded method.

    Attributes:
        name: the name under which the method is registered.
        summary: one sentence for people.
        generative: True if unseen surfaces are imagined by a learned model, False if only geometry is used.
        source_count: fewest and most source clips per request.
        clip_frames: fewest and most frames per source clip.
        clip_frames_step: clips have the fewest frames plus a multiple of this.
        sizes: (width, height) at which the method works; empty if it takes any size.
        needs_depth: whether every source must carry depth.
        uses_depth: whether depth helps where it is given.
        metric_poses: whether translations must be in metres.
        static_scene: whether all that a clip shows must stand still, so that moving things need one picture at a time.
        streams: whether ``open_stream`` runs natively (causal, constant cost) rather than by sliding windows.
        fits_each_clip: whether a request fits a scene to its clip, so that a clip that is at hand as a whole is better
            given as a whole than streamed; False where a scene is loaded, which is only shown.
        default_steps: sampling steps when a request leaves them open; 0 if the method has no steps.
        options_type: the method's dataclass of options, or None.
        warm_up_options: options with which a request on grey pictures is taken; None for the defaults.
        scale: metres per unit that the method assumes, or None if it works at any scale.
        limits: what the method cannot do, one sentence each.
    """

    name: str
    summary: str
    generative: bool
    source_count: tuple[int, int] = (1, 1)
    clip_frames: tuple[int, int] = (1, 1)
    clip_frames_step: int = 1
    sizes: tuple[tuple[int, int], ...] = ()
    needs_depth: bool = False
    uses_depth: bool = False
    metric_poses: bool = True
    static_scene: bool = False
    streams: bool = False
    fits_each_clip: bool = False
    default_steps: int = 0
    options_type: type | None = None
    warm_up_options: Mapping[str, Any] | None = None
    scale: float | None = None
    limits: tuple[str, ...] = ()

    def usable_frames(self, count: int) -> int:
        """The most frames, of ``count`` or of those the method takes, that make a clip; ``count`` is not fewer than
        the fewest."""
        fewest, most = self.clip_frames
        usable = min(count, most)
        return usable - (usable - fewest) % self.clip_frames_step
