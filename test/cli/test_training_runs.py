from __future__ import annotations

import argparse
import io

import pytest

from anyview_ros.cli import training_runs
from anyview_ros.cli.training_runs import FilmingLine, ProgressLine, add_run_arguments, changed
from anyview_ros.errors import InvalidInputError
from anyview_ros.training.run import RunConfig


def test_arguments_take_the_place_of_settings_only_where_they_are_given() -> None:
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    config = RunConfig(steps=9, device="cpu")
    assert changed(config, parser.parse_args(["--out", "run"])) == config
    assert changed(config, parser.parse_args(["--out", "run", "--steps", "3"])) == RunConfig(
        steps=3, device="cpu"
    )


def test_a_device_that_is_not_there_is_told_before_anything_is_done() -> None:
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    with pytest.raises(InvalidInputError, match="device 'warp' cannot be used"):
        changed(RunConfig(), parser.parse_args(["--out", "run", "--device", "warp"]))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_progress_line_tells_the_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(training_runs.time, "monotonic", lambda: now[0])
    stream = Terminal()
    line = ProgressLine(stream, 10)
    now[0] += 20.0
    line.update(20, 100, 0.5)  # two seconds per step, eighty to go
    assert "20/100  loss 0.5000  0:02:40 left" in stream.getvalue()
    assert stream.getvalue().count("\n") == 0
    line.end()
    assert stream.getvalue().endswith("\n")


def test_the_remaining_time_of_a_run_that_was_resumed_counts_its_own_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(training_runs.time, "monotonic", lambda: now[0])
    stream = Terminal()
    line = ProgressLine(stream, None)
    now[0] += 50.0  # until the checkpoint was read
    line.update(900, 1000, 0.5)
    assert stream.getvalue().endswith("900/1000  loss 0.5000  ? left")
    now[0] += 20.0
    line.update(910, 1000, 0.5)
    assert stream.getvalue().endswith("910/1000  loss 0.5000  0:03:00 left")


def test_each_folder_that_is_filmed_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(training_runs.time, "monotonic", lambda: now[0])
    stream = Terminal()
    line = FilmingLine(stream)
    line("train", 10, 30)
    now[0] += 20.0
    line("train", 20, 30)
    assert stream.getvalue().endswith("20/30  train  0:00:20 left")
    now[0] += 20.0
    line("train", 30, 30)
    assert stream.getvalue().endswith("30/30  train  0:00:00 left\n")
    line("framed", 0, 5)
    now[0] += 1.0
    line("framed", 1, 5)
    assert stream.getvalue().endswith("1/5  framed  0:00:04 left")
