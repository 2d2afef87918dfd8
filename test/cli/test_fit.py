from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from ddr_scenes import small_clip

from anyview_ros.cli import fit as fit_command
from anyview_ros.cli import main as cli
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.offline.pose_file import read_pose_file
from anyview_ros.synthesis import load_synthesizer
from anyview_ros.synthesis.scene_file import read_scene

SMALL = ("--option", "voxels=5000", "--option", "samples=8", "--option", "rays=32", "--device", "cpu")


@pytest.fixture
def episode(tmp_path: Path) -> Path:
    write_episode(tmp_path / "e", {"front": small_clip(moving=True)}, rate_hz=5.0)
    return tmp_path / "e"


def run(*arguments: object) -> int:
    return cli.main([*map(str, arguments)])


def test_a_scene_is_fitted_shown_and_looked_into(
    episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fitted" / "scene.safetensors"
    assert run("fit", episode, "--output", out, "--frames", "0:4", "--steps", 3, "--seed", 7, *SMALL) == 0
    told = capsys.readouterr().out
    assert "4 frames of 32x24" in told
    assert "3 steps in" in told
    scene = read_scene(out, method="ddr")
    assert scene.cameras[0].name == "front"
    assert scene.provenance["seed"] == 7
    assert scene.provenance["source"] == str(episode)
    assert {file.name for file in out.parent.iterdir()} == {
        "scene.safetensors",
        "scene.poses.json",
        "scene.transforms.yaml",
    }
    poses = read_pose_file(out.with_suffix(".poses.json"))
    np.testing.assert_allclose(poses.camera_to_world, scene.cameras[0].refined_camera_to_world)
    transforms = yaml.safe_load(out.with_suffix(".transforms.yaml").read_text())
    assert transforms[0]["child_frame_id"] == "front_refined_optical_frame"

    assert load_synthesizer(scene=str(out), device="cpu").describe().name == "ddr"
    shown = tmp_path / "shown"
    assert (
        run("synthesize", episode, "--scene", out, "--orbit", 10, "--output", shown, "--device", "cpu") == 0
    )
    assert (shown / "view.mp4").is_file()

    picture = tmp_path / "rays" / "rays.png"
    assert (
        run("inspect-rays", out, "--frame", 2, "--pixel", 3, 4, "--pixel", 16, 12, "--output", picture) == 0
    )
    assert cv2.imread(str(picture)).shape == (240, 640, 3)
    arrays = np.load(picture.with_suffix(".npz"))
    assert arrays["pixels"].tolist() == [[3, 4], [16, 12]]
    np.testing.assert_allclose(arrays["weights"].sum(1), 1, atol=1e-5)
    for wrong, complaint in (
        (("--frame", 4, "--output", picture), "frames 0 to 3"),
        (("--output", tmp_path / "rays"), "give a file that ends in .png"),
        (("--pixel", "nan", 0, "--output", picture), "not on the picture of 32x24"),
        (("--pixel", 9999, 5, "--output", picture), "--pixel 9999 5 is not on the picture"),
    ):
        assert run("inspect-rays", out, *wrong) == 2
        assert complaint in capsys.readouterr().err


def test_an_interrupted_fit_goes_on(
    episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class After:
        """Set after so many looks, of which there is one before each step."""

        def __init__(self, looks: int) -> None:
            self.looks = looks

        def is_set(self) -> bool:
            self.looks -= 1
            return self.looks < 0

    out = tmp_path / "scene.safetensors"
    command = ("fit", episode, "--output", out, "--steps", 3, *SMALL)
    checkpoint = tmp_path / "scene.fit.safetensors"
    for looks, told in ((0, "there is no scene yet; run"), (2, "to go on")):
        with monkeypatch.context() as patched:
            patched.setattr(fit_command, "interruptible", lambda looks=looks: nullcontext(After(looks)))
            assert run(*command) == 130
        assert told in capsys.readouterr().out
        assert checkpoint.is_file()
        assert out.exists() == (looks > 0)
    assert run(*command) == 0
    assert f"going on with what {checkpoint} keeps" in capsys.readouterr().out
    assert not checkpoint.exists()
    assert read_scene(out).provenance["steps"] == 3
    assert run(*command) == 2
    assert "exists; give --overwrite" in capsys.readouterr().err
    assert run(*command, "--overwrite") == 0


def test_what_cannot_be_fitted_is_told(
    episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "scene.safetensors"
    for arguments, complaint in (
        (("--frames", "0:1"), "at least two frames but the clips have 1"),
        (("--method", "copy_source"), "fits scenes; choose one of"),
        (("--option", "colour=1"), "unknown option 'colour'"),
        (("--minutes", "-1"), "seconds is -60"),
    ):
        assert run("fit", episode, "--output", out, *arguments, *SMALL[-2:]) == 2
        assert complaint in capsys.readouterr().err
    monkeypatch.setattr(fit_command, "_MOST_BYTES", 1000)
    assert run("fit", episode, "--output", out, *SMALL) == 2
    assert "choose some with --frames" in capsys.readouterr().err
    assert not out.exists()


def test_a_checkpoint_is_a_file_of_its_own(
    episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scene.safetensors"
    mine = tmp_path / "mine.json"
    mine.write_text("{}")
    poses = ("--source-poses", mine)
    for checkpoint, told in (
        (out, "writes"),
        (tmp_path / "e" / ".." / "scene.poses.json", "writes"),
        (tmp_path / "scene.transforms.yaml", "writes"),
        (mine, "reads"),
        (episode, "reads"),
    ):
        assert run("fit", episode, "--output", out, "--checkpoint", checkpoint, *poses, *SMALL) == 2
        assert f"is also what the fit {told}; give another --checkpoint" in capsys.readouterr().err
    assert mine.read_text() == "{}"
    assert not out.exists()


def test_poses_and_other_files_of_the_user_are_not_written_over(
    episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scene.safetensors"
    mine = tmp_path / "scene.poses.json"
    mine.write_text("[]")
    for more, complaint in (
        (("--source-poses", mine, "--overwrite"), "is what the fit reads; give another --output"),
        ((), f"{mine} exists; give --overwrite"),
    ):
        assert run("fit", episode, "--output", out, *more, *SMALL) == 2
        assert complaint in capsys.readouterr().err
    assert mine.read_text() == "[]"


def test_a_seed_out_of_range_is_refused_before_the_film_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run("fit", tmp_path / "nowhere", "--output", tmp_path / "s.safetensors", "--seed", -1, *SMALL)
    assert code == 2
    assert "seed is -1; give 0 to 2**64 - 1" in capsys.readouterr().err
