"""Fitting the confidence of ZeroNVS's small network on scenes that it was not trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.methods.zeronvs.loading import SMALL_GUIDANCE, SMALL_STEPS
from anyview_ros.methods.zeronvs.network import ZeroNetwork
from anyview_ros.methods.zeronvs.reliability import Reliability, distance, expected_latents
from anyview_ros.methods.zeronvs.sampling import SeededNoise, sample
from anyview_ros.methods.zeronvs.weights_file import load_weights, save_weights
from anyview_ros.metrics.reliability import GOOD_ERROR, brier_score
from anyview_ros.training.film_files import FilmReport, untold
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, filmed_rooms, rooms_to
from anyview_ros.training.zeronvs_config import ZeroTrainingConfig
from anyview_ros.training.zeronvs_samples import SamplePlan, SampleSource

HELD_OUT_ROOMS = 50
"""Of each kind, rooms and robots."""
_APARTS = np.geomspace(0.02, 2.0, 41)
_BATCHES, _EVERY = 6, 7
_PLAN = SamplePlan(
    batch=32, view_change_shares=(0.34, 0.33, 0.33), wide_share=0.0, scale_spread=0.0, augment=False
)


@dataclass(frozen=True, eq=False)
class Judged:
    """Pixels of drawn held-out views.

    Attributes:
        apart: (P,), how far the drawing is from the expected picture around the pixel.
        good: bool (P,), whether the error was at most ``GOOD_ERROR``.
    """

    apart: NDArray[np.float64]
    good: NDArray[np.bool_]


def held_out_rooms(
    config: ZeroTrainingConfig, folder: Path, report: FilmReport = untold, until_s: float = math.inf
) -> FilmedRooms:
    """Film held-out rooms and robots into ``folder``, or read them if they are there; as many as training has kinds.

    See :func:`~anyview_ros.training.zeronvs_trainer.prepared_rooms`.
    """
    wanted, orders = config.film, []
    plan = FilmPlan(side=wanted.side, instants=1, held_out=True, device=wanted.device)
    if wanted.rooms:
        orders.append(rooms_to(folder / "held_out_rooms", plan, HELD_OUT_ROOMS))
    if wanted.robots:
        orders.append(rooms_to(folder / "held_out_robots", replace(plan, robots=True), HELD_OUT_ROOMS))
    return filmed_rooms(*orders, workers=wanted.workers, report=report, until_s=until_s)


def judge(network: ZeroNetwork, rooms: FilmedRooms, *, seed: int = 0) -> Judged:
    """Draw held-out views and compare their pixels with the truth."""
    samples = SampleSource(rooms, _PLAN, side=network.side, mode=network.config.mode, seed=seed)
    apart, good = [], []
    with torch.inference_mode():
        for number in range(_BATCHES):
            source, target, poses = samples[number].pictures(network.device)
            seeds = [seed * _BATCHES + number] * len(source)
            condition = network.condition(source, poses)
            drawn = sample(network, condition, steps=SMALL_STEPS, seeds=seeds, guidance=SMALL_GUIDANCE)
            noise = SeededNoise(seeds, network.latent_shape, network.device).draw()
            drawn, expected = (
                network.decode(drawn),
                network.decode(expected_latents(network, condition, noise)),
            )
            error = (drawn - target).abs().mean(1) / 2
            apart.append(distance(drawn, expected).flatten()[::_EVERY].double().cpu().numpy())
            good.append((error <= GOOD_ERROR).flatten()[::_EVERY].cpu().numpy())
    return Judged(np.concatenate(apart), np.concatenate(good))


def fit(judged: Judged) -> Reliability:
    """Return the reliability whose confidences are nearest to what came true (least Brier score)."""
    best, chosen = math.inf, Reliability()
    for apart in _APARTS:
        shape = 1 / (1 + np.square(judged.apart / apart))
        agreeing = float(np.clip(shape @ judged.good / (shape @ shape), 0, 1))
        score = brier_score(agreeing * shape, judged.good)
        if score < best:
            best, chosen = score, Reliability(agreeing, float(apart))
    return chosen


def calibrate(path: Path, rooms: FilmedRooms, *, device: str = "cpu") -> Reliability:
    """Fit the confidence of the weights at ``path`` on held-out ``rooms`` and write it into the file.

    Raises:
        WeightsError: weights that cannot be read.
    """
    loaded = load_weights(path, device)
    reliability = fit(judge(loaded.network, rooms))
    save_weights(path, loaded.network, reliability, {"steps": loaded.about.get("steps", "")})
    return reliability
