from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from anyview_ros.errors import InvalidInputError, WeightsError
from anyview_ros.metrics.video_network import VideoNetwork


class Means(torch.nn.Module):
    """The mean colour, and the mean of the last of at least four frames."""

    def forward(self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool) -> torch.Tensor:
        if not (rescale and resize and return_features):
            return x
        return torch.cat([x.mean((2, 3, 4)), x[:, :, 3].mean((2, 3))], 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.jit.script(Means()).save(str(tmp_path / "means.pt"))
    return tmp_path / "means.pt"


def test_features_of_a_video(file: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 3), np.uint8)
    expected = [*frames.mean((0, 1, 2)), *frames[3].mean((0, 1))]
    np.testing.assert_allclose(VideoNetwork(file).features(frames), expected, rtol=1e-5)


def test_too_few_frames_are_told(file: Path) -> None:
    with pytest.raises(InvalidInputError, match="does not take 2 frames of 8x6"):
        VideoNetwork(file).features(np.zeros((2, 6, 8, 3), np.uint8))


def test_what_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "broken.pt").write_bytes(b"no network")
    for name in ("broken.pt", "absent.pt"):
        with pytest.raises(WeightsError, match=name):
            VideoNetwork(tmp_path / name)


class Choosy(torch.nn.Module):
    def forward(
        self, video: torch.Tensor, rescale: bool, resize: bool, return_features: bool
    ) -> torch.Tensor:
        if return_features:
            raise ValueError("I take no such video")
        return video


def test_a_program_that_refuses_a_video_is_told(tmp_path: Path) -> None:
    torch.jit.script(Choosy()).save(str(tmp_path / "choosy.pt"))
    with pytest.raises(InvalidInputError, match="I take no such video"):
        VideoNetwork(tmp_path / "choosy.pt").features(np.zeros((4, 6, 8, 3), np.uint8))


def test_want_of_memory_is_no_fault_of_the_video(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another time, or on another device, there may be enough. Here none runs out: an operation says so."""

    def greedy(*_: object, **__: object) -> None:
        raise RuntimeError(
            "The following operation failed in the TorchScript interpreter.\nCUDA out of memory."
        )

    network = VideoNetwork(file)
    monkeypatch.setattr(network, "_network", greedy)
    with pytest.raises(RuntimeError, match="out of memory"):
        network.features(np.zeros((4, 6, 8, 3), np.uint8))
