"""From source frames and target poses to pictures: framing, conditioning, sampling, and back to the target's camera."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.errors import InvalidRequestError, SynthesisError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.pictures import Picture, Pose, SourceFrame
from anyview_ros.methods.zeronvs.conditioning import object_vector, pose_vector
from anyview_ros.methods.zeronvs.framing import common_fov_rad, resampled, square_camera
from anyview_ros.methods.zeronvs.loading import LoadedDenoiser
from anyview_ros.methods.zeronvs.reliability import expected_latents
from anyview_ros.methods.zeronvs.sampling import SeededNoise, sample
from anyview_ros.methods.zeronvs.scale import Scale

_PIXELS_AT_ONCE = 32 * 64 * 64
_UP = (0.0, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Wanted:
    """A picture that is asked for: which frame, from which camera, from where."""

    frame: SourceFrame
    camera: PinholeCamera
    camera_to_world: Pose


@dataclass(frozen=True, eq=False)
class Scene:
    """What is one for all pictures of a request.

    Attributes:
        scale: of the translations.
        centre: (3,), the point looked at, world; None unless the mode needs it.
    """

    scale: Scale
    centre: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Sampling:
    """How pictures are drawn."""

    steps: int
    guidance: float
    eta: float
    seed: int


def draw(
    loaded: LoadedDenoiser,
    wanted: Sequence[Wanted],
    scene: Scene,
    sampling: Sampling,
    between: Callable[[int, int], None] | None = None,
) -> list[Picture]:
    """Draw pictures, in batches; all with the same noise.

    Args:
        loaded: the denoiser.
        wanted: what is asked for.
        scene: scale and centre.
        sampling: steps, guidance, eta and seed.
        between: called after each step with the steps done and the steps in all, of all batches; what it raises stops
            the work.

    Raises:
        InvalidRequestError: a mode that needs a centre, and none is known.
        SynthesisError: the denoiser gave values that are not finite.
    """
    rows = max(1, _PIXELS_AT_ONCE // loaded.denoiser.side**2)
    batches = [wanted[first : first + rows] for first in range(0, len(wanted), rows)]
    total = sampling.steps * len(batches)
    pictures: list[Picture] = []
    for number, batch in enumerate(batches):
        before = number * sampling.steps

        def told(step: int, _: int, before: int = before) -> None:
            if between is not None:
                between(before + step, total)

        pictures += _draw(loaded, batch, scene, sampling, told)
    return pictures


def _draw(
    loaded: LoadedDenoiser,
    wanted: Sequence[Wanted],
    scene: Scene,
    sampling: Sampling,
    between: Callable[[int, int], None],
) -> list[Picture]:
    denoiser = loaded.denoiser
    squares = [
        square_camera(common_fov_rad(each.frame.camera, each.camera), denoiser.side) for each in wanted
    ]
    sources = np.stack(
        [
            resampled(each.frame.image, each.frame.camera, onto)
            for each, onto in zip(wanted, squares, strict=True)
        ]
    )
    vectors = np.stack(
        [_vector(loaded.mode, each, onto, scene) for each, onto in zip(wanted, squares, strict=True)]
    )
    pictures = torch.from_numpy(sources).permute(0, 3, 1, 2).to(denoiser.device).float() / 127.5 - 1
    poses = torch.from_numpy(vectors.astype(np.float32)).to(denoiser.device)
    seeds = [sampling.seed] * len(wanted)
    with torch.no_grad():
        condition = denoiser.condition(pictures, poses)
        latents = sample(
            denoiser,
            condition,
            steps=sampling.steps,
            seeds=seeds,
            guidance=sampling.guidance,
            eta=sampling.eta,
            between=between,
        )
        drawn = denoiser.decode(latents)
        noise = SeededNoise(seeds, denoiser.latent_shape, denoiser.device).draw()
        expected = denoiser.decode(expected_latents(denoiser, condition, noise))
        confidence = loaded.reliability.confidence(drawn, expected)
        levels = (drawn.clamp(-1, 1) + 1) * 127.5
        stacked = torch.cat([levels, confidence[:, None]], 1).permute(0, 2, 3, 1).float().cpu().numpy()
    if not np.isfinite(stacked).all():
        raise SynthesisError(
            f"the denoiser drew values that are not finite, with guidance {sampling.guidance:g}, eta {sampling.eta:g} "
            f"and {sampling.steps} steps; lower guidance, or look at the weights"
        )
    return [
        _picture(square, onto, each.camera)
        for square, onto, each in zip(stacked, squares, wanted, strict=True)
    ]


def _vector(mode: str, wanted: Wanted, square: PinholeCamera, scene: Scene) -> NDArray[np.float64]:
    source, target = wanted.frame.camera_to_world, wanted.camera_to_world
    if mode == "3dof":
        if scene.centre is None:
            raise InvalidRequestError(
                "weights of mode '3dof' know cameras only by the point that they look at, and source and targets look "
                "at none in common; choose other cameras, or weights of another mode"
            )
        return object_vector(source, target, scene.centre, _UP)
    fov_rad = np.radians(square.horizontal_fov_deg)
    return pose_vector(source, target, fov_rad, mode=mode, scale_m=scene.scale.scale_m)


def _picture(square: NDArray[np.float32], onto: PinholeCamera, camera: PinholeCamera) -> Picture:
    """A drawn square (side, side, 4), of colours and confidence, as the camera that was asked for sees it."""
    seen = resampled(square, onto, camera, fill=(128, 128, 128, 0))
    colours = np.clip(np.rint(seen[..., :3]), 0, 255).astype(np.uint8)
    return Picture(colours, np.ascontiguousarray(seen[..., 3].clip(0, 1)), None)
