from __future__ import annotations

import json

import pytest
from augment_runs import augment, write_inputs

from anyview_ros.cli import augment_progress
from anyview_ros.cli.augment_progress import Bars, JsonLines, Lines, readable_time
from anyview_ros.offline.augment.events import (
    AssemblyBegun,
    EpisodeAdvanced,
    EpisodeBegun,
    EpisodeDone,
    EpisodeFailed,
    Event,
    Note,
    RunBegun,
)
from anyview_ros.offline.augment.records import JobRecord


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    folder = tmp_path_factory.mktemp("run")
    (record,) = augment(write_inputs(folder / "in", 1), folder / "out").records
    return [
        RunBegun(3),
        Note("done again: episode_0: file x is damaged"),
        EpisodeBegun("episode_0", 6),
        EpisodeAdvanced("episode_0", 1.5),
        EpisodeAdvanced("episode_0", 6),
        EpisodeDone(record, reused=False),
        EpisodeFailed("episode_1", "no depth"),
        EpisodeDone(renamed(record, "episode_2"), reused=True),
        AssemblyBegun(3),
    ]


def renamed(record: JobRecord, name: str) -> JobRecord:
    return JobRecord(**{**vars(record), "episode": name})


def test_lines_tell_each_end_and_the_time_left(
    events: list[Event], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines()
    for event in events:
        lines(event)
    lines.close()
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "[0/3] note: done again: episode_0: file x is damaged"
    assert told[1].startswith("[1/3] episode_0: done, 2 of 2 views kept; ")
    assert "frames/s, about " in told[1]
    assert told[2] == "[2/3] episode_1: failed: no depth"
    assert told[3].startswith("[3/3] episode_2: done before, 2 of 2 views kept")
    assert told[4] == "[3/3] putting 3 episodes together"


def test_bars_take_every_event(events: list[Event], capsys: pytest.CaptureFixture[str]) -> None:
    bars = Bars()
    for event in events:
        bars(event)
    bars.close()
    told = capsys.readouterr().err
    assert "all episodes" in told
    assert "3/3 episodes" in told
    assert "/6 frames" in told
    assert "episode_1: failed: no depth" in told


def test_bars_take_the_advance_of_several_episodes_at_once() -> None:
    """Actors work side by side, and one that has died begins its episode again."""
    bars = Bars()
    for event in (
        RunBegun(2),
        EpisodeBegun("a", 4),
        EpisodeBegun("b", 4),
        EpisodeAdvanced("a", 2),
        EpisodeAdvanced("b", 3),
        EpisodeBegun("a", 4),
        EpisodeAdvanced("a", 1),
    ):
        bars(event)
    bars.close()


def test_lines_of_json_are_one_per_second_at_most(
    events: list[Event], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(augment_progress.time, "monotonic", lambda: 100.0)
    lines = JsonLines()
    for event in events:
        lines(event)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event"] for each in told] == [
        "run_begun",
        "note",
        "episode_begun",
        "episode_advanced",
        "episode_done",
        "episode_failed",
        "episode_done",
        "assembly_begun",
    ]
    assert told[4] == {
        "event": "episode_done",
        "episode": "episode_0",
        "views_kept": 2,
        "views_refused": 0,
        "frames": 6,
        "reused": False,
    }


@pytest.mark.parametrize(("seconds", "told"), [(42.4, "42 s"), (200, "3 min"), (18000, "5.0 h")])
def test_times_for_people(seconds: float, told: str) -> None:
    assert readable_time(seconds) == told
