from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import anyview_ros
from anyview_ros.offline.augment.job_key import job_key, settings_digest
from anyview_ros.offline.augment.settings import AugmentSettings, GuardSettings

SETTINGS = AugmentSettings(views=("vista_small",))


@pytest.mark.parametrize(
    "changed",
    [
        {"views": ("vista_arc",)},
        {"views": ("vista_small", "vista_arc")},
        {"format": "episodes"},
        {"mode": "append-episode"},
        {"seed": 1},
        {"samples": 2},
        {"size": (64, 48)},
        {"guard": GuardSettings(min_coverage=0.4)},
        {"source_options": {"state": "/joint_states"}},
    ],
)
def test_every_setting_makes_another_job(changed: dict[str, object]) -> None:
    assert settings_digest(replace(SETTINGS, **changed), "") != settings_digest(SETTINGS, "")  # type: ignore[arg-type]


def test_weights_count_by_their_content_and_not_by_their_place() -> None:
    moved = replace(SETTINGS, weights="elsewhere")
    assert settings_digest(moved, "aa") == settings_digest(SETTINGS, "aa")
    assert settings_digest(moved, "aa") != settings_digest(moved, "bb")


def test_another_version_makes_another_job(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings_digest(SETTINGS, "")
    monkeypatch.setattr(anyview_ros, "__version__", "0.0.0")
    assert settings_digest(SETTINGS, "") != before


def test_files_that_settings_name_count_by_their_content(tmp_path: Path) -> None:
    def digest(name: str, content: str) -> str:
        (tmp_path / name).write_text(content)
        return settings_digest(replace(SETTINGS, source_options={"calibration": str(tmp_path / name)}), "")

    assert digest("a.yaml", "K: 1") == digest("b.yaml", "K: 1")
    assert digest("a.yaml", "K: 1") != digest("a.yaml", "K: 2")


def test_views_count_by_what_a_file_of_them_says(tmp_path: Path) -> None:
    def digest(name: str, content: str) -> str:
        (tmp_path / name).write_text(content)
        return settings_digest(replace(SETTINGS, views=(str(tmp_path / name),)), "")

    assert digest("a.yaml", "[vista_small]") == settings_digest(SETTINGS, "")
    assert digest("a.yaml", "[vista_small]") == digest("b.yaml", "views: [vista_small]\n")
    assert digest("a.yaml", "[vista_small]") != digest("a.yaml", "[vista_arc]")


def test_content_and_name_make_a_job() -> None:
    assert job_key("f", "n", "d") == job_key("f", "n", "d")
    assert (
        len({job_key("f", "n", "d"), job_key("g", "n", "d"), job_key("f", "m", "d"), job_key("f", "n", "e")})
        == 4
    )


def test_files_that_options_name_count_by_their_content(tmp_path: Path) -> None:
    def digest(name: str, content: str, option: str = "generator_weights") -> str:
        (tmp_path / name).write_text(content)
        return settings_digest(replace(SETTINGS, options=(f"{option}={tmp_path / name}",)), "")

    assert digest("a", "weights") == digest("b", "weights")
    assert digest("a", "weights") != digest("a", "others")
    assert digest("a", "weights") != digest("a", "weights", "other_option")


def test_a_folder_of_lpips_weights_counts_by_its_content(tmp_path: Path) -> None:
    def digest(folder: str, content: str) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "vgg.pth").write_text(content)
        guard = GuardSettings(lpips_weights=str(tmp_path / folder), max_lpips=0.5)
        return settings_digest(replace(SETTINGS, guard=guard), "")

    assert digest("a", "weights") == digest("b", "weights")
    assert digest("a", "weights") != digest("a", "others")
