from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.episodes import Episode
from anyview_ros.offline.evaluate import find_episodes
from anyview_ros.offline.evaluate import own_benchmark as own
from anyview_ros.offline.evaluate.own_benchmark import BenchmarkPlan, record_benchmark

PLAN = BenchmarkPlan(seed=3, episodes=1, frames=2, size=(48, 36), rate_hz=0.5)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "bench"
    assert record_benchmark(folder, PLAN) == 6
    return folder


def test_splits_and_roles_are_told(recorded: Path) -> None:
    found = find_episodes(recorded)
    assert {each.key.group for each in found} == {"simulated_robot", "random_rooms"}
    assert len({each.key.split for each in found}) == 6
    assert all((each.inputs, each.targets) == (("cam1",), ("cam0",)) for each in found)


def test_clips_have_depth_poses_and_the_same_instants(recorded: Path) -> None:
    for each in find_episodes(recorded):
        episode = Episode.open(each.path)
        source, target = episode.clip("cam1"), episode.clip("cam0")
        assert source.frames.shape == (2, 36, 48, 3)
        np.testing.assert_array_equal(source.stamps_ns, target.stamps_ns)
        assert target.depth is not None
        assert target.frames.std() > 5
    wrist = Episode.open(recorded / "simulated_robot" / "front_to_wrist" / "000").clip("cam0")
    assert np.abs(np.diff(wrist.camera_to_world, axis=0)).max() > 1e-4


def test_rooms_differ_by_the_angle_of_their_split(recorded: Path) -> None:
    """Both cameras look at the point that the angle is measured at; so their axes are about as far apart."""
    for split, (least, most) in own.ROOM_SPLITS.items():
        episode = Episode.open(recorded / "random_rooms" / split / "000")
        a, b = (episode.clip(name).camera_to_world[0] for name in ("cam0", "cam1"))
        angle = np.degrees(np.arccos(np.clip(a[:3, 2] @ b[:3, 2], -1, 1)))
        assert least - 12 < angle < most + 12, split


def test_the_same_seed_gives_the_same_pictures_and_another_does_not(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "ROBOT_SPLITS", {"front_to_overhead": ("front", "overhead")})
    monkeypatch.setattr(own, "ROOM_SPLITS", {"within_15_deg": (3.0, 15.0)})
    record_benchmark(tmp_path / "same", PLAN)
    record_benchmark(
        tmp_path / "other", BenchmarkPlan(seed=4, episodes=1, frames=2, size=(48, 36), rate_hz=0.5)
    )
    for place in ("simulated_robot/front_to_overhead/000", "random_rooms/within_15_deg/000"):
        first, same, other = (
            Episode.open(folder / place).clip("cam0").frames
            for folder in (recorded, tmp_path / "same", tmp_path / "other")
        )
        np.testing.assert_array_equal(first, same)
        assert np.abs(first.astype(int) - other).mean() > 5


def test_a_recording_goes_on_and_is_not_mixed(recorded: Path) -> None:
    kept = recorded / "random_rooms" / "within_15_deg" / "000" / "metadata.json"
    before = kept.stat().st_mtime_ns
    assert record_benchmark(recorded, PLAN) == 6
    assert kept.stat().st_mtime_ns == before
    with pytest.raises(InvalidInputError, match="another plan"):
        record_benchmark(recorded, BenchmarkPlan(seed=4))


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InvalidInputError, match="not empty"):
        record_benchmark(tmp_path, PLAN)
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    "wrong", [{"seed": -1}, {"episodes": 0}, {"frames": 0}, {"size": (0, 4)}, {"rate_hz": 0.0}]
)
def test_plans_that_cannot_be(wrong: dict) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        BenchmarkPlan(**wrong)


def test_a_plan_that_could_not_be_written_whole_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the disk is full; and once it is there it is not written again."""
    monkeypatch.setattr(own, "ROBOT_SPLITS", {})
    monkeypatch.setattr(own, "ROOM_SPLITS", {})
    written = Path.write_text

    def half(path: Path, content: str, **options: str) -> int:
        written(path, content[: len(content) // 2], **options)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", half)
        with pytest.raises(OSError, match="No space"):
            record_benchmark(tmp_path / "bench", PLAN)
    assert record_benchmark(tmp_path / "bench", PLAN) == 0
    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", half)
        assert record_benchmark(tmp_path / "bench", PLAN) == 0
