from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview_small.network import SmallNetwork
from anyview_ros.training.settings import read_settings
from anyview_ros.training.small_config import SmallTrainingConfig


@pytest.mark.parametrize("name", ["cpu.yaml", "depth.yaml", "flow.yaml", "h200.yaml", "smoke.yaml"])
def test_ours_can_be_read_and_fit_the_package(name: str) -> None:
    config = read_settings(SmallTrainingConfig, name)
    assert sum(p.numel() for p in SmallNetwork(config.network).parameters()) <= 15_000_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: 0", "steps is 0"),
        ("network: {side: 60}", "side is 60"),
        ("network: {side: 128}", "rooms.side is 64"),
        ("only_flow: true", "network.flow is 0"),
        ("kept_batches: 3", "kept_batches is 3 and only_flow False"),
        ("only_depth: true", "source_pictures.count is 0"),
        (
            "{only_depth: true, only_flow: true, network: {flow: 8}, source_pictures: {count: 4}}",
            "only_flow is True",
        ),
        (
            "{source_pictures: {count: 4}, network: {planes: 0, continuous_warp: false}}",
            "count is 4 but network.planes is 0",
        ),
        ("checkpoint_dtype: int8", "checkpoint_dtype is 'int8'"),
        ("batches: {view_change_shares: [1, 1, 1]}", "view_change_shares"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_settings(SmallTrainingConfig, str(path))
