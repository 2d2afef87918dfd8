"""What `anyview serve` makes of its arguments, without serving."""

from __future__ import annotations

from typing import Any

import pytest

from anyview_ros.cli import main as cli
from anyview_ros.cli import serve
from anyview_ros.serving.ray_host import RaySettings
from anyview_ros.synthesis import engine


def test_limits_of_queue_and_batch_reach_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    class Recording(engine.Engine):
        def __init__(self, load: Any, **settings: Any) -> None:
            made.append(settings)
            super().__init__(load, **settings)

    monkeypatch.setattr(engine, "Engine", Recording)
    monkeypatch.setattr(serve, "_wait_for_signal", lambda: None)
    command = ["serve", "--method", "copy_source", "--port", "0"]
    assert cli.main([*command, "--queue", "5", "--batch", "2"]) == 0
    assert cli.main(command) == 0
    assert [(one["max_queue"], one["max_batch"]) for one in made] == [(5, 2), (8, 4)]


def test_limits_reach_the_replicas_on_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    from anyview_ros.serving import ray_host

    started: list[RaySettings] = []

    def start(settings: RaySettings, *, address: str) -> None:
        assert address == ""
        started.append(settings)

    monkeypatch.setattr(ray_host, "start", start)
    monkeypatch.setattr(ray_host, "stop", lambda: None)
    monkeypatch.setattr(serve, "_wait_for_signal", lambda: None)
    assert cli.main(["serve", "--ray", "--queue", "5", "--batch", "2"]) == 0
    assert (started[0].queue, started[0].batch) == (5, 2)
    assert (started[0].cpus, started[0].gpus) == (0.25, 0.0)
    assert cli.main(["serve", "--replicas", "2", "--most", "4", "--cpus", "2", "--gpus", "0.5"]) == 0
    assert (started[1].least, started[1].most, started[1].cpus, started[1].gpus) == (2, 4, 2.0, 0.5)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("--replicas 2 --most 1", "--replicas is 2 and --most is 1"),
        ("--replicas 0", "--replicas is 0 and --most is 0; give 1 or more"),
        ("--replicas -3 --gpus 4", "--replicas is -3"),
        ("--most 0", "--replicas is 1 and --most is 0"),
        ("--replicas 0 --most 2", "--replicas is 0 and --most is 2"),
        ("--gpus 1", "--gpus is 1, but a single replica runs without Ray"),
        ("--cpus 2", "--cpus is 2, but a single replica runs without Ray"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(
    given: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "_serve_here", lambda *_: 0)
    monkeypatch.setattr(serve, "_serve_on_ray", lambda *_: 0)
    assert cli.main(["serve", *given.split()]) != 0
    assert told in capsys.readouterr().err
