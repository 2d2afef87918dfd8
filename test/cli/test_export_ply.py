"""Scenes as PLY files, whichever method fitted them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ddr_scenes import QUICK, small_clip
from ply_files import columns_of, read_vertices
from sliding_box import CAMERA, aside, sliding_box

from anyview_ros.cli import main as cli
from anyview_ros.methods.any4d import Any4DFitter
from anyview_ros.methods.ddr import DdrFitter
from anyview_ros.methods.zeronvs.distillation.scene import DistilledScene
from anyview_ros.rendering.space import Space
from anyview_ros.scenes import render_clip
from anyview_ros.synthesis.fitting import FitBudget
from anyview_ros.synthesis.scene_file import FittedScene, SceneCamera, write_scene


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene of each method."""
    made = tmp_path_factory.mktemp("scenes")
    slides = render_clip(sliding_box(), CAMERA, aside(0.0), 0.1 * np.arange(1, 6), supersampling=2)
    gaussians = Any4DFitter(device="cpu").fit([slides], budget=FitBudget(1), options={"gaussians": 1500})
    write_scene(made / "any4d.safetensors", gaussians.scene)
    field = DdrFitter(device="cpu").fit([small_clip(moving=True)], options=replace(QUICK, fit_steps=30))
    write_scene(made / "ddr.safetensors", field.scene)
    return made


def exported(folder: Path, method: str, *more: object) -> tuple[int, Path]:
    out = folder / "out" / f"{method}.ply"
    command = ("export-ply", folder / f"{method}.safetensors", "--output", out, *more)
    return cli.main([*map(str, command)]), out


def test_gaussians_are_written_as_they_are_at_the_instant(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = []
    for seconds in (0.0, 0.4):
        code, out = exported(folder, "any4d", "--at", seconds)
        assert code == 0
        places.append(columns_of(read_vertices(out)[0], *"xyz"))
    assert f"{out}: {len(places[0])} vertices" in capsys.readouterr().out
    moved = places[1][:, 0] - places[0][:, 0]
    box = np.abs(places[0][:, 2] - 1.2) < 0.03
    assert np.median(moved[box]) == pytest.approx(0.8 * 0.4, abs=0.05)
    assert np.median(np.abs(moved[~box])) < 0.01


def test_a_field_is_written_as_points(folder: Path) -> None:
    code, out = exported(folder, "ddr")
    assert code == 0
    vertices, stamp_ns = read_vertices(out)
    assert len(vertices) > 100
    assert stamp_ns == int(small_clip(moving=True).stamps_ns[0])


def test_what_cannot_be_written_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exported(folder, "ddr", "--at", 5)[0] == 2
    assert "--at is 5 s but the scene lasts from 0 to 0.8 s" in capsys.readouterr().err
    assert exported(folder, "nowhere")[0] == 2
    assert "there is no scene at" in capsys.readouterr().err
    write_scene(folder / "other.safetensors", _scene_of("reprojection"))
    assert exported(folder, "other")[0] == 2
    assert "reprojection" in capsys.readouterr().err


def test_a_distilled_scene_is_refused_and_those_that_can_be_written_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = Space("box", np.eye(4), (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
    distilled = DistilledScene(torch.zeros(1, 5, 4, 4, 4), space)
    camera = SceneCamera.as_given("camera", small_clip())
    write_scene(
        folder / "zeronvs.safetensors", distilled.packed((camera,), np.zeros((0, 8, 8, 3), np.uint8), {}, {})
    )
    assert exported(folder, "zeronvs")[0] == 2
    told = capsys.readouterr().err
    assert "method 'zeronvs'" in told
    assert "--method ddr or any4d" in told


def _scene_of(method: str) -> FittedScene:
    return FittedScene(method, 1, {"x": np.zeros(1)}, (SceneCamera.as_given("camera", small_clip()),))
