"""What the seam loss and the random turns do to panoramas that Look Beyond's stage 1 draws.

Run from a checkout: ``python -m benchmarks.look_beyond_seam``. A tiny denoiser is trained for each setting and seed, on
the same panoramas of random rooms in the same order, and draws panoramas of held-out rooms. Told of each, as mean and
spread over the seeds:

- seam error: the step across the seam of its samples less that between other neighbouring columns, grey levels;
- turn error: how far what it expects of a panorama turned by half is from what it expects of the panorama, turned
  afterwards, root mean square, grey levels: 0 for a denoiser to which all directions are alike;
- PSNR of its samples where the source picture shows nothing, dB.

"absolute" places tell the denoiser where the seam is, as the paper's do; "circular" ones close after a full turn.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import math
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from anyview_ros.evaluation.machine import machine_line
from anyview_ros.methods.look_beyond.panorama.channels import unsigned_colour
from anyview_ros.methods.look_beyond.panorama.config import PanoramaConfig
from anyview_ros.methods.look_beyond.panorama.generation import TRAINING_LEVELS, sample_channels
from anyview_ros.methods.look_beyond.panorama.known import Known
from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
from anyview_ros.methods.look_beyond.panorama.seam import seam_error
from anyview_ros.training.look_beyond_panorama import PanoramaTrainer, Sample, sample_of
from anyview_ros.training.look_beyond_panorama_config import PanoramaTrainingConfig
from anyview_ros.training.look_beyond_panorama_films import (
    PanoramaPlan,
    Panoramas,
    film_panoramas,
)
from anyview_ros.training.optimisers import OptimiserConfig

NETWORK = PanoramaConfig(
    height=16,
    patch=4,
    width=48,
    heads=2,
    blocks=2,
    condition_width=32,
    circular=False,
    refine_width=0,
    source_width=16,
    source_height=16,
    source_patch=8,
)
PLAN = PanoramaPlan(height=16, source_width=16, source_height=16, robot_every=0)
SAMPLING_STEPS = 10


@dataclass(frozen=True)
class Setting:
    """What is trained: weight of the seam loss, random turns or none, circular or absolute places."""

    seam_weight: float
    roll: bool
    circular: bool

    def __str__(self) -> str:
        places = "circular" if self.circular else "absolute"
        return f"{places:9s} seam loss {self.seam_weight:3.1f}  {'turned' if self.roll else 'not turned'}"


SETTINGS = (
    Setting(0.0, roll=True, circular=False),
    Setting(1.0, roll=True, circular=False),
    Setting(0.0, roll=False, circular=False),
    Setting(1.0, roll=False, circular=False),
    Setting(0.0, roll=True, circular=True),
    Setting(1.0, roll=True, circular=True),
)


@dataclass(frozen=True)
class Score:
    """Of one trained denoiser: grey levels, grey levels, dB."""

    seam_error: float
    turn_error: float
    unseen_psnr: float


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    train = film_panoramas(PLAN, 0, arguments.count)
    held_out = film_panoramas(replace(PLAN, held_out=True), 0, max(arguments.count // 8, 2))
    sys.stdout.write(f"{machine_line()}\n{arguments.count} rooms, {arguments.steps} steps\n")
    for setting in SETTINGS:
        scores = [score(setting, seed, arguments.steps, train, held_out) for seed in arguments.seeds]
        sys.stdout.write(f"{setting}  {line_of(scores)}\n")
        sys.stdout.flush()


def score(
    setting: Setting, seed: int, steps: int, train: Panoramas, held_out: Panoramas, *, batch: int = 8
) -> Score:
    """Train one denoiser and measure it."""
    config = PanoramaTrainingConfig(
        steps=steps,
        seed=seed,
        device="cpu",
        threads=1,
        batch=batch,
        checkpoint_steps=steps,
        log_steps=steps,
        sheet_steps=steps,
        seam_weight=setting.seam_weight,
        roll=setting.roll,
        network=replace(NETWORK, circular=setting.circular),
        optimiser=OptimiserConfig(rate=6e-3, warm_up=20, muon=False, ema=0.98),
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = PanoramaTrainer(config, Path(folder), train)
        trainer.run()
        network = trainer.averaged_network()
    samples = [sample_of(held_out, index) for index in range(len(held_out))]
    return measured(network, samples, seed)


def measured(network: PanoramaDenoiser, samples: list[Sample], seed: int) -> Score:
    """The three measures on panoramas that were not trained on."""
    names = list(vars(samples[0].known))
    known = Known(**{name: torch.cat([getattr(one.known, name) for one in samples]) for name in names})
    truth = torch.cat([one.truth for one in samples])
    generator = torch.Generator().manual_seed(seed)
    drawn = sample_channels(network, known, steps=SAMPLING_STEPS, generator=generator)
    seam = np.mean([seam_error(picture) for picture in 255 * unsigned_colour(drawn[:, :3])])
    noise = torch.randn(truth.shape, generator=generator)
    level = torch.full((len(samples),), TRAINING_LEVELS - 1)
    half = truth.shape[-1] // 2
    with torch.inference_mode():
        straight = network(noise, level, known)
        turned = network(noise.roll(half, -1), level, known.rolled(half)).roll(-half, -1)
    turn = 127.5 * float((straight - turned)[:, :3].square().mean().sqrt())
    unseen = (1 - known.seen).expand(-1, 3, -1, -1)
    square = float(((drawn[:, :3] - truth[:, :3]).square() * unseen).sum() / unseen.sum())
    return Score(float(seam), turn, 10 * math.log10(4 / square))


def line_of(scores: list[Score]) -> str:
    """Mean and standard deviation over the seeds."""
    parts = []
    for name, unit in (("seam_error", ""), ("turn_error", ""), ("unseen_psnr", " dB")):
        values = [getattr(one, name) for one in scores]
        parts.append(f"{name} {np.mean(values):6.2f} ± {np.std(values):.2f}{unit}")
    return "  ".join(parts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200, help="rooms to train on")
    parser.add_argument("--steps", type=int, default=300, help="of each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    return parser.parse_args()


if __name__ == "__main__":
    main()
