from __future__ import annotations

from pathlib import Path

import pytest
from ddr_scenes import small_clip
from zeronvs_weights import tiny_weights

from anyview_ros.cli import main as cli
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.synthesis import load_synthesizer
from anyview_ros.synthesis.scene_file import read_scene

OPTIONS = ("anchors=1", "anchor_steps=2", "rays=32", "samples=8", "voxels=3000")


def test_a_scene_is_distilled_gone_on_with_and_shown_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_episode(tmp_path / "episode", {"front": small_clip()}, rate_hz=5.0)
    out, shown = tmp_path / "scene.safetensors", tmp_path / "shown"
    options = [word for one in (*OPTIONS, f"weights={tiny_weights(tmp_path)}") for word in ("--option", one)]
    fit = (
        "fit",
        tmp_path / "episode",
        "--method",
        "zeronvs",
        "--output",
        out,
        "--steps",
        4,
        "--device",
        "cpu",
    )
    assert cli.main([*map(str, fit), *options, "--minutes", "0.00001"]) == 1
    assert "there is no scene yet; run the same command again" in capsys.readouterr().out
    assert not out.exists()
    assert cli.main([*map(str, fit), *options]) == 0
    told = capsys.readouterr().out
    assert "4 steps in" in told
    assert "Distilled from frame 0 alone; 4 other frames were not used." in told
    assert read_scene(out, method="zeronvs").provenance["options"]["anchors"] == 1
    assert load_synthesizer(scene=str(out), device="cpu").describe().name == "zeronvs"
    show = ("synthesize", tmp_path / "episode", "--scene", out, "--orbit", 10, "--output", shown)
    assert cli.main([*map(str, show), "--device", "cpu"]) == 0
    assert (shown / "view.mp4").is_file()
