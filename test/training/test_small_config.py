from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview_small.network import SmallNetwork
from anyview_ros.training.small_config import SmallTrainingConfig, read_config


@pytest.mark.parametrize("name", ["cpu.yaml", "flow.yaml", "h200.yaml", "smoke.yaml"])
def test_ours_can_be_read_and_fit_the_package(name: str) -> None:
    config = read_config(name)
    assert sum(p.numel() for p in SmallNetwork(config.network).parameters()) <= 15_000_000


def test_a_file_fills_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("steps: 7\nbatches: {view_change_shares: [0.5, 0.5, 0.0]}\noptimiser: {rate: 1}\n")
    config = read_config(str(path))
    assert config.steps == 7
    assert config.batches.view_change_shares == (0.5, 0.5, 0.0)
    assert config.optimiser.rate == 1.0
    assert config.network == SmallTrainingConfig().network
    path.write_text("")
    assert read_config(str(path)) == SmallTrainingConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepps: 3", "unknown setting 'stepps'"),
        ("steps: 0", "steps is 0"),
        ("steps: many", "steps is 'many'"),
        ("network: {side: 60}", "side is 60"),
        ("network: 3", "network is 3"),
        ("network: {side: 128}", "rooms.side is 64"),
        ("only_flow: true", "network.flow is 0"),
        ("kept_batches: 3", "kept_batches is 3 and only_flow False"),
        ("checkpoint_dtype: int8", "checkpoint_dtype is 'int8'"),
        ("batches: {view_change_shares: [1, 1, 1]}", "view_change_shares"),
        ("[1, 2]", "give settings by name"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_config(str(path))


def test_an_unknown_name_lists_ours() -> None:
    with pytest.raises(InvalidInputError, match=r"cpu\.yaml, flow\.yaml, h200\.yaml, smoke\.yaml"):
        read_config("moon.yaml")
