from __future__ import annotations

from pathlib import Path

import pytest

from anyview_ros.errors import MissingDependencyError
from anyview_ros.scenes.tabletops import assets as module
from anyview_ros.scenes.tabletops.assets import (
    HELD_OUT_ROBOTS,
    HELD_OUT_TEXTURES,
    HELD_OUT_THINGS,
    TRAINING_ROBOTS,
    TRAINING_THINGS,
    Assets,
)


def test_nothing_is_of_training_and_of_tests_at_once() -> None:
    assert not {robot.name for robot in TRAINING_ROBOTS} & {robot.name for robot in HELD_OUT_ROBOTS}
    assert not set(TRAINING_THINGS) & set(HELD_OUT_THINGS)
    assert not set(TRAINING_THINGS) & HELD_OUT_TEXTURES


def test_each_texture_is_of_one_split(assets: Assets) -> None:
    training, held_out = (
        {path.stem for path in assets.textures(held_out=held_out)} for held_out in (False, True)
    )
    assert training == {"bottle", "bread", "can", "milk", "metal"}
    assert held_out == {"cereal", "lemon", "dark-wood"}


def test_what_is_missing_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingDependencyError, match=r"has no robots: .*pip install --no-deps robosuite"):
        Assets(tmp_path)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="pip install --no-deps robosuite"):
        Assets.installed()


def test_the_installed_package_is_found_without_being_imported(
    assets: Assets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "robosuite"
    (package / "models").mkdir(parents=True)
    (package / "models" / "assets").symlink_to(assets.folder)
    (package / "__init__.py").write_text("raise ImportError('numba is not installed')")
    monkeypatch.syspath_prepend(tmp_path)
    assert Assets.installed().robot(TRAINING_ROBOTS[0]).is_file()
