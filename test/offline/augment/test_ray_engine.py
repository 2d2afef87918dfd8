from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from augment_runs import SETTINGS, Told, Tree, augment, command, tree, write_inputs

from anyview_ros.cli import main as cli
from anyview_ros.errors import InvalidInputError, SynthesisCancelled
from anyview_ros.offline.augment.engines import EngineSettings
from anyview_ros.offline.augment.events import EpisodeAdvanced, EpisodeDone, Event
from anyview_ros.offline.augment.job import Job
from anyview_ros.offline.augment.output_format import OutputFormat
from anyview_ros.offline.augment.ray_engine import RayEngine, Worker
from anyview_ros.offline.augment.run import RunOptions, RunResult, run


def test_without_ray_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    inputs = write_inputs(tmp_path / "in", 1)
    assert cli.main(command(inputs, tmp_path / "out", "--engine", "ray")) == 2
    assert "pip install 'anyview_ros[ray]'" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_an_episode_that_cannot_be_read_any_more_ends_itself_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(*_: Any) -> Job:
        raise OSError("stale file handle")

    worker = Worker([write_inputs(tmp_path / "in", 1)], SETTINGS, EngineSettings("cpu", threads=1))
    monkeypatch.setattr(Job, "of", of)
    outcome = worker.do("episode_0", tmp_path / "out").outcome
    assert outcome is not None
    assert outcome.failure == "episode_0 could not be read: OSError: stale file handle"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tree]:
    """Inputs, and the output of the local engine."""
    pytest.importorskip("ray", reason="Ray is an optional extra: pip install 'anyview_ros[ray]'")
    folder = tmp_path_factory.mktemp("ray")
    inputs = write_inputs(folder / "in", 4, frames=8)
    augment(inputs, folder / "out")
    return inputs, tree(folder / "out")


def test_a_signal_that_ends_a_run_is_left_to_who_had_it(made: tuple[Path, Tree], tmp_path: Path) -> None:
    inputs, _ = made
    before = signal.getsignal(signal.SIGTERM)
    by_ray(inputs / "episode_0", tmp_path / "out")
    assert signal.getsignal(signal.SIGTERM) == before


def opener(inputs: Path, engine: EngineSettings) -> Callable[[OutputFormat], Any]:
    return lambda _: RayEngine([inputs], SETTINGS, engine)


def by_ray(
    inputs: Path,
    output: Path,
    *,
    told: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
    resume: bool = False,
) -> RunResult:
    return run(
        [inputs],
        output,
        SETTINGS,
        opener(inputs, EngineSettings("cpu", threads=1, actors=2)),
        RunOptions(resume=resume),
        report=told or Told(),
        cancel=cancel or threading.Event(),
    )


def test_actors_make_the_bytes_that_this_process_makes(made: tuple[Path, Tree], tmp_path: Path) -> None:
    inputs, whole = made
    told = Told()
    result = by_ray(inputs, tmp_path / "out", told=told)
    assert tree(tmp_path / "out") == whole
    assert [record.episode for record in result.records] == [f"episode_{index}" for index in range(4)]
    done = [event.record.episode for event in told.events if isinstance(event, EpisodeDone)]
    assert sorted(done) == [record.episode for record in result.records]


def test_a_cancelled_run_goes_on(made: tuple[Path, Tree], tmp_path: Path) -> None:
    inputs, whole = made
    cancel = threading.Event()

    def cancel_after_the_first(event: Event) -> None:
        if isinstance(event, EpisodeDone):
            cancel.set()

    with pytest.raises(SynthesisCancelled):
        by_ray(inputs, tmp_path / "out", told=cancel_after_the_first, cancel=cancel)
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "out.partial" / "jobs").glob("*.partial"))
    told = Told()
    by_ray(inputs, tmp_path / "out", told=told, resume=True)
    assert any(event.reused for event in told.events if isinstance(event, EpisodeDone))
    assert tree(tmp_path / "out") == whole


def own_workers() -> list[int]:
    """Processes of actors that come from this one."""
    parents, workers = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(") ")[2].split()[1])
            if (folder / "cmdline").read_bytes().startswith(b"ray::Worker"):
                workers.append(int(folder.name))
        except OSError:  # it has ended
            continue

    def is_own(process: int) -> bool:
        return process == os.getpid() or (process in parents and is_own(parents[process]))

    return [worker for worker in workers if is_own(worker)]


def test_an_actor_that_dies_is_begun_again(made: tuple[Path, Tree], tmp_path: Path) -> None:
    """Its process is killed from outside while it works."""
    inputs, whole = made
    killed: list[int] = []

    def kill_at_the_first_step(event: Event) -> None:
        if isinstance(event, EpisodeAdvanced) and not killed:
            killed.extend(own_workers())
            for process in killed:
                os.kill(process, signal.SIGKILL)

    result = by_ray(inputs, tmp_path / "out", told=kill_at_the_first_step)
    assert killed
    assert not result.failures
    assert tree(tmp_path / "out") == whole


def test_a_cluster_that_is_not_there_is_told(made: tuple[Path, Tree]) -> None:
    inputs, _ = made
    with pytest.raises(InvalidInputError, match=r"no Ray cluster at '127\.0\.0\.1:1'"):
        RayEngine([inputs], SETTINGS, EngineSettings("cpu", 1, ray_address="127.0.0.1:1"))
