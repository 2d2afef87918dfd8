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
