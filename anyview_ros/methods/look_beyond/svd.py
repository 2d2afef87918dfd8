"""Stage 2 by Stable Video Diffusion, through diffusers, with weights from a folder of the user's.

SVD knows one picture, no depth and no poses: it is run forward from the first keyframe and in reverse from the last,
and the noises that both see are mixed by the cameras' poses, as in Look Beyond (arXiv 2509.00843) without its rays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.errors import MissingDependencyError, WeightsError
from anyview_ros.geometry.hole_filling import fill_holes
from anyview_ros.methods.look_beyond.video.generation import Denoise, FusedPass, fused_denoising
from anyview_ros.methods.look_beyond.video.known import Anchor, signed, unsigned

_SIZE = (1024, 576)
_FRAMES_PER_SECOND, _MOTION_BUCKET, _ADDED_NOISE = 7, 127, 0.02
_CLIP_SIDE = 224
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_SPREAD = (0.26862954, 0.26130258, 0.27577711)
_DECODED_TOGETHER = 4
_WEIGHTS = (".safetensors", ".bin")

ImageEncoder = Callable[[Tensor], Tensor]
"""CLIP's embedding (B, D) of pictures (B, 3, 224, 224) normalised as CLIP wants them."""


@dataclass(frozen=True, eq=False)
class SvdStage:
    """Stable Video Diffusion as a stage; see :class:`~anyview_ros.methods.look_beyond.video.stage.VideoStage`.

    Attributes:
        unet: a diffusers ``UNetSpatioTemporalConditionModel``.
        vae: its ``AutoencoderKLTemporalDecoder``.
        schedule: its ``EulerDiscreteScheduler``.
        image_embedding: CLIP's embedding of a keyframe.
        size: (width, height) of the pictures, multiples of 64 pixels for the published weights.
        sha256: of the names, sizes and last MiB of the weights' files, hex; not of all their content.
    """

    unet: Any
    vae: Any
    schedule: Any
    image_embedding: ImageEncoder
    size: tuple[int, int] = _SIZE
    sha256: str = ""

    @property
    def frames(self) -> int:
        """Pictures of a pass: 14 for the first published weights, 25 for those of SVD-XT."""
        return int(self.unet.config.num_frames)

    def draw(
        self, plan: FusedPass, *, steps: int, seed: tuple[int, ...], between: Callable[[], None] | None = None
    ) -> NDArray[np.uint8]:
        """Draw a pass; see ``VideoStage``."""
        rng = np.random.default_rng(seed)
        device, width, height = self.unet.device, *self.size
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        channels = int(self.vae.config.latent_channels)
        shape = (1, self.frames, channels, height // factor, width // factor)
        noise = torch.from_numpy(rng.standard_normal(shape, np.float32)).to(device)
        added = torch.from_numpy(rng.standard_normal((1, 3, height, width), np.float32)).to(device)
        guidance = torch.from_numpy(plan.guidance).float().to(device)
        with torch.inference_mode():
            forward = self._denoiser(plan.first, guidance, added)
            reverse = None if plan.last is None else self._denoiser(plan.last, guidance, added)
            weights = torch.from_numpy(plan.weights).float().to(device)
            latents = fused_denoising(
                self.schedule, forward, reverse, weights, noise, steps=steps, between=between
            )
            return unsigned(self._decoded(latents[0]))

    def _denoiser(self, anchor: Anchor, guidance: Tensor, added: Tensor) -> Denoise:
        """What the U-Net says of scaled latents (1, F, C, h, w), guided away from what it says without the picture."""
        picture = anchor.image if anchor.mask.all() else fill_holes(anchor.image, anchor.mask, anchor.depth)
        shown = signed(picture)[None].to(self.unet.device)
        embedding = self.image_embedding(_for_clip(picture).to(self.unet.device))[:, None]
        latent = self.vae.encode(shown + _ADDED_NOISE * added).latent_dist.mode()
        repeated = latent[:, None].expand(-1, self.frames, -1, -1, -1)
        embeddings = torch.cat([torch.zeros_like(embedding), embedding])
        latents = torch.cat([torch.zeros_like(repeated), repeated])
        times = torch.tensor([[_FRAMES_PER_SECOND - 1, _MOTION_BUCKET, _ADDED_NOISE]], device=shown.device)
        scales = guidance[None, :, None, None, None]

        def said(video: Tensor, timestep: Any) -> Tensor:
            told = torch.cat([video.expand(2, -1, -1, -1, -1), latents], dim=2)
            answer = self.unet(
                told,
                timestep,
                encoder_hidden_states=embeddings,
                added_time_ids=times.expand(2, -1),
                return_dict=False,
            )[0]
            without, conditioned = answer.chunk(2)
            guided: Tensor = without + scales * (conditioned - without)
            return guided

        return said

    def _decoded(self, latents: Tensor) -> Tensor:
        """Pictures (F, 3, H, W) in [-1, 1] of latents (F, C, h, w)."""
        pieces = [
            self.vae.decode(piece / self.vae.config.scaling_factor, num_frames=len(piece)).sample
            for piece in torch.split(latents, _DECODED_TOGETHER)
        ]
        return torch.cat(pieces)


def load_svd(folder: Path, device: str) -> SvdStage:
    """Load Stable Video Diffusion from a folder as ``StableVideoDiffusionPipeline.save_pretrained`` writes it.

    Raises:
        WeightsError: parts that are missing or that diffusers cannot read.
        MissingDependencyError: diffusers or transformers is not installed.
    """
    missing = [part for part in ("unet", "vae", "scheduler", "image_encoder") if not (folder / part).is_dir()]
    if missing:
        raise WeightsError(
            f"{folder} lacks {', '.join(missing)}; give the folder of a whole StableVideoDiffusionPipeline, such as "
            "one that `huggingface-cli download` makes"
        )
    try:
        import diffusers
        import transformers  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise MissingDependencyError(
            "Stable Video Diffusion needs diffusers and transformers: pip install 'anyview_ros[diffusion]' transformers"
        ) from error
    parts: list[tuple[Any, str]] = [
        (diffusers.UNetSpatioTemporalConditionModel, "unet"),
        (diffusers.AutoencoderKLTemporalDecoder, "vae"),
        (diffusers.EulerDiscreteScheduler, "scheduler"),
        (transformers.CLIPVisionModelWithProjection, "image_encoder"),
    ]
    try:
        unet, vae, schedule, clip = (
            kind.from_pretrained(folder / name, local_files_only=True) for kind, name in parts
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{folder} cannot be read as Stable Video Diffusion: {error}") from error
    for part in (unet, vae, clip):
        part.eval().requires_grad_(False).to(device)
    return SvdStage(unet, vae, schedule, lambda pictures: clip(pictures).image_embeds, sha256=_digest(folder))


def _for_clip(picture: NDArray[np.uint8]) -> Tensor:
    """A picture (H, W, 3) as CLIP wants it, (1, 3, 224, 224)."""
    small = cv2.resize(picture, (_CLIP_SIDE, _CLIP_SIDE), interpolation=cv2.INTER_AREA)
    colours = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
    mean, spread = (torch.tensor(values)[None, :, None, None] for values in (_CLIP_MEAN, _CLIP_SPREAD))
    return (colours - mean) / spread


def _digest(folder: Path) -> str:
    """Of the names and sizes of the weights, and of their last MiB: whole files of gigabytes take too long."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _WEIGHTS):
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(size - 2**20, 0))
            digest.update(f"{path.relative_to(folder)} {size}".encode() + file.read())
    return digest.hexdigest()
