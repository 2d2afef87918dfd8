"""What draws the video between two keyframes, whichever network it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.methods.look_beyond.video.generation import FusedPass, draw_pass
from anyview_ros.methods.look_beyond.video.known import unsigned
from anyview_ros.methods.look_beyond.video.network import VideoDenoiser


class VideoStage(Protocol):
    """A video denoiser that draws passes."""

    @property
    def frames(self) -> int:
        """Pictures of a pass."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the pictures, pixels."""
        ...

    def draw(
        self, plan: FusedPass, *, steps: int, seed: tuple[int, ...], between: Callable[[], None] | None = None
    ) -> NDArray[np.uint8]:
        """Draw a pass.

        Args:
            plan: of the pass; its keyframes are of this stage's size.
            steps: sampling steps.
            seed: of the noise.
            between: called before each step; what it raises ends the work.

        Returns:
            uint8 (F, H, W, 3), RGB.
        """
        ...


@dataclass(frozen=True, eq=False)
class NetworkStage:
    """Our own network as a stage.

    Attributes:
        network: in evaluation mode.
    """

    network: VideoDenoiser

    @property
    def frames(self) -> int:
        """Pictures of a pass."""
        return self.network.config.frames

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the pictures, pixels."""
        return self.network.config.size

    def draw(
        self, plan: FusedPass, *, steps: int, seed: tuple[int, ...], between: Callable[[], None] | None = None
    ) -> NDArray[np.uint8]:
        """Draw a pass; see :class:`VideoStage`."""
        width, height = self.size
        noise = np.random.default_rng(seed).standard_normal((1, self.frames, 3, height, width), np.float32)
        return unsigned(
            draw_pass(self.network, plan, steps=steps, noise=torch.from_numpy(noise), between=between)
        )
