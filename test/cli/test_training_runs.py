from __future__ import annotations

import argparse
import io
import math
import sys
from types import SimpleNamespace

import pytest

from anyview_ros.cli import training_runs
from anyview_ros.cli.training_runs import (
    FilmingLine,
    ProgressLine,
    add_run_arguments,
    changed,
    run_shown,
    time_is_up_at,
    told_when_time_is_up,
)
from anyview_ros.errors import FilmingTimeout, InvalidInputError
from anyview_ros.training.run import RunConfig


def test_arguments_take_the_place_of_settings_only_where_they_are_given() -> None:
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    config = RunConfig(steps=9, device="cpu")
    assert changed(config, parser.parse_args(["--output", "run"])) == config
    assert changed(config, parser.parse_args(["--output", "run", "--steps", "3"])) == RunConfig(
        steps=3, device="cpu"
    )


def test_a_device_that_is_not_there_is_told_before_anything_is_done() -> None:
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    with pytest.raises(InvalidInputError, match="device 'warp' cannot be used"):
        changed(RunConfig(), parser.parse_args(["--output", "run", "--device", "warp"]))


def test_minutes_count_from_the_start_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    now, limits = [100.0], []
    monkeypatch.setattr(training_runs, "time", SimpleNamespace(monotonic=lambda: now[0]))

    class Told:
        step = 0

        def run(self, *, report: object, time_limit_s: float) -> bool:
            limits.append(time_limit_s)
            return True

    for minutes in (["--minutes", "2"], []):
        end_s = time_is_up_at(parser.parse_args(["--output", "run", *minutes]))
        now[0] += 50.0  # while rooms were filmed
        assert run_shown(Told(), 5, end_s)
    assert limits == [70.0, math.inf]


def test_where_time_is_up_while_films_are_made_the_command_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())

    @told_when_time_is_up
    def run(arguments: argparse.Namespace) -> int:
        FilmingLine(sys.stderr)("train", 5, 9)
        raise FilmingTimeout("time was up with 5 of 9 scenes filmed")

    assert run(argparse.Namespace()) == 1
    assert "5 of 9 scenes filmed; run the same command again to go on" in capsys.readouterr().out
    assert sys.stderr.getvalue().endswith("\n")


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


def test_the_loss_of_runs_that_tell_it_rarely_is_shown_as_it_is() -> None:
    smooth, plain = Terminal(), Terminal()
    lines = ProgressLine(smooth, 0), ProgressLine(plain, 0, smooth=False)
    for line in lines:
        line.update(1, 2, 1.0)
        line.update(2, 2, 0.5)
    assert smooth.getvalue().endswith("2/2  loss 0.9900  0:00:00 left")
    assert plain.getvalue().endswith("2/2  loss 0.5000  0:00:00 left")
