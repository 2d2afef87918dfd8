"""All pixels of the clips that a scene is fitted to, to draw rays from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from anyview_ros.clips import PosedClip


@dataclass(frozen=True, eq=False)
class PixelBatch:
    """Some pixels.

    Attributes:
        frame: int64 (R,), number of the frame, counted through all clips.
        columns, rows: float32 (R,).
        colour: float32 (R, 3) in [0, 1].
        depth: float32 (R,), metres, 0 = unknown.
    """

    frame: Tensor
    columns: Tensor
    rows: Tensor
    colour: Tensor
    depth: Tensor


class PixelSource(Protocol):
    """Where a fit gets its pixels from."""

    def draw(self, count: int, generator: torch.Generator) -> PixelBatch:
        """Pixels drawn by chance."""
        ...


class Pixels:
    """Pixels of one or several clips, flat.

    Args:
        clips: their frames are counted one clip after the other.
        device: where to keep them.
    """

    def __init__(self, clips: Sequence[PosedClip], device: torch.device) -> None:
        """Gather them."""
        colours, depths, starts, widths, firsts, areas = [], [], [0], [], [], []
        frames = 0
        for clip in clips:
            count, height, width = clip.frames.shape[:3]
            colours.append(clip.frames.reshape(-1, 3))
            empty = np.zeros(count * height * width, np.float32)
            depths.append(empty if clip.depth is None else clip.depth.reshape(-1))
            starts.append(starts[-1] + count * height * width)
            widths.append(width)
            areas.append(height * width)
            firsts.append(frames)
            frames += count
        self._colours = torch.from_numpy(np.concatenate(colours)).to(device)
        self._depths = torch.from_numpy(np.concatenate(depths)).to(device)
        self._starts = torch.tensor(starts, device=device)
        self._widths = torch.tensor(widths, device=device)
        self._areas = torch.tensor(areas, device=device)
        self._firsts = torch.tensor(firsts, device=device)

    def __len__(self) -> int:
        return len(self._colours)

    def draw(self, count: int, generator: torch.Generator) -> PixelBatch:
        """Pixels drawn by chance, all alike."""
        return self.at(torch.randint(len(self), (count,), generator=generator, device=self._colours.device))

    def at(self, index: Tensor) -> PixelBatch:
        """The pixels of these numbers, int64 (R,)."""
        clip = torch.searchsorted(self._starts, index, right=True) - 1
        within = index - self._starts[clip]
        frame, place = within // self._areas[clip], within % self._areas[clip]
        width = self._widths[clip]
        return PixelBatch(
            frame + self._firsts[clip],
            (place % width).float(),
            torch.div(place, width, rounding_mode="floor").float(),
            self._colours[index].float() / 255,
            self._depths[index],
        )
