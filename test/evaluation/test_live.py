import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from png_text import read_png_text

from anyview_ros.evaluation.comparison import score_views
from anyview_ros.evaluation.live import LiveSample, percentiles
from anyview_ros.evaluation.live_report import LiveRun, write_live_report
from anyview_ros.offline.video import read_video

TRUTH = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)


def sample(
    view: NDArray[np.uint8],
    *,
    index: int = 0,
    truth: NDArray[np.uint8] | None = TRUTH,
    co_visible: NDArray[np.bool_] | None = None,
) -> LiveSample:
    return LiveSample(
        source=np.full((96, 128, 3), 128, np.uint8),
        view=view,
        confidence=np.full((48, 64), 200, np.uint8),
        truth=truth,
        co_visible=co_visible,
        latency_ms=10.0 + index,
        age_ms=20.0 + index,
        elapsed_s=0.2 * index,
    )


def off_by(levels: int, where: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    """The truth moved by grey levels (towards the middle, so that nothing saturates), where asked."""
    shift = np.where(TRUTH < 128, levels, -levels)
    if where is not None:
        shift = np.where(where[..., None], shift, 0)
    return (TRUTH + shift).astype(np.uint8)


def test_psnr_is_that_of_the_known_error() -> None:
    scores = score_views([sample(off_by(16)), sample(off_by(16))])
    assert scores.frames == 2
    assert scores.synthesised.psnr_db == pytest.approx(20 * np.log10(255 / 16), abs=1e-6)
    assert scores.coverage is None
    assert scores.gain_db() is None


def test_only_co_visible_pixels_count_where_they_are_known() -> None:
    seen = np.zeros((48, 64), bool)
    seen[:, :16] = True
    scores = score_views([sample(off_by(8, seen) * seen[..., None], co_visible=seen)])
    assert scores.coverage == pytest.approx(0.25)
    assert scores.synthesised_co_visible.psnr_db == pytest.approx(20 * np.log10(255 / 8), abs=1e-6)
    assert scores.synthesised.psnr_db is not None
    assert scores.synthesised.psnr_db < scores.synthesised_co_visible.psnr_db
    gain = scores.gain_db()
    assert gain is not None
    assert gain > 10


def test_samples_without_truth_are_not_scored() -> None:
    scores = score_views([sample(off_by(3), truth=None)])
    assert scores.frames == 0
    assert scores.synthesised.psnr_db is None


def test_percentiles_of_nothing_are_nothing() -> None:
    assert percentiles([]) == {"p50": None, "p99": None}
    assert percentiles([1.0, 2.0, 3.0])["p50"] == 2.0


def run(samples: dict[str, list[LiveSample]]) -> LiveRun:
    return LiveRun(
        method="reprojection",
        distro="jazzy",
        input="a <test>",
        duration_s=2.0,
        counted_s=2.0,
        frames_in=12,
        drops={"late": 2},
        samples=samples,
        views_published={name: len(kept) for name, kept in samples.items()},
    )


def test_the_report_tells_what_was_measured(tmp_path: Path) -> None:
    seen = np.ones((48, 64), bool)
    kept = [sample(off_by(16), index=index, co_visible=seen) for index in range(5)]
    summary = write_live_report(run({"overhead": kept}), tmp_path)
    assert json.loads((tmp_path / "report.json").read_text()) == summary
    for key in (
        "method",
        "distro",
        "input",
        "duration_s",
        "frames_in",
        "views_published",
        "latency_ms",
        "age_ms",
        "drops",
    ):
        assert key in summary
    assert summary["scores"]["overhead"]["coverage"] == 1.0
    assert summary["age_ms"]["p50"] == 22.0
    assert summary["continuity"]["overhead"]["kept_hz"] == 2.5
    page = (tmp_path / "report.html").read_text()
    assert "SYNTHESISED" in page
    assert "a &lt;test&gt;" in page
    assert "http" not in page.replace("http-equiv", "")  # self-contained
    assert page.count("data:image/jpeg") == 4  # three instants, and the strip of time
    assert len(list(read_video(tmp_path / "overhead.mp4"))) == 5
    assert cv2.imread(str(tmp_path / "overhead_0.png")).shape == (524, 960, 3)
    assert "synthesised" in read_png_text(tmp_path / "overhead_0.png")["Comment"]


def test_what_takes_long_is_told_camera_by_camera(tmp_path: Path) -> None:
    told: list[str] = []
    write_live_report(run({"overhead": [sample(off_by(16))], "wrist": []}), tmp_path, report=told.append)
    assert told == [
        "scoring 1 view of overhead",
        "scoring 0 views of wrist",
        "writing pictures and the video of overhead",
        "writing pictures and the video of wrist",
    ]


def test_a_camera_that_was_never_seen_is_reported_as_such(tmp_path: Path) -> None:
    summary = write_live_report(run({"wrist": []}), tmp_path)
    assert summary["views_observed"] == {"wrist": 0}
    assert summary["scores"] == {}
    assert "No view of this camera was observed" in (tmp_path / "report.html").read_text()


def test_frames_with_and_without_truth_make_one_video(tmp_path: Path) -> None:
    kept = [sample(off_by(3), index=index, truth=TRUTH if index % 2 else None) for index in range(6)]
    write_live_report(run({"wrist": kept}), tmp_path)
    assert len(list(read_video(tmp_path / "wrist.mp4"))) == 3
