from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
from augment_runs import SETTINGS, CountedMethod, augment, write_inputs

from anyview_ros.errors import InvalidInputError, InvalidRequestError
from anyview_ros.offline.augment.engines import EngineSettings, load_method, pin_threads
from anyview_ros.offline.augment.outputs.episodes import EpisodesFormat

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


def test_threads_are_those_asked_for_or_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert EngineSettings(threads=2).pinned_threads() == 2
    assert EngineSettings().pinned_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert EngineSettings().pinned_threads() == len(os.sched_getaffinity(0))


def test_threads_are_pinned() -> None:
    before = cv2.getNumThreads()
    try:
        pin_threads(3)
        assert cv2.getNumThreads() == 3
    finally:
        pin_threads(before)


@pytest.mark.parametrize("name", ["threads", "actors"])
def test_numbers_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} is 0; give 1 or more"):
        EngineSettings(**{name: 0})


def test_options_that_a_method_does_not_have_are_refused_before_any_work() -> None:
    with pytest.raises(InvalidRequestError, match="depht"):
        load_method(replace(SETTINGS, options=("depht=1",)), EngineSettings(threads=1))
