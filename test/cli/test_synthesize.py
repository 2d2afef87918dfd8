from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from film_files import write_transforms
from filmed import RATE_HZ, moving_clip

from anyview_ros.cli import main as cli
from anyview_ros.cli.synthesize import _told_vector
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.offline.films import SourceSettings, open_source
from anyview_ros.offline.picture_files import read_picture


@pytest.fixture
def episode(tmp_path: Path) -> Path:
    write_episode(tmp_path / "e", {"front": moving_clip(), "side": moving_clip(0.5)}, rate_hz=RATE_HZ)
    return tmp_path / "e"


def synthesize(*arguments: object) -> int:
    method = [] if "--method" in arguments else ["--method", "reprojection"]
    return cli.main(["synthesize", *map(str, arguments), *method])


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        synthesize("--help")
    assert end.value.code == 0
    told = capsys.readouterr().out
    for word in ("examples:", "transforms.json", "--orbit", "OpenCV axes", "info.json"):
        assert word in told


def test_scores_against_another_camera_are_printed_and_written(
    episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = synthesize(
        episode,
        "--camera",
        "front",
        "--like",
        "side",
        "--frames",
        "2:8:2",
        "--window",
        2,
        "--output",
        tmp_path / "o",
    )
    told = capsys.readouterr().out
    assert code == 0
    assert "3 frames of 240x180 at 5 Hz, with depth" in told
    assert "in 2 requests of 2 frames" in told
    assert re.search(r"3 views; mean confidence 0\.[1-9]\d; against the truth", told)
    assert "warning" not in told
    assert "over copy-source" in told
    info = json.loads((tmp_path / "o" / "info.json").read_text())
    pictures = sorted((tmp_path / "o" / "confidence").iterdir())
    confidence = np.mean([read_picture(picture) for picture in pictures]) / 255
    assert info["targets"][0]["mean_confidence"] == pytest.approx(confidence, abs=0.003)
    assert info["targets"][0]["scores"]["gain_db_co_visible"] > 6
    assert info["input"] == {"path": str(episode), "kind": "episode", "attribution": ""}
    assert any("requests" in note for note in info["notes"])


def test_requests_of_one_frame_are_told_in_the_singular(
    episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wishes = ("--camera", "front", "--shift", 0.1, 0, 0, "--frames", "0:2", "--window", 1)
    assert synthesize(episode, *wishes, "--output", tmp_path / "o") == 0
    assert "in 2 requests of 1 frame," in capsys.readouterr().out


def test_a_view_that_rests_on_little_is_warned_of(
    episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = (episode, "--camera", "front", "--frames", "0:1")
    assert synthesize(*common, "--shift", 3, 0, 0, "--output", tmp_path / "far") == 0
    captured = capsys.readouterr()
    found = json.loads((tmp_path / "far" / "info.json").read_text())["targets"][0]["mean_confidence"]
    assert 0 < found < 0.3
    assert f"shift: 1 view; mean confidence {found:.2f}\n" in captured.out
    assert f"warning: shift: mean confidence {found:.2f}: little of this view" in captured.out
    assert "0/1 view [" in captured.err
    assert synthesize(*common, "--shift", 0, 0, 0, "--output", tmp_path / "o", "--method", "copy_source") == 0
    assert "warning: shift: no confidence at all" in capsys.readouterr().out


def test_where_the_source_camera_stands_is_told_in_world_axes(
    episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = open_source(episode, SourceSettings(camera="front")).film
    wishes = (episode, "--camera", "front", "--frames", "0:1", "--method", "copy_source")
    assert synthesize(*wishes, "--shift", 0, 0, 0, "--output", tmp_path / "o") == 0
    line = next(
        line for line in capsys.readouterr().out.splitlines() if line.startswith("world axes, metres")
    )
    told = re.search(
        r"stands at (.+) and looks along (.+) \(at about (.+)\); upwards in its picture is (.+)", line
    )
    assert told is not None
    eye, ahead, middle, up = (np.array(each.split(), float) for each in told.groups())
    pose = film.camera_to_world[0]
    np.testing.assert_allclose(eye, pose[:3, 3], atol=1e-3)
    np.testing.assert_allclose(ahead, pose[:3, 2], atol=1e-3)
    np.testing.assert_allclose(up, -pose[:3, 1], atol=1e-3)
    np.testing.assert_allclose(np.cross(middle - eye, ahead), 0, atol=1e-2)
    assert (middle - eye) @ ahead > 0.1


def test_places_far_from_the_origin_are_told_to_the_millimetre() -> None:
    told = _told_vector(np.array([448262.1371, -5411935.82, 1e-6]))
    assert told == "448262.1371 -5411935.82 0"


def test_other_peoples_poses_their_scale_and_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_transforms(tmp_path / "t", moving_clip(), depth=False)
    common = (
        path,
        "--orbit",
        20,
        "--distance",
        1.5,
        "--freeze",
        0.5,
        "--count",
        3,
        "--output",
        tmp_path / "o",
    )
    assert synthesize(*common) == 2
    assert "option depth_m" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    assert synthesize(*common, "--option", "depth_m=1.5") == 0
    assert "poses' scale is unknown" in capsys.readouterr().out
    assert synthesize(*common, "--option", "depth_m=1.5", "--metres-per-unit", 2, "--overwrite") == 0
    assert "scale" not in capsys.readouterr().out
    info = json.loads((tmp_path / "o" / "info.json").read_text())
    assert info["options"]["depth_m"] == 1.5
    assert info["targets"][0]["views"] == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no target camera"),
        (("--orbit", "10", "--option", "depht=1"), "unknown option 'depht'"),
        (("--orbit", "10", "--frames", "a:b"), "--frames is 'a:b'"),
        (("--orbit", "10", "--frames", "50:60"), "film of 12 frames"),
        (("--orbit", "10", "--size", "100x100"), "another shape"),
        (("--orbit", "10", "--count", "9"), "--count is for"),
        (("--orbit", "10", "--freeze", "99"), "lasts from 0"),
        (("--orbit", "10", "--method", "clairvoyance"), "clairvoyance"),
        (("--orbit", "10", "--seed", "-1"), "seed is -1"),
        (("--orbit", "10", "--steps", "5"), "does not sample in steps"),
        (("--like", "above"), "no other camera 'above'; there is side"),
        (("--orbit", "10", "--calibration", "c.yaml"), "takes no calibration"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    episode: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert synthesize(episode, "--camera", "front", "--output", tmp_path / "o", *arguments) == 2
    errors = capsys.readouterr().err
    assert f"anyview synthesize: {errors.rpartition('anyview synthesize: ')[2]}".count(told) == 1
    assert "Traceback" not in errors
    assert not list(tmp_path.glob("o*"))


def test_a_folder_that_is_taken_is_told_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "o").mkdir()
    assert synthesize("nowhere", "--orbit", "10", "--output", tmp_path / "o") == 2
    assert f"{tmp_path / 'o'} exists; name another folder" in capsys.readouterr().err


def test_an_interrupt_ends_cleanly(tmp_path: Path) -> None:
    """Ctrl-C while views are made leaves nothing behind."""
    write_episode(tmp_path / "e", {"front": moving_clip()}, rate_hz=RATE_HZ)
    command = [sys.executable, "-m", "anyview_ros.cli.main", "synthesize", str(tmp_path / "e")]
    command += [
        "--method",
        "reprojection",
        "--freeze",
        "0",
        "--orbit",
        "30",
        "--count",
        "5000",
        "--output",
        str(tmp_path / "o"),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("o.*.partial/frames/000000.png")):
            assert process.poll() is None, process.stderr.read().decode()  # type: ignore[union-attr]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert b"nothing was written" in errors
    assert b"Traceback" not in errors
    assert not list(tmp_path.glob("o*"))
