from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from filmed import RATE_HZ, moving_clip
from png_text import read_png_text

from anyview_ros.errors import InvalidInputError, InvalidRequestError, SynthesisCancelled, SynthesisError
from anyview_ros.methods.copy_source import CopySource
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.offline.films import OpenedSource, SourceSettings, open_source
from anyview_ros.offline.posed_film import PosedFilm
from anyview_ros.offline.synthesize import RunSettings, TargetWishes, plan_pieces, plan_targets, run
from anyview_ros.synthesis import SynthesisRequest, SynthesisResult


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> OpenedSource:
    path = tmp_path_factory.mktemp("films") / "episode"
    write_episode(path, {"front": moving_clip(), "side": moving_clip(0.5)}, rate_hz=RATE_HZ)
    return open_source(path, SourceSettings(camera="front"))


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_reprojection_beats_the_source_by_far_on_what_it_saw(opened: OpenedSource, tmp_path: Path) -> None:
    targets, _ = plan_targets(TargetWishes(like="side"), opened.film, opened.references)
    out = tmp_path / "out"
    settings = RunSettings(longest_window=6)
    info = run(opened.film, targets, Reprojection(), out, settings, about={"input": {"kind": "episode"}})
    scores = info["targets"][0]["scores"]
    assert scores["views"] == 12
    assert scores["coverage"] > 0.4
    assert scores["gain_db_co_visible"] > 6
    assert scores["synthesised"]["psnr_db"] > scores["copy_source"]["psnr_db"]
    assert info["requests"] > 1
    assert json.loads((out / "info.json").read_text()) == info
    assert info["synthesised"] is True
    assert info["method"] == "reprojection"
    assert info["options"]["fill_holes"] is True
    assert info["input"] == {"kind": "episode"}
    for video in ("view.mp4", "side_by_side.mp4"):
        assert frames_of(out / video) == 12
    for part in ("frames", "confidence", "depth"):
        assert len(list((out / part).iterdir())) == 12
    assert list(tmp_path.iterdir()) == [out]


def test_cut_up_work_gives_the_same_pictures(opened: OpenedSource, tmp_path: Path) -> None:
    targets, _ = plan_targets(TargetWishes(shift=(0.1, 0, 0)), opened.film)
    for name, longest in (("whole", 48), ("cut", 5)):
        run(opened.film, targets, Reprojection(), tmp_path / name, RunSettings(longest_window=longest))
    for part in ("frames", "confidence", "depth"):
        for path in (tmp_path / "whole" / part).iterdir():
            assert path.read_bytes() == (tmp_path / "cut" / part / path.name).read_bytes()


def test_pictures_say_that_they_were_computed(opened: OpenedSource, tmp_path: Path) -> None:
    film = opened.film.sliced(slice(0, 1))
    targets, _ = plan_targets(TargetWishes(shift=(0, 0, 0)), film)
    run(film, targets, Reprojection(), tmp_path / "o", RunSettings(seed=7))
    for part in ("frames", "confidence", "depth"):
        text = read_png_text(tmp_path / "o" / part / "000000.png")
        assert text["Synthesised"] == "true"
        assert "computed, not seen" in text["Comment"]
        assert text["Seed"] == "7"
    depth = cv2.imread(str(tmp_path / "o" / "depth" / "000000.png"), cv2.IMREAD_UNCHANGED)
    truth = next(film.frames(range(1))).depth
    assert truth is not None
    known = depth > 0
    assert known.mean() > 0.9
    assert np.median(np.abs(depth[known] / 1000 - truth[known])) < 0.002
    with av.open(str(tmp_path / "o" / "view.mp4")) as container:
        assert "synthesised" in container.metadata["comment"].lower()


def test_time_stands_still_for_several_targets(opened: OpenedSource, tmp_path: Path) -> None:
    wishes = TargetWishes(orbit_deg=20, shift=(0.1, 0, 0), like="side", freeze_s=0.5, count=20)
    targets, _ = plan_targets(wishes, opened.film, opened.references)
    done: list[tuple[float, int]] = []
    info = run(
        opened.film,
        targets,
        Reprojection(),
        tmp_path / "o",
        RunSettings(frozen_index=5),
        report=lambda views, total: done.append((views, total)),
    )
    assert [target["folder"] for target in info["targets"]] == ["orbit", "shift", "like_side"]
    assert [target["views"] for target in info["targets"]] == [20, 1, 1]
    assert frames_of(tmp_path / "o" / "orbit" / "view.mp4") == 20
    first = cv2.imread(str(tmp_path / "o" / "orbit" / "frames" / "000000.png"))[..., ::-1]
    assert (
        np.abs(first.astype(int) - moving_clip().frames[5]).mean() < 1
    )  # the orbit begins where the source is
    assert info["targets"][2]["scores"]["gain_db_co_visible"] > 6
    assert [total for _, total in done] == [22] * len(done)
    assert [views for views, _ in done] == list(range(1, 23))


class Spoiling(CopySource):
    """Runs ``spoil`` before its second request."""

    def __init__(self, spoil: Callable[[], object]) -> None:
        super().__init__()
        self._spoil = spoil
        self._asked = 0

    def synthesize(self, request: SynthesisRequest, **more: Any) -> SynthesisResult:
        self._asked += 1
        if self._asked == 2:
            self._spoil()
        return super().synthesize(request, **more)


def test_nothing_is_left_of_what_was_cancelled_or_failed(opened: OpenedSource, tmp_path: Path) -> None:
    targets, _ = plan_targets(TargetWishes(shift=(0, 0, 0)), opened.film)
    cancel = threading.Event()
    settings = RunSettings(longest_window=4)
    with pytest.raises(SynthesisCancelled):
        run(opened.film, targets, Spoiling(cancel.set), tmp_path / "o", settings, cancel=cancel)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SynthesisError, match=r"4 frames of .* ZeroDivisionError: integer division"):
        run(opened.film, targets, Spoiling(lambda: 1 // 0), tmp_path / "o", settings)
    assert list(tmp_path.iterdir()) == []


def test_only_an_earlier_output_is_ever_replaced(opened: OpenedSource, tmp_path: Path) -> None:
    film = opened.film.sliced(slice(0, 1))
    targets, _ = plan_targets(TargetWishes(shift=(0, 0, 0)), film)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("")

    def again(folder: Path, *, overwrite: bool) -> None:
        run(film, targets, CopySource(), folder, RunSettings(), overwrite=overwrite)

    with pytest.raises(InvalidInputError, match="mine exists"):
        again(mine, overwrite=False)
    with pytest.raises(InvalidInputError, match=r"no info\.json"):
        again(mine, overwrite=True)
    assert (mine / "thesis.txt").exists()
    again(tmp_path / "o", overwrite=False)
    (tmp_path / "o" / "old").write_text("")
    with pytest.raises(InvalidInputError, match=r"o exists.*give --overwrite"):
        again(tmp_path / "o", overwrite=False)
    again(tmp_path / "o", overwrite=True)
    assert not (tmp_path / "o" / "old").exists()


def test_an_output_behind_a_link_is_replaced_and_the_link_stays(opened: OpenedSource, tmp_path: Path) -> None:
    film = opened.film.sliced(slice(0, 1))
    targets, _ = plan_targets(TargetWishes(shift=(0, 0, 0)), film)
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    run(film, targets, CopySource(), tmp_path / "disk" / "o", RunSettings())
    (tmp_path / "disk" / "o" / "old").write_text("")
    link.symlink_to(tmp_path / "disk" / "o")
    run(film, targets, CopySource(), link, RunSettings(), overwrite=True)
    assert link.is_symlink()
    assert (link / "info.json").is_file()
    assert not (link / "old").exists()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["o"]


def test_work_that_the_method_cannot_do_is_refused_beforehand(opened: OpenedSource) -> None:
    description = Reprojection().describe()
    targets, _ = plan_targets(TargetWishes(shift=(0, 0, 0)), opened.film)

    def refused(told: str, film: PosedFilm = opened.film, **of_method: Any) -> None:
        with pytest.raises(InvalidRequestError, match=told):
            plan_pieces(film, targets, replace(description, **of_method), RunSettings())

    refused("240x180 but method 'reprojection' makes 64x64", sizes=((64, 64),))
    refused("12 frames but method 'reprojection' takes clips of 13 or more", clip_frames=(13, 41))
    refused("no depth", replace(opened.film, has_depth=False), needs_depth=True)


def test_depth_beyond_what_a_png_holds_is_unknown_and_told(opened: OpenedSource, tmp_path: Path) -> None:
    film = opened.film.sliced(slice(0, 1)).in_metres(100.0)
    targets, _ = plan_targets(TargetWishes(shift=(0, 0, 0)), film)
    info = run(film, targets, Reprojection(), tmp_path / "o", RunSettings())
    assert any("beyond 65.535 m" in note for note in info["targets"][0]["notes"])
    depth = cv2.imread(str(tmp_path / "o" / "depth" / "000000.png"), cv2.IMREAD_UNCHANGED)
    assert (depth == 0).mean() > 0.5


def test_what_bears_the_name_of_unfinished_work_stays(opened: OpenedSource, tmp_path: Path) -> None:
    """As that of another command, or of the user."""
    theirs = tmp_path / "out.partial" / "work"
    theirs.mkdir(parents=True)
    targets, _ = plan_targets(TargetWishes(shift=(0.1, 0, 0)), opened.film)
    run(opened.film, targets, CopySource(), tmp_path / "out", RunSettings())
    assert theirs.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.partial"]
