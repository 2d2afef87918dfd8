"""The weights of stage 2 that are shipped, on a few rooms not trained on; figures: docs/methods/look_beyond.md."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anyview_ros.methods.look_beyond.fusion import Temperatures, spatial_weights
from anyview_ros.methods.look_beyond.options import LookBeyondOptions
from anyview_ros.methods.look_beyond.video.generation import FusedPass
from anyview_ros.methods.look_beyond.video.known import Anchor
from anyview_ros.methods.look_beyond.video.network import VideoDenoiser
from anyview_ros.methods.look_beyond.video.stage import NetworkStage
from anyview_ros.methods.look_beyond.video.weights import VIDEO, VIDEO_FILE
from anyview_ros.methods.look_beyond.weights import SHIPPED
from anyview_ros.methods.network_files import read_network
from anyview_ros.metrics import psnr_db
from anyview_ros.training.look_beyond_video_clips import ClipPlan, Clips, film_clips

COUNT = 8


@pytest.fixture(scope="module")
def clips() -> Clips:
    return film_clips(ClipPlan(supersampling=1, held_out=True), 200, COUNT)


def mean_psnr(network: VideoDenoiser, clips: Clips, *, one_end: bool) -> float:
    """Over the pictures between the ends of each clip, which are the keyframes, whole and with true depth."""
    scores = []
    for index in range(COUNT):
        poses = clips.camera_to_world[index]
        ends = [
            Anchor(
                clips.frames[index, end],
                np.ones(clips.frames.shape[2:4], np.bool_),
                clips.depth[index, end].astype(np.float32),
                clips.camera(index),
                poses[end],
            )
            for end in (0, -1)
        ]
        chosen = Temperatures.between(poses[0], poses[-1], LookBeyondOptions().temperature_share)
        weights = spatial_weights(poses, poses[0], poses[-1], chosen)
        plan = FusedPass(ends[0], None if one_end else ends[1], poses, weights, np.ones(len(poses)))
        drawn = NetworkStage(network).draw(plan, steps=4, seed=(index,))
        scores += [psnr_db(drawn[t], clips.frames[index, t]) for t in range(1, len(poses) - 1)]
    return float(np.mean(scores))


def test_training_was_of_use_and_two_keyframes_are_better_than_one(clips: Clips) -> None:
    shipped = read_network(SHIPPED / VIDEO_FILE, VIDEO, "cpu").network
    torch.manual_seed(0)
    untrained = VideoDenoiser(shipped.config).eval().requires_grad_(False)
    both = mean_psnr(shipped, clips, one_end=False)
    assert both > mean_psnr(untrained, clips, one_end=False) + 0.3
    assert both > mean_psnr(shipped, clips, one_end=True) + 1.0


def test_the_file_is_small() -> None:
    assert (SHIPPED / VIDEO_FILE).stat().st_size < 10e6
