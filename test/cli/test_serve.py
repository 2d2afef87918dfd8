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
