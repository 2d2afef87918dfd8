"""Whole runs that end in a LeRobot dataset: at once, in shards, and stopped in the middle."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from augment_runs import ANY_VIEW, Told, augment, tree
from lerobot_maker import write_dataset

from anyview_ros.errors import SynthesisCancelled
from anyview_ros.methods.copy_source import CopySource
from anyview_ros.offline.augment.events import EpisodeDone, Event
from anyview_ros.offline.augment.merge import merge
from anyview_ros.offline.augment.planning import Shard
from anyview_ros.offline.augment.settings import AugmentSettings, Mode
from anyview_ros.offline.lerobot.checker import check_dataset

SETTINGS = AugmentSettings(("vista_small",), format="lerobot", method="copy_source", guard=ANY_VIEW)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("source") / "cups")


@pytest.mark.parametrize("mode", ["add-camera", "append-episode"])
def test_shards_and_resumed_runs_give_the_bytes_of_one_run(mode: Mode, source: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, mode=mode)
    augment(source, tmp_path / "whole", settings)
    assert check_dataset(tmp_path / "whole") == []
    shards = [tmp_path / str(index) for index in range(2)]
    for index, shard in enumerate(shards):
        augment(source, shard, settings, shard=Shard(index, 2))
    merge(shards, tmp_path / "merged", report=Told())
    assert tree(tmp_path / "merged") == tree(tmp_path / "whole")

    cancel = threading.Event()

    def stop(event: Event) -> None:
        if isinstance(event, EpisodeDone):
            cancel.set()

    with pytest.raises(SynthesisCancelled):
        augment(source, tmp_path / "stopped", settings, told=stop, cancel=cancel)
    assert not (tmp_path / "stopped").exists()
    augment(source, tmp_path / "stopped", settings, method=CopySource(), resume=True)
    assert tree(tmp_path / "stopped") == tree(tmp_path / "whole")
