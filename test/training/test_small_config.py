from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview_small.network import SmallNetwork
from anyview_ros.methods.anyview_small.weights import Calibration, save_weights
from anyview_ros.training.filmed import FilmedRooms
from anyview_ros.training.run import CHECKPOINT, TrainingRun
from anyview_ros.training.settings import read_settings
from anyview_ros.training.small_config import SmallTrainingConfig
from anyview_ros.training.small_trainer import SmallTrainer, first_network


@pytest.mark.parametrize(
    "name", ["cpu.yaml", "depth.yaml", "flow.yaml", "h200.yaml", "smoke.yaml", "tabletops.yaml"]
)
def test_ours_can_be_read_and_fit_the_package(name: str) -> None:
    config = read_settings(SmallTrainingConfig, name)
    assert sum(p.numel() for p in SmallNetwork(config.network).parameters()) <= 15_000_000


def test_a_gpu_sized_configuration_runs_in_miniature(tmp_path: Path, rooms: FilmedRooms) -> None:
    config = read_settings(SmallTrainingConfig, "h200.yaml")
    sizes = {
        "side": 32,
        "smallest_side": 32,
        "width": 32,
        "layers": 1,
        "heads": 2,
        "stem": 8,
        "planes": 4,
        "flow": 8,
    }
    small = replace(
        config,
        steps=2,
        device="cpu",
        loaders=1,
        network=replace(config.network, **sizes),
        rooms=replace(config.rooms, side=32),
        batches=replace(config.batches, sources=2),
        source_pictures=replace(config.source_pictures, count=2),
    )
    assert SmallTrainer(small, tmp_path, rooms).run()


def test_what_a_run_on_a_gpu_leaves_travels_in_small_files(tmp_path: Path) -> None:
    config = replace(read_settings(SmallTrainingConfig, "h200.yaml"), device="cpu")
    network, _ = first_network(config)
    run = TrainingRun(network, tmp_path, config, identity=())
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 1e-3)
    for optimiser in run._optimisers:
        optimiser.step()  # which makes its state
    run.save(lambda: save_weights(tmp_path / "weights.safetensors", network, Calibration()))
    sizes = [path.stat().st_size for path in (tmp_path / CHECKPOINT).iterdir()]
    assert max(*sizes, (tmp_path / "weights.safetensors").stat().st_size) <= 16 * 2**20
    assert len(sizes) <= 8
    assert sum(sizes) <= 64 * 2**20  # and so within the 110 MiB that the page tells


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
        ("batches: {targets: 0}", r"batches\.targets is 0; give 1 or more"),
        ("batches: {wide_share: 1.5}", r"batches\.wide_share is 1\.5; give 0 to 1"),
        ("loaders: -1", "loaders is -1; give 0 or more"),
        ("rooms: {count: 0}", r"rooms\.count is 0 and no other"),
        ("rooms: {framed: -2}", r"rooms\.framed is -2; give 0 or more"),
        ("rooms: {workers: 0}", r"rooms\.workers is 0; give 1 or more"),
        ("rooms: {instants: 0}", r"rooms\.instants is 0; give 1 or more"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_settings(SmallTrainingConfig, str(path))
