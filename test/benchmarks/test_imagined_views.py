"""The table of methods that imagine, in small: it ranks what is known to be better higher."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry.rigid import relative, rotation_angle_deg
from anyview_ros.synthesis import load_synthesizer
from benchmarks.imagined_views import (
    PATHS,
    POSES,
    Scores,
    consistency_of,
    contenders,
    gains,
    main,
    make_case,
    scores_of,
    shown,
    views_of,
)


@pytest.mark.parametrize("path", PATHS)
def test_moved_pixels_beat_the_sources_own_picture(path: str) -> None:
    case = make_case(path, 7, (128, 96))
    judged = {}
    for name in ("reprojection", "copy_source"):
        frames, view_s = views_of(load_synthesizer(name), case)
        judged[name] = scores_of(case, frames, view_s)
    moved, copied = judged["reprojection"], judged["copy_source"]
    assert moved.psnr_db > copied.psnr_db + 2
    assert moved.psnr_unseen_db > copied.psnr_unseen_db
    assert moved.ssim > copied.ssim + 0.2
    assert moved.psnr_db > moved.psnr_unseen_db
    assert consistency_of(case, case.truth) > 0.8
    assert consistency_of(case, np.zeros_like(case.truth)) == 0


def test_pictures_that_do_not_turn_with_the_camera_are_not_consistent() -> None:
    case = make_case("pan", 7, (128, 96))
    assert consistency_of(case, np.tile(case.source.frames, (POSES, 1, 1, 1))) == 0


@pytest.mark.parametrize("path", PATHS)
def test_a_path_turns_as_far_in_as_many_views_as_it_is_told(path: str) -> None:
    usual = make_case(path, 7, (32, 24))
    farther = make_case(path, 7, (32, 24), turn_deg=90, poses=3)
    for case, count, angle_deg in ((usual, 9, {"orbit": 40, "pan": 60}[path]), (farther, 3, 90)):
        poses = case.target.camera_to_world
        assert case.truth.shape[:1] == case.depth.shape[:1] == (count,)
        assert rotation_angle_deg(relative(poses[0], poses[-1])) == pytest.approx(angle_deg)
        assert shown(count)[-1] == count - 1
    assert shown(9) == [2, 5, 8]


def test_a_method_may_be_given_with_options_and_is_loaded_once() -> None:
    named = contenders(["reprojection", "reprojection:depth_m=2:fill_holes=false", "copy_source"], "cpu")
    plain, told, other = named.values()
    assert told.synthesizer is plain.synthesizer is not other.synthesizer
    assert (plain.options.depth_m, told.options.depth_m, told.options.fill_holes) == (None, 2.0, False)
    assert (told.method, told.heading, plain.heading) == (
        "reprojection",
        "depth_m=2:fill_holes=false",
        "reprojection",
    )
    for wrong in ("reprojection:deep=2", "reprojection:depth_m", "copy_source:depth_m=2"):
        with pytest.raises(InvalidRequestError):
            contenders([wrong], "cpu")


def test_gains_are_those_of_the_same_robots() -> None:
    def score(psnr_db: float) -> Scores:
        return Scores(psnr_db, None, 0.5, 1.0, 0.1)

    found = {
        "pan": {
            "`a`": {0: score(20.0), 1: score(30.0)},
            "`b`": {0: score(1.0)},
            "`a:x=1`": {1: score(27.0), 2: score(90.0)},
        },
        "orbit": {"`a`": {0: score(20.0)}},
    }
    heading, _, row = gains(found)[1:]
    assert heading.startswith("| pan, in pairs | PSNR, dB |")
    assert row == "| `a` less `a:x=1` | 3.00 ± 0.00 | - | 0.000 ± 0.000 | 0.00 ± 0.00 | 0.00 ± 0.00 |"
    assert gains({"orbit": found["orbit"]}) == []


def test_the_command_compares_a_method_with_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.imagined_views.RIVALS", ("reprojection", "copy_source"))
    methods = ["look_beyond", "look_beyond:panorama=false"]
    path = ["--paths", "pan", "--pan-deg", "70", "--poses", "3", "--seeds", "7"]
    monkeypatch.setattr(sys, "argv", ["imagined_views", *methods, *path])
    main()
    said = capsys.readouterr().out.splitlines()
    assert any(line.startswith("| `look_beyond:panorama=false` | ") for line in said)
    row = next(line for line in said if " less " in line)
    assert row.startswith("| `look_beyond` less `look_beyond:panorama=false` | ")
    assert float(row.split("|")[2].split("±")[0]) > 0
    monkeypatch.setattr(sys, "argv", ["imagined_views", *methods, "--poses", "1"])
    with pytest.raises(SystemExit):
        main()
    assert "--poses is 1" in capsys.readouterr().err
