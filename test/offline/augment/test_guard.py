from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from filmed_episode import grey_film, robot_episode

from anyview_ros.errors import WeightsError
from anyview_ros.methods.copy_source import CopySource
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.offline.augment import guard
from anyview_ros.offline.augment.guard import judge, load_lpips, refusal, score_view
from anyview_ros.offline.augment.settings import AugmentSettings, GuardSettings
from anyview_ros.offline.augment.source_samples import SAMPLES
from anyview_ros.offline.augment.spool import SpooledView, SpoolWriter, ViewFrame
from anyview_ros.offline.augment.spooling import spool_views
from anyview_ros.offline.augment.view_plans import parse_views
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm
from anyview_ros.synthesis import Synthesizer

EPISODE = robot_episode()
NONE = GuardSettings(min_coverage=None)
EASY = "fixed:in=source,position=0.05,0,0"


def spooled(
    text: str, folder: Path, method: Synthesizer | None = None, film: PosedFilm | None = None
) -> SpooledView:
    film = film or EPISODE.film("front")
    (sampler,) = parse_views([text])
    drawn = sampler.draw(EPISODE, film)
    (view,) = spool_views(film, [drawn], method or Reprojection(), AugmentSettings(views=(text,)), folder)
    return view


def altered(view: SpooledView, change: Callable[[int, np.ndarray], np.ndarray]) -> SpooledView:
    """The view with its pictures changed, frame by frame."""
    frames = [
        ViewFrame(change(index, frame.image.copy()), frame.confidence)
        for index, frame in enumerate(view.frames())
    ]
    other = replace(view, folder=view.folder.with_name("altered"))
    with SpoolWriter(other.folder) as spool:
        for frame in frames:
            spool.add(frame)
    return other


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> SpooledView:
    return spooled(EASY, tmp_path_factory.mktemp("spool"))


def scores(view: SpooledView) -> dict[str, float]:
    found = score_view(view, EPISODE.film("front"))
    return {name: value for name, value in found.items() if value is not None}


def test_a_good_view_scores_well(good: SpooledView) -> None:
    found = scores(good)
    assert found["coverage"] > 0.95
    assert found["confidence"] > 0.9
    assert 0.8 < found["sharpness"] < 1.5
    assert found["flicker"] < 0.5
    assert found["inconsistency"] < 2.5
    assert judge(good, EPISODE.film("front"), GuardSettings()).refused == ""


def test_confidence_is_the_exact_mean_over_all_frames(good: SpooledView) -> None:
    confidence = np.stack([frame.confidence for frame in good.frames()])
    assert scores(good)["confidence"] == pytest.approx(confidence.mean() / 255, abs=1e-12)


def test_without_depth_coverage_is_the_share_of_sure_pixels(tmp_path: Path) -> None:
    good = spooled(EASY, tmp_path)
    film = replace(EPISODE.film("front"), has_depth=False)
    blind = replace(film, read=lambda wanted: (replace(f, depth=None) for f in film.read(wanted)))
    shutil.rmtree(tmp_path / SAMPLES)
    confidence = np.stack([frame.confidence for frame in good.frames()])
    found = score_view(good, blind)
    assert found["coverage"] == pytest.approx((confidence >= 128).mean(), abs=1e-12)


def test_what_depth_shows_is_covered_however_sure_the_method_is(good: SpooledView, tmp_path: Path) -> None:
    """As a method is not that sees all from near but enlarges it."""
    unsure = tmp_path / "unsure"
    with SpoolWriter(unsure) as spool:
        for frame in good.frames():
            spool.add(ViewFrame(frame.image, frame.confidence // 4))
    assert scores(replace(good, folder=unsure))["coverage"] == scores(good)["coverage"] > 0.95


def test_less_is_covered_the_farther_the_camera_is(tmp_path: Path) -> None:
    shares = []
    for shift in (0.05, 0.3, 0.8):
        view = spooled(f"fixed:in=source,position={shift},0,0", tmp_path / str(shift))
        shares.append(scores(view)["coverage"])
    assert shares == sorted(shares, reverse=True)
    assert shares[0] - shares[-1] > 0.2


def test_a_camera_that_looks_away_is_refused_in_a_full_sentence(tmp_path: Path) -> None:
    view = spooled("fixed:position=1.3,-1,1.5,look_at=3,-3,1.5", tmp_path)
    judgement = judge(view, EPISODE.film("front"), GuardSettings(min_coverage=0.3))
    assert judgement.refused.startswith("Its coverage is 0")
    assert judgement.refused.endswith("but at least 0.3 is asked for (min_coverage).")


@pytest.mark.parametrize("method", [CopySource])
def test_methods_without_confidence_are_covered_by_what_depth_shows(method, tmp_path: Path) -> None:
    near = scores(spooled(EASY, tmp_path / "near", method()))
    away = scores(spooled("fixed:position=1.3,-1,1.5,look_at=3,-3,1.5", tmp_path / "away", method()))
    assert near["coverage"] > 0.9
    assert away["coverage"] == 0
    assert "confidence" not in near


def test_without_depth_and_confidence_nothing_is_known_of_coverage(tmp_path: Path) -> None:
    film = grey_film(5)
    view = spooled("fixed:in=source", tmp_path, CopySource(), film)
    judgement = judge(view, film, GuardSettings(min_coverage=0.9))
    assert judgement.scores["coverage"] is None
    assert judgement.scores["inconsistency"] is None
    assert judgement.refused == ""


def test_blur_is_told_from_sharpness(good: SpooledView) -> None:
    before = scores(good)["sharpness"]
    soft = altered(good, lambda _, image: cv2.GaussianBlur(image, (0, 0), 2))
    after = scores(soft)["sharpness"]
    assert after < 0.4 * before
    told = judge(soft, EPISODE.film("front"), replace(NONE, min_sharpness=0.5))
    assert "Its sharpness is" in told.refused


def test_sharpness_does_not_depend_on_the_views_size(tmp_path: Path) -> None:
    found = [
        scores(spooled(f"fixed:in=source,size={size}", tmp_path / size, CopySource()))["sharpness"]
        for size in ("240x180", "120x90", "480x360")
    ]
    assert found[0] == pytest.approx(1, abs=0.02)
    assert found[1] == pytest.approx(1, abs=0.1)
    assert found[2] > 0.45  # enlarging blurs; at the enlarged pixels it would seem far softer


def test_brightness_that_jumps_is_flicker_and_a_source_that_does_so_too_is_not(good: SpooledView) -> None:
    before = scores(good)["flicker"]

    def jump(index: int, image: np.ndarray) -> np.ndarray:
        return np.clip(image.astype(int) + 20 * (index % 2), 0, 255).astype(np.uint8)

    assert scores(altered(good, jump))["flicker"] > before + 10
    blinking = grey_film(8)  # a grey level from frame to frame
    folder = good.folder.parent / "blinking"
    view = spooled("fixed:in=source", folder, CopySource(), blinking)
    assert score_view(view, blinking)["flicker"] == pytest.approx(0, abs=1e-6)
    shutil.rmtree(folder)


def test_other_colours_than_the_sources_are_inconsistent(good: SpooledView) -> None:
    before = scores(good)["inconsistency"]
    red = altered(good, lambda _, image: np.clip(image + np.array([25, 0, 0]), 0, 255).astype(np.uint8))
    after = scores(red)["inconsistency"]
    assert 5 < after - before < 25 / 3 + 1e-6
    moved = altered(good, lambda _, image: np.roll(image, 6, axis=1))
    assert scores(moved)["inconsistency"] > before + 5
    assert (
        "Its inconsistency is"
        in judge(red, EPISODE.film("front"), replace(NONE, max_inconsistency=3)).refused
    )


def test_samples_kept_beside_the_view_say_what_the_film_says(
    good: SpooledView, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_samples = scores(good)
    monkeypatch.setattr(guard, "SAMPLES", "none there")
    assert scores(good) == with_samples


def test_the_film_is_not_read_again(good: SpooledView) -> None:
    assert (good.folder.parent / SAMPLES).is_dir()

    def refuse(wanted: range):
        raise AssertionError(f"frames {wanted} were read")

    film = replace(EPISODE.film("front"), read=refuse)
    judge(good, film, GuardSettings())


def test_long_films_are_judged_by_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = grey_film(400)
    view = spooled("fixed:in=source", tmp_path, CopySource(), film)
    looked_at: list[int] = []
    read = SpooledView.frame

    def frame(self: SpooledView, index: int) -> ViewFrame:
        looked_at.append(index)
        return read(self, index)

    monkeypatch.setattr(SpooledView, "frame", frame)
    assert score_view(view, film)["flicker"] == pytest.approx(0, abs=1e-6)
    assert len(looked_at) == 24
    assert (looked_at[0], looked_at[-1]) == (0, 399)


def test_only_neighbours_tell_of_flicker(tmp_path: Path) -> None:
    """The view grows brighter than its source, but between the pairs that are looked at and not within them."""
    film = grey_film(400)
    view = spooled("fixed:in=source", tmp_path, CopySource(), film)
    brighter = altered(
        view, lambda index, image: np.clip(image.astype(int) + index // 40, 0, 255).astype(np.uint8)
    )
    assert score_view(brighter, film)["flicker"] == pytest.approx(0, abs=1e-6)


class HalfApart:
    """Stands in for a network: the share of pixels that differ."""

    def __call__(self, a: np.ndarray, b: np.ndarray) -> float:
        return float((a != b).any(axis=2).mean())


def test_lpips_compares_with_the_sources_own_frame(tmp_path: Path) -> None:
    film = EPISODE.film("front")
    network = HalfApart()
    same = spooled("fixed:in=source", tmp_path / "same", CopySource())
    assert judge(same, film, NONE, lpips=network).scores["lpips"] == 0
    moved = judge(spooled(EASY, tmp_path / "moved"), film, NONE, lpips=network)
    assert moved.scores["lpips"] > 0.5
    told = refusal({"lpips": 0.6}, GuardSettings(max_lpips=0.5, lpips_weights="alex.pth"))
    assert (
        told
        == "Its lpips is 0.6 (LPIPS distance from the source's frame), but at most 0.5 is asked for (max_lpips)."
    )


@pytest.mark.parametrize(
    ("size", "compared"), [("120x90", (120, 90)), ("480x300", (240, 150)), ("240x320", (180, 240))]
)
def test_lpips_is_taken_at_the_smaller_of_both_sizes(
    size: str, compared: tuple[int, int], tmp_path: Path
) -> None:
    seen = set()

    def network(a: np.ndarray, b: np.ndarray) -> float:
        seen.update((a.shape[1::-1], b.shape[1::-1]))
        return 0.0

    view = spooled(f"fixed:in=source,size={size}", tmp_path, CopySource())
    judge(view, EPISODE.film("front"), NONE, lpips=network)
    assert seen == {compared}


def test_real_weights_are_loaded_and_used(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    shapes = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
    weights = {f"features.{n}.weight": 0.05 * torch.randn(o, i, k, k) for n, (o, i, k) in shapes.items()}
    weights |= {f"features.{n}.bias": torch.zeros(o) for n, (o, _, _) in shapes.items()}
    folder = tmp_path / "weights"
    folder.mkdir()
    torch.save(weights, folder / "alexnet.pth")
    torch.save(
        {f"lin{k}.model.1.weight": torch.rand(1, o, 1, 1) for k, (o, _, _) in enumerate(shapes.values())},
        folder / "alex.pth",
    )
    film = EPISODE.film("front")
    settings = GuardSettings(max_lpips=0.5, lpips_weights=str(folder))
    same = judge(spooled("fixed:in=source", tmp_path / "same", CopySource()), film, settings)
    assert same.scores["lpips"] == 0
    assert judge(spooled(EASY, tmp_path / "moved"), film, settings).scores["lpips"] > 0.01
    assert load_lpips(str(folder)) is load_lpips(str(folder))


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot read"):
        load_lpips(str(tmp_path / "absent.pth"))
    with pytest.raises(WeightsError, match=r"holds no \.pth or \.safetensors files"):
        load_lpips(str(tmp_path))


@pytest.mark.parametrize(
    ("scores", "settings", "told"),
    [
        ({"coverage": 0.3}, GuardSettings(min_coverage=0.3), 0),
        ({"coverage": 0.29}, GuardSettings(min_coverage=0.3), 1),
        ({"coverage": None}, GuardSettings(min_coverage=0.3), 0),
        ({"coverage": 0.1}, NONE, 0),
        ({"flicker": 3.1, "coverage": 0.1}, GuardSettings(max_flicker=3), 2),
        ({"flicker": 3.0}, GuardSettings(max_flicker=3), 0),
        ({"confidence": 0.1}, replace(NONE, min_confidence=0.2), 1),
    ],
)
def test_each_measure_below_its_threshold_is_one_sentence(
    scores: dict[str, float | None], settings: GuardSettings, told: int
) -> None:
    assert refusal(scores, settings).count("is asked for") == told


def test_frames_whose_depth_is_unknown_say_nothing_of_coverage(tmp_path: Path) -> None:
    """As those of a bag for which no depth was recorded near enough."""
    film = EPISODE.film("front")

    def rarely(wanted: range) -> Iterator[FilmFrame]:
        for index, frame in zip(wanted, film.read(wanted), strict=True):
            depth = frame.depth if index % 4 == 0 or frame.depth is None else np.zeros_like(frame.depth)
            yield replace(frame, depth=depth)

    view = spooled(EASY, tmp_path)
    shutil.rmtree(tmp_path / SAMPLES)
    found = score_view(view, replace(film, read=rarely))
    assert found["coverage"] is not None
    assert found["coverage"] > 0.95
