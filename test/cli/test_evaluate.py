from __future__ import annotations

import json
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch

from anyview_ros.cli import main as cli
from anyview_ros.cli.evaluate import follows_protocol
from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.offline.episodes import Episode
from anyview_ros.scenes import random_room, render_clip, sample_view

CAMERA = PinholeCamera.from_fov(48, 36, horizontal_fov_deg=60)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "bench"
    world = random_room(1)
    rng = np.random.default_rng(0)
    first = sample_view(world, rng)
    near = sample_view(world, rng, near=first, angle_deg=(5, 12))
    clips: list[PosedClip] = [render_clip(world, CAMERA, pose, [0.0, 0.1]) for pose in (first, near)]
    for name in ("a", "b"):
        write_episode(
            folder / "split" / name,
            {"cam0": clips[1], "cam1": clips[0]},
            roles={"cam0": "target", "cam1": "input"},
        )
    return folder


def evaluate(bench: Path, output: Path, *more: str) -> int:
    return cli.main(
        ["evaluate", "--episodes", str(bench), "--output", str(output), "--size", "native", *more]
    )


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["safetensors"] = None
from anyview_ros.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_methods_that_need_no_torch_are_compared_without_it(bench: Path, tmp_path: Path) -> None:
    asked = ["evaluate", "--episodes", str(bench), "--output", str(tmp_path / "out"), "--size", "32"]
    asked += ["--method", "copy_source", "reprojection", "--most", "1"]
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *asked], check=True, capture_output=True, text=True)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert set(results["methods"]) == {"copy_source", "reprojection"}


def test_methods_are_compared_and_what_was_not_run_is_told(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert evaluate(bench, out, "--method", "copy_source", "reprojection", "--most", "1") == 0
    told = capsys.readouterr().out
    assert "LPIPS" in told
    assert "not run, since its weights were not given" in told
    assert "learned video distance: not run" in told
    results = json.loads((out / "results.json").read_text())
    means = {name: each["mean"] for name, each in results["methods"].items()}
    assert means["reprojection"]["psnr_co_visible_db"] > means["copy_source"]["psnr_co_visible_db"] + 3
    assert results["methods"]["reprojection"]["episodes"] == 1
    assert results["settings"]["protocol"] is False
    assert {each.name for each in out.iterdir()} >= {"table.md", "table.csv", "report.html", "episodes"}


def test_the_folder_one_stands_in_is_evaluated_beside_itself(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(bench, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    assert cli.main(["evaluate", "--episodes", ".", "--method", "copy_source", "--size", "native"]) == 0
    assert (tmp_path / "here_evaluation" / "report.html").is_file()


def test_what_the_report_needs_is_asked_for_before_anything_is_judged(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert evaluate(bench, tmp_path / "out", "--method", "copy_source") != 0
    assert "pip install 'anyview_ros[report]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changed", "follows"),
    [({}, True), ({"size": "native"}, False), ({"frames": 5}, False), ({"target": ["wrist"]}, False)],
)
def test_figures_of_the_protocol_are_told_from_others(changed: dict[str, object], follows: bool) -> None:
    told = {"size": "576", "frames": None, "most": None, "input": [], "target": []}
    assert follows_protocol(Namespace(**{**told, **changed})) is follows


class Brightness(torch.nn.Module):
    """A network of videos that sees the mean colour alone."""

    def forward(self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool) -> torch.Tensor:
        return x.mean((2, 3, 4))


def test_a_network_of_videos_is_used_where_given(bench: Path, tmp_path: Path) -> None:
    """Both episodes are the same, so the features have no spread: the distance is that of the mean colours."""
    torch.jit.script(Brightness()).save(str(tmp_path / "network.pt"))
    out = tmp_path / "out"
    assert (
        evaluate(bench, out, "--method", "copy_source", "--video-network", str(tmp_path / "network.pt")) == 0
    )
    results = json.loads((out / "results.json").read_text())
    told = results["methods"]["copy_source"]["video_network"]
    clips = {name: Episode.open(bench / "split" / "a").clip(name).frames for name in ("cam0", "cam1")}
    colours = {name: frames.mean((0, 1, 2)) for name, frames in clips.items()}
    assert told["clips"] == 2
    assert told["frechet_distance"] == pytest.approx(
        np.sum((colours["cam0"] - colours["cam1"]) ** 2), rel=1e-3
    )
    assert "learned video distance" not in results["not_run"]


class FourthFrame(torch.nn.Module):
    """A network of videos of four frames or more."""

    def forward(self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool) -> torch.Tensor:
        return x[:, :, 3].mean((2, 3))


def test_a_network_of_videos_that_takes_no_clip_costs_no_other_score(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.jit.script(FourthFrame()).save(str(tmp_path / "network.pt"))
    out = tmp_path / "out"
    arguments = ["--method", "copy_source", "--video-network", str(tmp_path / "network.pt")]
    assert evaluate(bench, out, *arguments) == 0
    told = capsys.readouterr().out
    assert "learned video distance: not run, since it needs two clips or more that the network takes." in told
    assert (
        "copy_source: The learned video distance does not apply: the video network does not take 2 frames"
        in told
    )
    (mean,) = (each["mean"] for each in json.loads((out / "results.json").read_text())["methods"].values())
    assert mean["psnr_db"] > 5


def test_options_reach_their_method(bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = [
        "--method",
        "copy_source",
        "reprojection",
        "--no-depth",
        "--option",
        "reprojection.depth_m=2.5",
    ]
    assert evaluate(bench, out, *arguments) == 0
    results = json.loads((out / "results.json").read_text())["methods"]
    assert results["reprojection"]["mean"]["psnr_db"] != results["copy_source"]["mean"]["psnr_db"]
    assert results["reprojection"]["results"][0]["input_depth"] is False
    assert (
        results["reprojection"]["mean"]["coverage"] is not None
    )  # what was truly seen is known all the same
    assert evaluate(bench, tmp_path / "none", "--method", "reprojection", "--option", "depth_n=1") == 2
    assert "depth_n" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_what_a_method_cannot_do_is_told_and_fails_the_command(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reprojection without depth and without an assumed one."""
    assert evaluate(bench, tmp_path / "out", "--method", "reprojection", "--no-depth") == 1
    assert "reprojection failed on split/a" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--method", "clairvoyance"], "clairvoyance"),
        (["--method", "copy_source", "--size", "big"], "--size is 'big'"),
        (["--method", "copy_source", "--frames", "0"], "--frames is 0"),
        (["--method", "copy_source", "--most", "0"], "--most is 0"),
        (["--method", "copy_source", "--lpips-weights", "absent.pth"], "absent.pth"),
        (["--method", "copy_source", "--video-network", "absent.pt"], "absent.pt"),
        (["--method", "copy_source", "reprojection", "--option", "depth_m=1"], "begin it with the method"),
        (["--method", "copy_source", "--input", "cam9", "--target", "cam0"], "cam9"),
    ],
)
def test_what_cannot_be_is_named(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    assert evaluate(bench, tmp_path / "out", *arguments) == 2
    assert word in capsys.readouterr().err


def test_a_benchmark_is_recorded_by_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from anyview_ros.offline.evaluate import own_benchmark

    monkeypatch.setattr(own_benchmark, "ROBOT_SPLITS", {"front_to_overhead": ("front", "overhead")})
    monkeypatch.setattr(own_benchmark, "ROOM_SPLITS", {})
    arguments = [
        "record-episodes",
        str(tmp_path / "own"),
        "--episodes",
        "1",
        "--frames",
        "1",
        "--size",
        "32x24",
    ]
    assert cli.main([*arguments, "--seed", "5", "--no-depth"]) == 0
    assert "1 episode;" in capsys.readouterr().out
    assert not list((tmp_path / "own").rglob("depth"))
