from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sliding_box import CAMERA, aside, sliding_box

from anyview_ros.cli import main as cli
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.scenes import render_clip
from anyview_ros.synthesis.scene_file import read_scene


def test_gaussians_are_fitted_and_shown_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = render_clip(sliding_box(), CAMERA, aside(0.0), 0.2 * np.arange(1, 5))
    write_episode(tmp_path / "episode", {"front": clip}, rate_hz=5.0)
    out, shown = tmp_path / "scene.safetensors", tmp_path / "shown"
    options = ("--option", "gaussians=1500", "--option", "motion=hybrid", "--device", "cpu")
    fit = ("fit", tmp_path / "episode", "--method", "any4d", "--output", out, "--steps", 3, *options)
    assert cli.main([*map(str, fit)]) == 0
    assert "3 steps in" in capsys.readouterr().out
    assert read_scene(out, method="any4d").provenance["options"]["gaussians"] == 1500
    show = (
        "synthesize",
        tmp_path / "episode",
        "--scene",
        out,
        "--orbit",
        10,
        "--output",
        shown,
        "--device",
        "cpu",
    )
    assert cli.main([*map(str, show)]) == 0
    assert (shown / "view.mp4").is_file()
