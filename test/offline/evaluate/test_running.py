"""The evaluation of a small benchmark whose every figure follows by hand: pictures of one colour each."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError, SynthesisError
from anyview_ros.evaluation.benchmark_report import BenchmarkRun, key_of, write_benchmark_report
from anyview_ros.evaluation.target_scores import LearnedMetrics
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.copy_source import CopySource
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.offline.evaluate import (
    EvaluatedMethod,
    EvaluationSettings,
    ResultStore,
    evaluate,
    find_episodes,
)
from anyview_ros.synthesis import MethodDescription

CAMERA = PinholeCamera(40.0, 40.0, 31.5, 23.5, 64, 48)
SETTINGS = EvaluationSettings(long_side=0)


def plain(*levels: int) -> PosedClip:
    """Frames of one grey level each."""
    frames = np.stack([np.full((48, 64, 3), level, np.uint8) for level in levels])
    poses = np.tile(np.eye(4), (len(levels), 1, 1))
    return PosedClip(frames, CAMERA, poses, np.arange(len(levels)) * 100_000_000)


# Source and truth differ by so many grey levels, frame by frame; copy_source shows the source.
DIFFERENCES = {
    "robots/arm/a": (10, 20),
    "robots/arm/b": (40, 40),
    "robots/base/a": (5, 5),
    "cars/road/a": (80, 80),
}


def psnr(difference: float) -> float:
    return 20 * math.log10(255 / difference)


def write(folder: Path, differences: tuple[int, ...], **more: PosedClip) -> None:
    source, truth = plain(*[100] * len(differences)), plain(*(100 + each for each in differences))
    roles = {"cam0": "target", "cam1": "input", **dict.fromkeys(more, "target")}
    write_episode(folder, {"cam0": truth, "cam1": source, **more}, roles=roles)


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    for place, differences in DIFFERENCES.items():
        write(tmp_path / "bench" / place, differences)
    return tmp_path / "bench"


def run(
    benchmark: Path, store: Path, *methods: EvaluatedMethod, settings: EvaluationSettings = SETTINGS
) -> dict[str, list[dict[str, Any]]]:
    chosen = methods or (EvaluatedMethod("copy_source", CopySource()),)
    return evaluate(find_episodes(benchmark), chosen, ResultStore(store), settings)


def test_every_mean_follows_by_hand(benchmark: Path, tmp_path: Path) -> None:
    found = run(benchmark, tmp_path / "out")
    summary = write_benchmark_report(BenchmarkRun("bench", found), tmp_path / "out")
    told = summary["methods"]["copy_source"]
    arm = ((psnr(10) + psnr(20)) / 2 + psnr(40)) / 2
    robots = (arm + psnr(5)) / 2
    assert told["splits"]["robots: robots/arm"]["psnr_db"] == pytest.approx(arm)
    assert told["groups"]["robots"]["psnr_db"] == pytest.approx(robots)
    assert told["groups"]["cars"]["psnr_db"] == pytest.approx(psnr(80))
    assert told["mean"]["psnr_db"] == pytest.approx((robots + psnr(80)) / 2)
    frames = told["results"][1]["targets"]["cam0"]["frames"]
    assert told["results"][1]["split"] == "robots/arm"
    assert [frame["psnr_db"] for frame in frames] == pytest.approx([psnr(10), psnr(20)])


def test_ssim_and_flicker_follow_by_hand(benchmark: Path, tmp_path: Path) -> None:
    """Of plain pictures SSIM is its term of luminance; the source does not change, the truth by 10 levels."""
    found = run(benchmark, tmp_path / "out")["copy_source"]
    arm_a = next(each for each in found if each["split"] == "robots/arm" and each["episode"] == "a")
    c1 = 0.01**2

    def luminance(difference: int) -> float:
        a, b = 100 / 255, (100 + difference) / 255
        return (2 * a * b + c1) / (a * a + b * b + c1)

    assert arm_a["metrics"]["ssim"] == pytest.approx((luminance(10) + luminance(20)) / 2, abs=1e-6)
    assert arm_a["metrics"]["flicker_ratio"] == 0
    assert arm_a["metrics"]["tsed"] == 0  # plain pictures have nothing to match


def test_several_targets_count_as_one_episode(tmp_path: Path) -> None:
    write(tmp_path / "bench" / "e", (10, 10), cam2=plain(140, 140))
    (result,) = run(tmp_path / "bench", tmp_path / "out")["copy_source"]
    assert result["metrics"]["psnr_db"] == pytest.approx((psnr(10) + psnr(40)) / 2)
    assert set(result["targets"]) == {"cam0", "cam2"}


def test_pictures_are_scored_at_the_size_of_the_protocol(benchmark: Path, tmp_path: Path) -> None:
    found = run(benchmark, tmp_path / "out", settings=EvaluationSettings())["copy_source"]
    assert found[0]["input_size"] == [576, 432]
    assert found[0]["targets"]["cam0"]["size"] == [576, 432]
    assert found[0]["metrics"]["psnr_db"] == pytest.approx(psnr(80))


class Counted(CopySource):
    """Copy-source that counts its requests, and fails where the source is as dark as told."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__()
        self.requests: list[int] = []
        self.fails = fails

    def synthesize(self, request: Any, **more: Any) -> Any:
        self.requests.append(len(request.targets[0]))
        if self.fails and len(self.requests) == 2:
            raise SynthesisError("the device is on fire; put it out")
        return super().synthesize(request, **more)


def test_what_is_finished_is_not_done_again(benchmark: Path, tmp_path: Path) -> None:
    first, second, third = Counted(), Counted(), Counted()
    before = run(benchmark, tmp_path / "out", EvaluatedMethod("m", first))
    again = run(benchmark, tmp_path / "out", EvaluatedMethod("m", second))
    assert len(first.requests) == 4
    assert second.requests == []
    assert json.dumps(before) == json.dumps(again)
    other = replace(SETTINGS, seed=1)
    run(benchmark, tmp_path / "out", EvaluatedMethod("m", third), settings=other)
    assert len(third.requests) == 4


def test_what_has_changed_is_done_again(benchmark: Path, tmp_path: Path) -> None:
    run(benchmark, tmp_path / "out")
    metadata = benchmark / "cars" / "road" / "a" / "metadata.json"
    metadata.write_text(metadata.read_text().replace('"fps": 10.0', '"fps": 20.0'))
    counted = Counted()
    run(benchmark, tmp_path / "out", EvaluatedMethod("copy_source", counted))
    assert len(counted.requests) == 1


def test_a_failure_is_told_and_tried_again(benchmark: Path, tmp_path: Path) -> None:
    method = Counted(fails=True)
    found = run(benchmark, tmp_path / "out", EvaluatedMethod("m", method))["m"]
    failed = [each for each in found if "failed" in each]
    assert [each["failed"] for each in failed] == ["SynthesisError: the device is on fire; put it out"]
    summary = write_benchmark_report(BenchmarkRun("bench", {"m": found}), tmp_path / "out")
    assert summary["methods"]["m"]["episodes"] == 3
    assert "on fire" in (tmp_path / "out" / "table.md").read_text()
    assert "on fire" in (tmp_path / "out" / "report.html").read_text()
    method.fails = False
    again = run(benchmark, tmp_path / "out", EvaluatedMethod("m", method))["m"]
    assert not any("failed" in each for each in again)
    assert len(method.requests) == 5


class Exhausted(CopySource):
    """A method whose memory runs out."""

    def synthesize(self, request: Any, **more: Any) -> Any:
        raise MemoryError


def test_what_a_method_raises_of_others_making_is_a_failure_with_its_reason(
    benchmark: Path, tmp_path: Path
) -> None:
    found = run(benchmark, tmp_path / "out", EvaluatedMethod("m", Exhausted()))["m"]
    assert len(found) == 4
    assert all(each["failed"].startswith("SynthesisError: out of memory on cpu") for each in found)


def test_an_episode_that_cannot_be_read_does_not_stop_the_others(benchmark: Path, tmp_path: Path) -> None:
    broken = benchmark / "robots" / "base" / "a" / "rgb" / "cam0" / "0000000001.png"
    broken.write_bytes(b"no picture")
    found = run(benchmark, tmp_path / "out")["copy_source"]
    failed = [each for each in found if "failed" in each]
    assert [each["split"] for each in failed] == ["robots/base"]
    assert "0000000001.png" in failed[0]["failed"]


def test_long_episodes_are_cut_into_windows_whose_seams_are_judged(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    moving = replace(plain(*[0] * 6), frames=rng.integers(0, 256, (6, 48, 64, 3), np.uint8))
    write_episode(
        tmp_path / "bench" / "e", {"cam0": moving, "cam1": moving}, roles={"cam0": "target", "cam1": "input"}
    )
    counted = Counted()
    settings = replace(SETTINGS, longest_window=2)
    (result,) = run(tmp_path / "bench", tmp_path / "out", EvaluatedMethod("m", counted), settings=settings)[
        "m"
    ]
    assert counted.requests == [2, 2, 2]
    assert result["metrics"]["seam_ratio"] == pytest.approx(1)
    assert result["metrics"]["psnr_db"] is None  # equal to the truth in every frame
    assert result["metrics"]["ssim"] == pytest.approx(1)


class NeedsLonger:
    """A network of videos that takes three frames or more."""

    def features(self, frames: np.ndarray) -> np.ndarray:
        if len(frames) < 3:
            raise InvalidInputError(
                f"the video network does not take {len(frames)} frames of 64x48: too short"
            )
        return np.asarray(frames.mean((0, 1, 2)))


def test_clips_that_the_video_network_refuses_keep_their_other_scores(tmp_path: Path) -> None:
    write(tmp_path / "bench" / "split" / "short", (10, 10), cam2=plain(140, 140))
    write(tmp_path / "bench" / "split" / "long", (10, 10, 10))
    settings = replace(SETTINGS, learned=LearnedMetrics(video=NeedsLonger()))
    longer, short = run(tmp_path / "bench", tmp_path / "out", settings=settings)["copy_source"]
    assert short["metrics"]["psnr_db"] == pytest.approx((psnr(10) + psnr(40)) / 2)
    assert short["notes"] == [
        "The learned video distance does not apply: the video network does not take 2 frames of 64x48: too short."
    ]
    assert longer["notes"] == []
    store = ResultStore(tmp_path / "out")
    assert store.features("copy_source", key_of(short)) is None
    assert store.features("copy_source", key_of(longer)).shape == (1, 2, 3)


class Small(CopySource):
    """Copy-source that works at 32 x 24 only."""

    def describe(self) -> MethodDescription:
        return replace(super().describe(), sizes=((32, 24),))


def test_a_method_of_another_size_is_scored_at_the_benchmarks(benchmark: Path, tmp_path: Path) -> None:
    found = run(benchmark, tmp_path / "out", EvaluatedMethod("m", Small()))["m"]
    assert found[0]["metrics"]["psnr_db"] == pytest.approx(psnr(80))
    assert found[0]["notes"] == ["Views came as 32x24 and were resized to be scored."]


class Stereo(CopySource):
    """Copy-source that wants two cameras."""

    def describe(self) -> MethodDescription:
        return replace(super().describe(), source_count=(2, 2))


def test_too_few_inputs_are_a_failure_with_its_reason(benchmark: Path, tmp_path: Path) -> None:
    found = run(benchmark, tmp_path / "out", EvaluatedMethod("m", Stereo()))["m"]
    assert all("1 input cameras" in each["failed"] and "needs 2" in each["failed"] for each in found)
    summary = write_benchmark_report(BenchmarkRun("bench", {"m": found}), tmp_path / "out")
    assert summary["methods"]["m"]["mean"]["psnr_db"] is None


def test_tables_in_every_form_say_the_same(benchmark: Path, tmp_path: Path) -> None:
    found = run(benchmark, tmp_path / "out")
    store = ResultStore(tmp_path / "out")
    not_run = {"lpips": "since nobody gave weights"}
    told = BenchmarkRun("bench", found, not_run=not_run, picture=store.picture, machine={"cores": 2}, shown=2)
    summary = write_benchmark_report(told, tmp_path / "out")
    mean = summary["methods"]["copy_source"]["mean"]["psnr_db"]
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == summary
    table = (tmp_path / "out" / "table.md").read_text()
    row = next(line for line in table.splitlines() if line.startswith("| mean | copy_source"))
    assert row.split(" | ")[2:6] == [
        "4",
        f"{mean:.2f}",
        f"{summary['methods']['copy_source']['mean']['ssim']:.3f}",
        "not run",
    ]
    assert "lpips: not run, since nobody gave weights." in table
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "table.csv").read_text())))
    assert float(next(each for each in rows if each["level"] == "mean")["psnr_db"]) == mean
    assert len([each for each in rows if each["level"] == "episode"]) == 4
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"{mean:.2f}" in page
    assert page.count("data:image/jpeg") == 2
    assert "http" not in page.replace("http://www.w3.org", "")  # nothing is fetched
    assert "SYNTHESISED" in page
