from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from filmed import moving_clip
from filmed_episode import film_of, grey_film, robot_episode

from anyview_ros.methods.copy_source import CopySource
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.metrics import psnr_db, ssim
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.augment.spooling import spool_views
from anyview_ros.offline.augment.truth_scores import truth_scores
from anyview_ros.offline.augment.view_plans import parse_views
from anyview_ros.offline.posed_film import PosedFilm

EPISODE = robot_episode()
FILM = EPISODE.film("front")


def held_out(folder: Path, method) -> tuple[SpooledView, PosedFilm]:
    (sampler,) = parse_views(["camera:side"])
    drawn = sampler.draw(EPISODE, FILM)
    (view,) = spool_views(FILM, [drawn], method, AugmentSettings(views=("camera:side",)), folder)
    assert drawn.target.truth is not None
    return view, drawn.target.truth


def test_a_held_out_camera_is_scored_frame_by_frame(tmp_path: Path) -> None:
    view, truth = held_out(tmp_path, Reprojection())
    found = truth_scores(view, truth, FILM)
    pairs = [
        (made.image, true.image) for made, true in zip(view.frames(), truth.frames(range(12)), strict=True)
    ]
    assert found["frames"] == 12
    assert found["psnr_db"] == pytest.approx(sum(psnr_db(*pair) for pair in pairs) / 12)
    assert found["ssim"] == pytest.approx(sum(ssim(*pair) for pair in pairs) / 12)
    assert 0.4 < found["co_visible"] < 1
    assert found["psnr_db_co_visible"] > found["copy_source_psnr_db_co_visible"] + 6
    assert found["psnr_db_co_visible"] > found["psnr_db"]


def test_the_source_in_place_of_the_view_scores_as_copy_source(tmp_path: Path) -> None:
    found = truth_scores(*held_out(tmp_path, CopySource()), FILM)
    for name in ("psnr_db", "ssim", "psnr_db_co_visible"):
        assert found[name] == found[f"copy_source_{name}"]


def test_without_depth_nothing_is_known_of_what_both_see(tmp_path: Path) -> None:
    view, _ = held_out(tmp_path, Reprojection())
    truth = film_of(moving_clip(0.5), "side", depth=False)
    found = truth_scores(view, truth, FILM)
    assert found["psnr_db"] is not None
    assert found["co_visible"] is None
    assert found["psnr_db_co_visible"] is None


def test_long_films_are_scored_by_every_kth_frame(tmp_path: Path) -> None:
    film = grey_film(100)
    truth = grey_film(100, name="left")
    (sampler,) = parse_views(["fixed:in=source"])
    drawn = sampler.draw(replace(EPISODE, films={"front": film}), film)
    (view,) = spool_views(film, [drawn], CopySource(), AugmentSettings(views=("fixed",)), tmp_path)
    found = truth_scores(view, truth, film, most_frames=30)
    assert found["frames"] == 25
    assert found["psnr_db"] is None, "what equals the truth has no ratio"
    assert found["ssim"] == 1
