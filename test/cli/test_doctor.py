from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bag_maker import INFO, entries, write_bag

from anyview_ros.cli.main import main
from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.episode_writer import write_episode


def plain_clip() -> PosedClip:
    """Noise seen by a camera that stands still: nothing of it is wrong, and nothing needs rendering."""
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(0, 256, (1, 24, 32, 3), dtype=np.uint8), 12, axis=0)
    camera = PinholeCamera.from_fov(32, 24, horizontal_fov_deg=60)
    return PosedClip(
        frames,
        camera,
        np.tile(np.eye(4), (12, 1, 1)),
        np.arange(12) * 100_000_000,
        np.full((12, 24, 32), 2, np.float32),
    )


def still(times_s: Any) -> Any:
    return np.tile(np.eye(4), (len(times_s), 1, 1))


def test_a_healthy_bag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = write_bag(tmp_path / "bag", entries(plain_clip(), poses=still))
    assert main(["doctor", str(bag)]) == 0
    told = capsys.readouterr().out
    assert "✗" not in told
    assert "! " not in told
    assert told.rstrip().endswith("✓ nothing wrong found")


def test_a_faulty_bag_tells_thing_value_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_info(topic: str, content: Any, log_ns: int) -> Any:
        return None if topic == INFO else (topic, content, log_ns)

    bag = write_bag(tmp_path / "bag", entries(plain_clip(), poses=still), without_info)
    assert main(["doctor", str(bag)]) == 1
    told = capsys.readouterr().out
    assert "✗ /camera/image_raw: no topic /camera/camera_info [camera_info.missing]" in told
    assert "→ make the driver publish camera_info" in told
    assert "✗ 1 error" in told


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_episode(tmp_path / "e", {"cam0": plain_clip()})
    assert main(["doctor", str(tmp_path / "e"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["errors"], report["warnings"]) == (0, 0)
    assert all(set(f) == {"check", "severity", "thing", "value", "remedy"} for f in report["findings"])


def test_what_is_neither_bag_nor_episode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(tmp_path)]) == 2
    assert "neither a bag nor an episode" in capsys.readouterr().err


@pytest.mark.parametrize("duration", ["0", "-1", "inf", "soon"])
def test_durations_that_are_none(duration: str) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--duration", duration])
