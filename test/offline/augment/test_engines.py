from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from augment_runs import SETTINGS, CountedMethod, Told, augment, write_inputs

from anyview_ros.errors import InvalidInputError, InvalidRequestError
from anyview_ros.offline.augment.engines import EngineSettings, do_job, load_method, pin_threads
from anyview_ros.offline.augment.formats import open_format
from anyview_ros.offline.augment.job import Job
from anyview_ros.offline.augment.outputs.episodes import EpisodesFormat
from anyview_ros.offline.augment.planning import plan_episodes
from anyview_ros.offline.augment.release_episode import ReleaseEpisode
from anyview_ros.offline.augment.run_place import RunPlace
from anyview_ros.offline.augment.sources import open_episodes

PATIENCE_S = 60.0


class WatchedMethod(CountedMethod):
    """Says when it begins on its second episode."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_second = threading.Event()

    def open_stream(self, *arguments: Any, **named: Any) -> Any:
        stream = super().open_stream(*arguments, **named)
        if self.streams == 2:
            self.at_second.set()
        return stream


def test_views_are_made_while_those_before_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = write_inputs(tmp_path / "in", 2)
    method = WatchedMethod()
    write_part = EpisodesFormat.write_part
    waited: list[bool] = []

    def written_late(self: EpisodesFormat, episode: Any, views: Any, folder: Path) -> None:
        if not waited:
            waited.append(method.at_second.wait(PATIENCE_S))
        write_part(self, episode, views, folder)

    monkeypatch.setattr(EpisodesFormat, "write_part", written_late)
    assert len(augment(inputs, tmp_path / "out", method=method).records) == 2
    assert waited == [True]


def test_no_more_than_one_episode_waits_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spool holds the views of two episodes at most, however slowly they are written."""
    inputs = write_inputs(tmp_path / "in", 4, frames=1)
    write_part = EpisodesFormat.write_part
    spooled: list[int] = []

    def counted(self: EpisodesFormat, episode: Any, views: Any, folder: Path) -> None:
        write_part(self, episode, views, folder)
        spooled.append(len(list((tmp_path / "out.partial" / "spool").iterdir())))

    monkeypatch.setattr(EpisodesFormat, "write_part", counted)
    augment(inputs, tmp_path / "out")
    assert len(spooled) == 4
    assert max(spooled) <= 2


class OutOfMemoryError(RuntimeError):
    """As that of torch."""


class FailingMethod(CountedMethod):
    """Cannot make the views of its second episode."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def open_stream(self, *arguments: Any, **named: Any) -> Any:
        stream = super().open_stream(*arguments, **named)
        if self.streams == 2:
            raise self._error
        return stream


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            ValueError("no such thing"),
            "the method failed while synthesising views of episode episode_1: ValueError: no such thing",
        ),
        (
            OutOfMemoryError("1 GiB"),
            "out of memory on cpu while synthesising views of episode episode_1; ask for fewer",
        ),
    ],
)
def test_an_error_of_the_method_is_that_of_its_episode(tmp_path: Path, error: Exception, told: str) -> None:
    inputs = write_inputs(tmp_path / "in", 3, frames=1)
    result = augment(inputs, tmp_path / "out", method=FailingMethod(error))
    assert [record.episode for record in result.records] == ["episode_0", "episode_2"]
    (failure,) = result.failures
    assert failure.episode == "episode_1"
    assert failure.failure.startswith(told)
    assert not augment(inputs, tmp_path / "out", resume=True).failures


def test_an_interruption_of_the_method_ends_the_run(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "in", 2, frames=1)
    with pytest.raises(KeyboardInterrupt):
        augment(inputs, tmp_path / "out", method=FailingMethod(KeyboardInterrupt()))


@pytest.mark.parametrize(
    ("step", "failed"), [("write_part", "could not be written"), ("fingerprint", "could not be read")]
)
def test_an_error_beside_the_method_is_that_of_its_episode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failed: str
) -> None:
    inputs = write_inputs(tmp_path / "in", 3, frames=1)
    owner: Any = EpisodesFormat if step == "write_part" else ReleaseEpisode
    usual = getattr(owner, step)

    def fails_for_one(*arguments: Any) -> Any:
        if any(isinstance(one, ReleaseEpisode) and one.name == "episode_1" for one in arguments):
            raise KeyError("colour")
        return usual(*arguments)

    monkeypatch.setattr(owner, step, fails_for_one)
    result = augment(inputs, tmp_path / "out")
    assert [record.episode for record in result.records] == ["episode_0", "episode_2"]
    assert [each.failure for each in result.failures] == [f"episode_1 {failed}: KeyError: 'colour'"]


def test_an_error_of_the_method_is_told_by_a_job_that_is_done_alone(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "in", 2, frames=1)
    method, place = FailingMethod(ValueError("no such thing")), RunPlace(tmp_path / "out")
    episodes = plan_episodes(open_episodes([inputs], SETTINGS))
    jobs = [Job.of(each, "", SETTINGS, open_format(SETTINGS), place) for each in episodes]
    first, second = (do_job(job, method, Told(), threading.Event()) for job in jobs)
    assert first.record is not None
    assert second.failure.endswith("views of episode episode_1: ValueError: no such thing")


def test_threads_are_those_asked_for_or_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert EngineSettings(threads=2).pinned_threads() == 2
    assert EngineSettings().pinned_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert EngineSettings().pinned_threads() == len(os.sched_getaffinity(0))


def test_threads_are_pinned() -> None:
    before = cv2.getNumThreads(), torch.get_num_threads()
    try:
        pin_threads(3)
        assert (cv2.getNumThreads(), torch.get_num_threads()) == (3, 3)
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])


@pytest.mark.parametrize("name", ["threads", "actors"])
def test_numbers_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} is 0; give 1 or more"):
        EngineSettings(**{name: 0})


def test_options_that_a_method_does_not_have_are_refused_before_any_work() -> None:
    with pytest.raises(InvalidRequestError, match="depht"):
        load_method(replace(SETTINGS, options=("depht=1",)), EngineSettings(threads=1))
