from __future__ import annotations

from pathlib import Path

import pytest
from look_beyond_weights import TINY_VIDEO, tiny_stages

from anyview_ros.errors import WeightsError
from anyview_ros.methods.look_beyond.weights import load_stages


def test_a_folder_holds_both_stages(tmp_path: Path) -> None:
    stages = load_stages(str(tiny_stages(tmp_path)), "cpu")
    assert stages.video.frames == TINY_VIDEO.frames
    assert stages.video.size == TINY_VIDEO.size
    assert len(stages.sha256) == 64


@pytest.mark.parametrize("name", ["panorama.safetensors", "video.safetensors"])
def test_what_is_missing_is_named_with_how_to_make_it(tmp_path: Path, name: str) -> None:
    (tiny_stages(tmp_path) / name).unlink()
    with pytest.raises(WeightsError, match=name) as error:
        load_stages(str(tmp_path), "cpu")
    assert "anyview train look_beyond" in str(error.value)


def test_a_path_that_is_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no folder"):
        load_stages(str(tmp_path / "nowhere"), "cpu")
