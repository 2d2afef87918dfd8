from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.training.settings import read_settings
from anyview_ros.training.small_config import SmallTrainingConfig


def test_a_file_fills_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("steps: 7\nbatches: {view_change_shares: [0.5, 0.5, 0.0]}\noptimiser: {rate: 1}\n")
    config = read_settings(SmallTrainingConfig, str(path))
    assert config.steps == 7
    assert config.batches.view_change_shares == (0.5, 0.5, 0.0)
    assert config.optimiser.rate == 1.0
    assert config.network == SmallTrainingConfig().network
    path.write_text("")
    assert read_settings(SmallTrainingConfig, str(path)) == SmallTrainingConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepps: 3", "unknown setting 'stepps'"),
        ("steps: many", "steps is 'many'; give a whole number"),
        ("steps: 3.0", "steps is 3.0; give a whole number"),
        ("device: 3", "device is 3; give a text"),
        ("mixed_precision: 1", "mixed_precision is 1; give true or false"),
        ("batches: {view_change_shares: 1}", "view_change_shares is 1; give a list"),
        ("optimiser: {rate: 1e-4}", r"optimiser: rate is '1e-4'; give a number; .* 1\.0e-4"),
        ("optimiser: {rate: -1}", r"rate is -1\.0; give a positive number"),
        ("network: 3", "network is 3"),
        ("[1, 2]", "give settings by name"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_what_cannot_be_a_setting_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_settings(SmallTrainingConfig, str(path))


def test_an_unknown_name_lists_ours() -> None:
    with pytest.raises(
        InvalidInputError, match=r"one of cpu\.yaml, depth\.yaml, flow\.yaml, .*zeronvs_smoke\.yaml$"
    ):
        read_settings(SmallTrainingConfig, "moon.yaml")
