from __future__ import annotations

from types import SimpleNamespace

from anyview_ros.cli.demo import counted


def status(received: int, drops: dict[str, int], views: dict[str, int]) -> SimpleNamespace:
    return SimpleNamespace(
        frames_received=received,
        drop_reasons=list(drops),
        drop_counts=list(drops.values()),
        cameras=[SimpleNamespace(name=name, published=count) for name, count in views.items()],
    )


def test_what_was_before_the_observation_does_not_count() -> None:
    before = status(40, {"tf_late": 30}, {"overhead": 5})
    after = status(140, {"idle": 2, "tf_late": 30}, {"overhead": 95, "wrist": 7})
    assert counted(before, after) == (100, {"idle": 2}, {"overhead": 90, "wrist": 7})
    assert counted(None, after) == (140, {"idle": 2, "tf_late": 30}, {"overhead": 95, "wrist": 7})
