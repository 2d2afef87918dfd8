from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from filmed_episode import grey_film, robot_episode
from png_text import read_png_text

from anyview_ros.methods.copy_source import CopySource
from anyview_ros.offline.augment.contact_sheet import contact_sheet, write_contact_sheet
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.spooling import spool_views
from anyview_ros.offline.augment.view_plans import parse_views


def test_a_sheet_shows_source_view_confidence_truth_and_error(tmp_path: Path) -> None:
    episode = robot_episode()
    film = episode.film("front")
    drawn = [sampler.draw(episode, film) for sampler in parse_views(["camera:side", "vista_small"])]
    held_out, small = spool_views(
        film, drawn, CopySource(), AugmentSettings(views=("camera:side",)), tmp_path
    )
    whole = contact_sheet(held_out, film, drawn[0].target.truth)
    panel, row = round(240 * 160 / 180), 160 + 22
    assert whole.shape == (4 * row, 5 * panel, 3)
    assert contact_sheet(small, film).shape == (4 * row, 3 * panel, 3)
    pictures = [whole[22:row, column * panel : (column + 1) * panel].astype(int) for column in range(5)]
    source, view, confidence, truth, error = pictures
    np.testing.assert_array_equal(source, view)  # copy_source
    assert confidence.max() == 0
    assert np.abs(source - truth).mean() > 10
    assert error.mean() > 10


def test_a_short_view_has_a_row_for_each_instant(tmp_path: Path) -> None:
    film = grey_film(2)
    (sampler,) = parse_views(["fixed:in=source"])
    drawn = sampler.draw(robot_episode(), film)
    (view,) = spool_views(film, [drawn], CopySource(), AugmentSettings(views=("fixed",)), tmp_path)
    assert contact_sheet(view, film).shape[0] == 2 * (160 + 22)
    path = tmp_path / "sheet.png"
    write_contact_sheet(path, view, film)
    text = read_png_text(path)
    assert text["Synthesised"] == "true"
    assert "copy_source" in text["Comment"]
    read = cv2.imread(str(path))[..., ::-1]
    np.testing.assert_array_equal(read, contact_sheet(view, film))
