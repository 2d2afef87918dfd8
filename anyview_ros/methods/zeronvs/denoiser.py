"""What sampling and distillation need of a network that takes noise away from a picture, whichever network it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from anyview_ros.errors import InvalidInputError


@dataclass(frozen=True, eq=False)
class Condition:
    """What a denoiser keeps of B pictures and the B poses they should be seen from. Only the denoiser looks inside.

    Attributes:
        parts: tensors by name, each (B, ...).
    """

    parts: Mapping[str, torch.Tensor]

    def __len__(self) -> int:
        return len(next(iter(self.parts.values())))

    def __getitem__(self, rows: slice | torch.Tensor | Sequence[int]) -> Condition:
        """The condition of some of the rows."""
        return Condition({name: part[rows] for name, part in self.parts.items()})

    @staticmethod
    def cat(conditions: Sequence[Condition]) -> Condition:
        """Conditions of one denoiser as one, in order."""
        names = conditions[0].parts
        return Condition({name: torch.cat([each.parts[name] for each in conditions]) for name in names})


class Denoiser(Protocol):
    """A diffusion model of a picture seen from a pose, given another picture."""

    @property
    def side(self) -> int:
        """Pictures are square, so many pixels wide and high."""
        ...

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(C, h, w) of what is diffused: pictures themselves, or codes of them."""
        ...

    @property
    def scheduler_config(self) -> Mapping[str, Any]:
        """Arguments of diffusers' ``DDIMScheduler``; ``prediction_type`` says what :meth:`predict` returns."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    def condition(self, pictures: torch.Tensor, pose_vectors: torch.Tensor) -> Condition:
        """What the network needs of pictures (B, 3, side, side) in [-1, 1] and of poses (B, 19).

        The 19 numbers are those of :func:`~anyview_ros.methods.zeronvs.conditioning.pose_vector`.
        """
        ...

    def predict(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, condition: Condition | None
    ) -> torch.Tensor:
        """Noise, velocity or clean sample, (B, *latent_shape), as ``prediction_type`` says.

        Args:
            noisy: (B, *latent_shape).
            timesteps: int64 (B,), 0 (least noise) to 999.
            condition: of B rows; None: neither picture nor pose is known.
        """
        ...

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        """Latents (B, *latent_shape) of pictures (B, 3, side, side) in [-1, 1]; gradients flow."""
        ...

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, side, side) in [-1, 1] of latents; gradients flow."""
        ...


def guided(
    denoiser: Denoiser,
    noisy: torch.Tensor,
    timesteps: torch.Tensor,
    condition: Condition,
    guidance: float,
) -> torch.Tensor:
    """The prediction with classifier-free guidance: without + guidance * (with - without) the condition.

    0 is the prediction without the condition, 1 that with it; both then cost one pass in place of two. Noise, velocity
    and clean sample depend on each other linearly at one noise level, so that guiding one guides all
    (arXiv 2207.12598).

    Args:
        denoiser: the network.
        noisy, timesteps: as of :meth:`Denoiser.predict`.
        condition: of as many rows.
        guidance: how far to go from the prediction without the condition to that with it, and beyond.

    Raises:
        InvalidInputError: another number of rows than the condition has.
    """
    if len(condition) != len(noisy):
        raise InvalidInputError(
            f"the condition has {len(condition)} rows and the noisy sample {len(noisy)}; give one row each"
        )
    if guidance == 1.0:
        return denoiser.predict(noisy, timesteps, condition)
    without = denoiser.predict(noisy, timesteps, None)
    if guidance == 0.0:
        return without
    return without + guidance * (denoiser.predict(noisy, timesteps, condition) - without)
