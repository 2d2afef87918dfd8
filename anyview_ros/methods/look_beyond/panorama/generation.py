"""Drawing a panorama: noise is taken away step by step, and what the source picture shows is kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.diffusion.ddim import EvenDDIMScheduler
from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.look_beyond.panorama.blending import blended
from anyview_ros.methods.look_beyond.panorama.channels import CHANNELS, unsigned_colour, unsigned_distance
from anyview_ros.methods.look_beyond.panorama.known import Known, Laid, known_of, lay
from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
from anyview_ros.methods.look_beyond.panorama.scene import PanoramaScene
from anyview_ros.methods.pictures import SourceFrame

TRAINING_LEVELS = 1000
DEFAULT_STEPS = 20
_ENLARGED = 4

Float32 = NDArray[np.float32]


@lru_cache(maxsize=1)
def noise_levels() -> Tensor:
    """The share of the signal in the variance at each level, float32 (1000,), falling."""
    return torch.as_tensor(scheduler().alphas_cumprod)


def scheduler() -> Any:
    """A thousand linear noise levels (DDPM, arXiv 2006.11239), of which samples take few; the clean panorama is
    predicted."""
    kind: Any = EvenDDIMScheduler
    return kind(
        num_train_timesteps=TRAINING_LEVELS,
        beta_schedule="linear",
        prediction_type="sample",
        timestep_spacing="trailing",
        clip_sample=False,
    )


def sample_channels(
    network: PanoramaDenoiser,
    known: Known,
    *,
    steps: int = DEFAULT_STEPS,
    guidance: float = 1.0,
    generator: torch.Generator,
    between: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Draw panoramas from noise by DDIM.

    Args:
        network: in evaluation mode.
        known: what it is told of B panoramas, on its device.
        steps: of DDIM; with 1 the result is what is expected rather than one of many possible panoramas.
        guidance: of classifier-free guidance; 1 for none.
        generator: of the noise, on the CPU, so that every device draws the same.
        between: told the steps done and in all, after each; what it raises ends the drawing.

    Returns:
        (B, 4, H, 2H), colour and distance as in :mod:`.channels`.

    Raises:
        InvalidInputError: steps outside 1 to 1000, or a guidance that is negative or not finite.
    """
    if not 1 <= steps <= TRAINING_LEVELS:
        raise InvalidInputError(f"steps is {steps}; give 1 to {TRAINING_LEVELS}")
    if not 0 <= guidance < np.inf:
        raise InvalidInputError(f"guidance is {guidance}; give 1 for none, or somewhat more")
    schedule = scheduler()
    schedule.set_timesteps(steps)
    shape = (len(known.seen), CHANNELS, *known.seen.shape[-2:])
    noisy = torch.randn(shape, generator=generator).to(known.seen.device)
    nothing = known.without_picture() if guidance != 1 else None
    with torch.inference_mode():
        for done, level in enumerate(schedule.timesteps, start=1):
            levels = level.expand(len(noisy)).to(noisy.device)
            clean = network(noisy, levels, known)
            if nothing is not None:
                free = network(noisy, levels, nothing)
                clean = free + guidance * (clean - free)
            noisy = schedule.step(clean.float(), int(level), noisy).prev_sample
            if between is not None:
                between(done, steps)
    return noisy


def generate_panorama(
    network: PanoramaDenoiser,
    source_frame: SourceFrame,
    *,
    steps: int = DEFAULT_STEPS,
    guidance: float = 1.0,
    seed: int = 0,
    between: Callable[[int, int], None] | None = None,
    height: int | None = None,
) -> PanoramaScene:
    """Draw the panorama around a source camera, whose picture is kept in it as it is.

    Args:
        network: in evaluation mode.
        source_frame: the picture; its depth, where it is known, sets the scale of all distances.
        steps: of DDIM.
        guidance: of classifier-free guidance; 1 for none.
        seed: of the noise.
        between: told the steps done and in all, after each; what it raises ends the drawing.
        height: rows of the result; None: four times what the network draws, as the source picture is sharper.

    Returns:
        the panorama, in the source camera's axes.

    Raises:
        InvalidInputError: a picture that no pixel of the panorama falls on, or steps, guidance or a height out of
            range.
    """
    rows = _ENLARGED * network.config.height if height is None else height
    if rows < 2:
        raise InvalidInputError(f"height is {rows}; give 2 or more rows")
    known = known_of(source_frame, network.config).to(network.place.device)
    drawn = sample_channels(
        network,
        known,
        steps=steps,
        guidance=guidance,
        generator=torch.Generator().manual_seed(seed),
        between=between,
    )[0]
    return assemble(
        unsigned_colour(drawn[:3]), unsigned_distance(drawn[3:]), lay(source_frame, rows), source_frame
    )


def assemble(colour: Float32, distance_m: Float32, laid: Laid, source_frame: SourceFrame) -> PanoramaScene:
    """Put what is drawn and what is seen together.

    Args:
        colour: float32 (h, 2h, 3) in [0, 1], drawn.
        distance_m: float32 (h, 2h), drawn.
        laid: the source picture in a panorama (H, 2H), the size of the result.
        source_frame: where it was seen from.
    """
    rows = len(laid.seen)
    seen_colour = laid.colour.astype(np.float32) / np.float32(255)
    whole = blended(_enlarged(colour, rows), seen_colour, laid.seen)
    measured = laid.distance_m > 0
    drawn = np.log(_enlarged(distance_m, rows))
    told = np.log(np.where(measured, laid.distance_m, np.float32(1)))
    if measured.any():
        drawn = drawn + np.median((told - drawn)[measured])  # the source's scale, which no picture tells
    logs = blended(drawn[..., None], told[..., None], measured)[..., 0]
    return PanoramaScene(
        np.clip(whole, 0, 1),
        np.exp(logs).astype(np.float32),
        laid.seen,
        np.asarray(source_frame.camera_to_world, np.float64),
    )


def _enlarged(values: Float32, rows: int) -> Float32:
    """Values (h, 2h, ...) at another size, bilinear across the seam."""
    if rows == len(values):
        return values
    thrice = np.concatenate([values] * 3, axis=1)
    resized = np.asarray(cv2.resize(thrice, (6 * rows, rows), interpolation=cv2.INTER_LINEAR), np.float32)
    return resized[:, 2 * rows : 4 * rows]
