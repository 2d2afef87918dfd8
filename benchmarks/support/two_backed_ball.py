"""A ball whose front is known and whose back is red or blue, and the exact denoiser of its pictures.

What is exact, and why: a trained network's own collapse could not be told from that of the distillation. Here the
distribution of pictures is known in closed form, so that a fault in what is distilled is one of the distillation.

- Pictures are rendered by the intersection of rays with a sphere; a picture is that plus Gaussian noise of 0.05.
- Cameras stand at one distance and height, all azimuths; the two worlds have the prior chances that are given.
- The denoiser is told a picture and a relative pose, as any other is. It does not know from where the picture was
  taken, nor of which world: it works out the chance of each azimuth (every 5 degrees) and world by Bayes' rule from
  the picture alone. From the front both worlds look alike; a picture that shows a red back makes the red world certain.
- Given these chances, the picture at the relative pose is a mixture of Gaussians, whose best prediction at any noise
  level is known (the posterior mean). Without a condition it is the mixture over all azimuths and both worlds.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.methods.zeronvs.denoiser import Condition
from anyview_ros.methods.zeronvs.levels import NoiseLevels
from anyview_ros.methods.zeronvs.loading import SMALL_STEPS, LoadedDenoiser
from anyview_ros.methods.zeronvs.reliability import Reliability

RADIUS_M = 0.5
DISTANCE_M = 2.0
FOV_DEG = 36.0
SIDE = 16
INPUT_SIDE = 48
WORLDS = ("red", "blue")

_NOISE = 0.05  # of pictures in [-1, 1]
_EVERY_DEG = 5
_LEAST_CHANCE = 1e-6
_BACKS = torch.tensor([[0.85, 0.12, 0.12], [0.12, 0.12, 0.85]])
_FRONT = torch.tensor([0.2, 0.75, 0.3])
_BACKDROP = 0.5


def camera_at(azimuth_deg: float) -> NDArray[np.float64]:
    """The pose (4, 4) of the camera at an azimuth; at 0 it sees the front."""
    azimuth = math.radians(azimuth_deg)
    eye = DISTANCE_M * np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    return look_at(eye, (0.0, 0.0, 0.0))


def rendered(azimuth_deg: Tensor, world: Tensor, side: int = SIDE, fine: int = 3) -> tuple[Tensor, Tensor]:
    """Pictures (N, 3, side, side) in [0, 1] and depths (N, side, side), 0 beside the ball.

    Args:
        azimuth_deg: (N,).
        world: int64 (N,), 0 red, 1 blue.
        side: pixels.
        fine: rays per pixel, squared; depth is that of the nearest of them.
    """
    many = side * fine
    focal = many / 2 / math.tan(math.radians(FOV_DEG) / 2)
    place = (torch.arange(many) - (many - 1) / 2) / focal
    down, right = torch.meshgrid(place, place, indexing="ij")
    azimuth = torch.deg2rad(azimuth_deg.float())[:, None, None]
    cos, sin = torch.cos(azimuth), torch.sin(azimuth)
    # The camera at (d cos, d sin, 0) looks along (-cos, -sin, 0); right is (-sin, cos, 0), down (0, 0, -1).
    along = torch.stack([-cos - right * sin, -sin + right * cos, -down.expand(len(azimuth), -1, -1)], -1)
    eye = DISTANCE_M * torch.stack([cos, sin, torch.zeros_like(cos)], -1)
    squared = along.square().sum(-1)
    half = (along * eye).sum(-1)
    under = half.square() - squared * (DISTANCE_M**2 - RADIUS_M**2)
    depth = (-half - under.clamp_min(0).sqrt()) / squared
    hit = under > 0
    point = (eye + depth[..., None] * along) / RADIUS_M
    longitude = torch.atan2(point[..., 1], point[..., 0])
    light = 0.75 + 0.15 * torch.sin(2 * longitude) + 0.1 * torch.cos(5 * longitude)
    front = (longitude.abs() < math.pi / 2)[..., None]
    colour = torch.where(front, _FRONT, _BACKS[world][:, None, None]) * light[..., None]
    colour = torch.where(hit[..., None], colour, torch.full_like(colour, _BACKDROP))
    pictures = torch.nn.functional.avg_pool2d(colour.permute(0, 3, 1, 2), fine)
    nearest = -torch.nn.functional.max_pool2d(-torch.where(hit, depth, torch.full_like(depth, 1e3)), fine)
    return pictures, torch.where(nearest < 1e3, nearest, torch.zeros_like(nearest))


def input_clip() -> PosedClip:
    """The front, 48x48 with depth."""
    pictures, depth = rendered(torch.zeros(1), torch.zeros(1, dtype=torch.int64), INPUT_SIDE, 1)
    frames = (255 * pictures.permute(0, 2, 3, 1)).round().to(torch.uint8).numpy()
    camera = PinholeCamera.from_fov(INPUT_SIDE, INPUT_SIDE, horizontal_fov_deg=FOV_DEG)
    stamps_ns = np.zeros(1, np.int64)
    return PosedClip(frames, camera, camera_at(0.0)[None], stamps_ns, depth.numpy().astype(np.float32))


class BallDenoiser:
    """The exact :class:`~anyview_ros.methods.zeronvs.denoiser.Denoiser` of the ball's pictures.

    Args:
        red: prior chance of the red world.
    """

    def __init__(self, red: float = 0.5) -> None:
        """Render all pictures there are."""
        self.side, self.latent_shape, self.device = SIDE, (3, SIDE, SIDE), torch.device("cpu")
        self.scheduler_config = {
            "num_train_timesteps": 1000,
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "clip_sample": False,
            "set_alpha_to_one": False,
            "steps_offset": 1,
        }
        self._levels = NoiseLevels(self.scheduler_config)
        azimuths = torch.arange(0, 360, _EVERY_DEG).float()
        self._azimuths = azimuths.repeat(2)
        self._worlds = torch.arange(2).repeat_interleave(len(azimuths))
        prior = torch.tensor([red, 1 - red])[self._worlds] / len(azimuths)
        self._log_prior = prior.clamp_min(1e-30).log()
        self._pictures = 2 * rendered(self._azimuths, self._worlds)[0] - 1

    def condition(self, pictures: Tensor, pose_vectors: Tensor) -> Condition:
        """The pictures, and by how much the camera goes around (degrees)."""
        turn = torch.rad2deg(torch.atan2(pose_vectors[:, 2], pose_vectors[:, 0]))
        return Condition({"pictures": pictures, "turn": turn})

    def chances(self, pictures: Tensor) -> Tensor:
        """The chance (B, M) of each azimuth and world, given pictures (B, 3, side, side)."""
        apart = (pictures[:, None] - self._pictures).square().flatten(2).sum(-1)
        return torch.softmax(self._log_prior - apart / (2 * _NOISE**2), -1)

    def predict(self, noisy: Tensor, timesteps: Tensor, condition: Condition | None) -> Tensor:
        """The noise."""
        rows = []
        for row in range(len(noisy)):
            if condition is None:
                log_chance, means = self._log_prior, self._pictures
            else:
                log_chance, means = self._expected(
                    condition.parts["pictures"][row], condition.parts["turn"][row]
                )
            rows.append(self._noise(noisy[row], timesteps[row : row + 1], log_chance, means))
        return torch.stack(rows)

    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures themselves."""
        return pictures

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures themselves."""
        return latents

    def _expected(self, picture: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
        """Log chances (K,) and pictures (K, 3, side, side) of what a relative pose shows."""
        chance = self.chances(picture[None])[0]
        likely = chance > _LEAST_CHANCE
        means, _ = rendered(self._azimuths[likely] + turn, self._worlds[likely])
        return chance[likely].log(), 2 * means - 1

    def _noise(self, noisy: Tensor, timestep: Tensor, log_chance: Tensor, means: Tensor) -> Tensor:
        signal, spread = (float(one) for one in self._levels.at(timestep))
        variance = signal**2 * _NOISE**2 + spread**2
        off = noisy - signal * means
        chance = torch.softmax(log_chance - off.square().flatten(1).sum(-1) / (2 * variance), -1)
        clean = (chance[:, None, None, None] * (means + signal * _NOISE**2 / variance * off)).sum(0)
        return (noisy - signal * clean) / spread


def exact(red: float = 0.5) -> LoadedDenoiser:
    """The denoiser as others are loaded; 3 is the guidance of the published weights."""
    return LoadedDenoiser(BallDenoiser(red), "viewer", SMALL_STEPS, 3.0, Reliability(), "exact", ())


def redness(picture: NDArray[np.uint8]) -> float:
    """How red the ball's middle is in a picture of the back (H, W, 3): about 1 in the red world, -1 in the blue one."""
    height, width = picture.shape[:2]
    middle = picture[height // 3 : -(height // 3), width // 3 : -(width // 3)].astype(np.float64)
    truth, _ = rendered(torch.tensor([180.0]), torch.zeros(1, dtype=torch.int64), height, 1)
    true = 255 * truth[0].permute(1, 2, 0).numpy()[height // 3 : -(height // 3), width // 3 : -(width // 3)]
    return float((middle[..., 0] - middle[..., 2]).mean() / (true[..., 0] - true[..., 2]).mean())
