from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import anyview_release
import numpy as np
import pytest
import torch
from torch import nn

from anyview_ros.cli.main import main
from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidClipError, InvalidInputError, InvalidRequestError, ReadError
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.methods.anyview import AnyView
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.training.anyview_lora import LoraConfig, LoraTrainer, lora_optimiser
from anyview_ros.training.episode_pairs import EpisodePairs
from anyview_ros.training.lora import add_lora, merge_lora

CONFIG = LoraConfig(
    rank=4,
    steps=60,
    optimiser=lora_optimiser(2e-2),
    frames=5,
    domain="robotics",
    size=anyview_release.SIZE,
    checkpoint_steps=5,
    device="cpu",
)
CAMERA = PinholeCamera(30.0, 30.0, 23.5, 15.5, 48, 32)


def clip(x: float, count: int = 6, skip: int = 0) -> PosedClip:
    ramp = np.linspace(0, 200, 48, dtype=np.uint8)
    frames = np.stack(
        [np.broadcast_to(np.roll(ramp, 3 * t)[None, :, None], (32, 48, 3)) for t in range(count)]
    )
    poses = np.tile(look_at((x, -1.0, 0.5), (0, 0, 0)), (count, 1, 1))
    return PosedClip(frames, CAMERA, poses, 100_000_000 * (np.arange(count) + 1 + skip))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return anyview_release.write_small_bundle(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("episodes")
    roles = {"cam0": "target", "cam1": "input"}
    write_episode(folder / "a", {"cam0": clip(0.5), "cam1": clip(0.0)}, roles=roles)
    write_episode(folder / "b", {"cam0": clip(-0.5, 7), "cam1": clip(0.0, 7)}, roles=roles)
    return folder


def held_out(trainer: LoraTrainer) -> float:
    """Over draws that no step of training makes."""
    with torch.no_grad():
        return float(np.mean([float(trainer.loss(10_000 + draw)) for draw in range(12)]))


def factors_of(network: nn.Module) -> dict[str, nn.Parameter]:
    """The factors of all low-rank changes, by name."""
    return {name: each for name, each in network.named_parameters() if name.endswith((".down", ".up"))}


def test_training_lowers_the_loss_and_the_tuned_model_loads(
    weights: Path, episodes: Path, tmp_path: Path
) -> None:
    trainer = LoraTrainer(weights, episodes, tmp_path, CONFIG)
    assert len(trainer.changed) == 12  # q, k, v, output and both layers of the MLP, in two blocks
    before = held_out(trainer)
    assert trainer.run()
    after = held_out(trainer)
    assert after < 0.8 * before
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 60
    tuned = AnyView(weights=trainer.write_weights(), device="cpu")
    original = AnyView(weights=weights, device="cpu")
    assert tuned.weights_hash != original.weights_hash
    ours, theirs = tuned._transformer.state_dict(), original._transformer.state_dict()
    assert ours.keys() == theirs.keys()
    apart = {name for name in ours if not torch.equal(ours[name], theirs[name])}
    assert apart == {f"{name}.weight" for name in trainer.changed}


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    weights: Path, episodes: Path, tmp_path: Path
) -> None:
    config = replace(CONFIG, steps=6, checkpoint_steps=2)
    whole = LoraTrainer(weights, episodes, tmp_path / "whole", config)
    whole.run()
    cut = LoraTrainer(weights, episodes, tmp_path / "cut", replace(config, steps=3))
    cut.run()
    again = LoraTrainer(weights, episodes, tmp_path / "cut", config)
    assert again.step == 3
    again.run()
    a, b = factors_of(whole.network), factors_of(again.network)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(bool(value.any()) for name, value in a.items() if name.endswith(".up"))
    slower = replace(config, optimiser=lora_optimiser(1e-5))
    assert LoraTrainer(weights, episodes, tmp_path / "cut", slower).step == 6
    with pytest.raises(InvalidInputError, match="other settings of rank"):
        LoraTrainer(weights, episodes, tmp_path / "cut", replace(config, rank=2))


def test_no_time_is_no_step(weights: Path, episodes: Path, tmp_path: Path) -> None:
    trainer = LoraTrainer(weights, episodes, tmp_path, CONFIG)
    assert not trainer.run(time_limit_s=0.0)
    assert trainer.step == 0


def test_the_command(
    weights: Path, episodes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [
        "train",
        "anyview",
        "--weights",
        str(weights),
        "--episodes",
        str(episodes),
        "--output",
        str(tmp_path),
    ]
    given += ["--lora", "2", "--steps", "2", "--frames", "5", "--size", "48", "32", "--device", "cpu"]
    assert main(given) == 2
    assert "scale of the scene is unknown" in capsys.readouterr().err
    assert main([*given, "--domain", "ego"]) == 0
    assert main(["methods", "anyview", "--weights", str(tmp_path / "weights"), "--device", "cpu"]) == 0
    manifest = json.loads((tmp_path / "weights" / "anyview.json").read_text())
    assert "tuned from" in manifest["origin"]


def test_a_change_begins_at_zero_and_merges_into_its_layer() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    features = torch.randn(3, 6)
    before = network(features)
    assert add_lora(network, 2, lambda name: name == "2", seed=0) == ["2"]
    assert torch.equal(network(features), before)
    factors = factors_of(network)
    assert list(factors) == ["2.down", "2.up"]
    with torch.no_grad():
        factors["2.up"].normal_()
    changed = network(features)
    assert not torch.allclose(changed, before)
    merge_lora(network)
    assert isinstance(network[2], nn.Linear)
    assert torch.allclose(network(features), changed, atol=1e-6)
    with pytest.raises(InvalidInputError, match="rank of the low-rank changes is 0"):
        add_lora(network, 0, lambda _: True, seed=0)
    with pytest.raises(InvalidInputError, match="no linear layer"):
        add_lora(network, 1, lambda _: False, seed=0)


def test_pairs_follow_roles_and_share_instants(episodes: Path, tmp_path: Path) -> None:
    pairs = EpisodePairs(episodes, 5)
    assert [(pair.episode.name, pair.source, pair.target) for pair in pairs.pairs] == [
        ("a", "cam1", "cam0"),
        ("b", "cam1", "cam0"),
    ]
    first, last = pairs.cut(1, 0.0)[0], pairs.cut(1, 1.0)[0]
    assert last.stamps_ns[0] - first.stamps_ns[0] == 200_000_000
    write_episode(tmp_path / "late", {"a": clip(0.0), "b": clip(0.5, skip=1)})
    late = EpisodePairs(tmp_path / "late", 5)
    assert len(late.pairs) == 2  # no roles: both ways
    source, target = late.cut(0, 0.5)
    assert np.array_equal(source.stamps_ns, target.stamps_ns)
    with pytest.raises(InvalidClipError, match="share 5 instants but a clip has 9"):
        EpisodePairs(tmp_path / "late", 9).cut(0, 0.0)


def test_folders_that_hold_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no folder"):
        EpisodePairs(tmp_path / "absent", 5)
    with pytest.raises(ReadError, match="no episodes"):
        EpisodePairs(tmp_path, 5)
    write_episode(tmp_path / "one", {"a": clip(0.0)})
    with pytest.raises(ReadError, match="no two recorded cameras"):
        EpisodePairs(tmp_path, 5)


@pytest.mark.parametrize("wrong", [{"frames": 6}, {"steps": 0}])
def test_settings_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match=f"{next(iter(wrong))} is"):
        replace(CONFIG, **wrong)


def test_an_unknown_scale_is_refused(weights: Path, episodes: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="scale"):
        LoraTrainer(weights, episodes, tmp_path, replace(CONFIG, domain=None))


def test_a_rate_that_cannot_be_is_named() -> None:
    with pytest.raises(InvalidInputError, match=r"rate is -1\.0"):
        lora_optimiser(-1.0)


def test_synthesised_pictures_teach_nothing(tmp_path: Path) -> None:
    clips = {name: clip(0.0) for name in ("a", "b", "made")}
    write_episode(tmp_path / "e", clips, metadata={"synthesised": {"made": {}}})
    assert [(pair.source, pair.target) for pair in EpisodePairs(tmp_path / "e", 3).pairs] == [
        ("a", "b"),
        ("b", "a"),
    ]
