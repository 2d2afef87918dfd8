"""The table of methods that imagine, in small: it ranks what is known to be better higher."""

from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.synthesis import load_synthesizer
from benchmarks.imagined_views import PATHS, POSES, consistency_of, make_case, scores_of, views_of


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
