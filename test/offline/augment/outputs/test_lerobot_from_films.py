from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bag_maker import START_NS, Entry, header
from robot_bags import robot_entries, write_recording
from spooled_views import mirrored_view, part_of
from tiny_bags import in_small_chunks

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.bag_episode import open_bag_episodes
from anyview_ros.offline.augment.outputs.bag_signals import read_signal
from anyview_ros.offline.augment.outputs.lerobot import LeRobotFormat
from anyview_ros.offline.augment.outputs.lerobot_from_films import FilmOptions, read_signals
from anyview_ros.offline.augment.settings import AugmentSettings, Mode
from anyview_ros.offline.lerobot.checker import check_dataset
from anyview_ros.offline.lerobot.dataset import LeRobotDataset

OPTIONS = {"state": "/joint_states", "action": "/joint_states:position", "task": "pick", "robot_type": "arm"}


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bags") / "robot"
    write_recording(path, robot_entries())
    return path


def settings(mode: Mode = "add-camera", **options: str) -> AugmentSettings:
    return AugmentSettings(
        ("vista_small",), format="lerobot", mode=mode, source_options={**OPTIONS, **options}
    )


@pytest.mark.parametrize("mode", ["add-camera", "append-episode"])
def test_a_bag_becomes_a_dataset(mode: Mode, bag: Path, tmp_path: Path) -> None:
    (episode,) = open_bag_episodes(bag, settings(mode))
    output_format = LeRobotFormat(settings(mode))
    output_format.check([episode])
    camera = episode.cameras[0].name
    view = mirrored_view(episode.film(camera), tmp_path / "spool", "arc_0")
    output_format.write_part(episode, [view], tmp_path / "part")
    (tmp_path / "out").mkdir()
    output_format.assemble([part_of(tmp_path / "part", episode, [view])], tmp_path / "out")
    assert check_dataset(tmp_path / "out") == []
    dataset = LeRobotDataset.open(tmp_path / "out")
    assert (dataset.rate, dataset.tasks, dataset.info["robot_type"]) == (5, ("pick",), "arm")
    names = [f"joint_{index}" for index in range(1, 7)]
    assert dataset.features["observation.state"]["names"] == dataset.features["action"]["names"] == names
    cameras = [key.removeprefix("observation.images.") for key in dataset.video_keys]
    assert cameras == (["front", "overhead", "arc_0"] if mode == "add-camera" else ["front", "overhead"])
    signal = read_signal(bag, "/joint_states")
    for number, known in enumerate(dataset.episodes):
        rows = dataset.rows(known)
        assert rows["timestamp"].to_numpy().tolist() == [np.float32(k / 5) for k in range(known.length)]
        states = np.array(rows["observation.state"].to_pylist())
        for row, stamp in zip(states, view.stamps_ns[: known.length], strict=True):
            last = np.searchsorted(signal.stamps_ns, stamp, side="right") - 1
            np.testing.assert_array_equal(row, signal.values[last].astype(np.float32))
        synthesised = "arc_0" if mode == "add-camera" else "front"
        mirrored = number == 1 or mode == "add-camera"
        segment = dataset.video(known, f"observation.images.{synthesised}")
        image = next(iter(segment.images(range(1)))).astype(int)
        truth = next(episode.film(camera).frames(range(1))).image.astype(int)
        near, far = (truth[:, ::-1], truth) if mirrored else (truth, truth[:, ::-1])
        assert np.abs(image - near).mean() < 0.5 * np.abs(image - far).mean()


def test_a_lower_rate_takes_fewer_pictures(bag: Path, tmp_path: Path) -> None:
    slow = settings(fps="2.5")
    (episode,) = open_bag_episodes(bag, slow)
    LeRobotFormat(slow).write_part(episode, [], tmp_path / "part")
    (tmp_path / "out").mkdir()
    LeRobotFormat(slow).assemble([part_of(tmp_path / "part", episode, [])], tmp_path / "out")
    assert check_dataset(tmp_path / "out") == []
    dataset = LeRobotDataset.open(tmp_path / "out")
    assert (dataset.info["fps"], dataset.episodes[0].length) == (2.5, 3)


def without_pictures(entries: Iterator[Entry], first: int, last: int) -> Iterator[Entry]:
    number = 0
    for entry in entries:
        if entry[0] == "/overhead/image_raw":
            number += 1
            if first <= number <= last:
                continue
        yield entry


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": "/joints"}, "has no topic '/joints'; it has .*/joint_states"),
        ({"state": "/joint_states:torque"}, "a JointState has no field 'torque'"),
        ({"state": "/joint_states:velocity"}, "hold no numbers in velocity"),
        ({"action": "/tf_static:transforms.x"}, "has no field 'transforms.x'"),
        ({"action_frame": "front_optical_frame"}, "a camera's"),
        ({"fps": "fast"}, "source option fps is 'fast'"),
        ({"gap_s": "-1"}, "source option gap_s is '-1'"),
        ({"fps": "60"}, "has no picture within"),
    ],
)
def test_what_cannot_be_done_is_told_before_any_work(
    options: dict[str, str], message: str, bag: Path
) -> None:
    (episode,) = open_bag_episodes(bag, settings(**options))
    with pytest.raises(InvalidInputError, match=message):
        LeRobotFormat(settings(**options)).check([episode])


def test_a_gap_in_a_camera_is_told(tmp_path: Path) -> None:
    write_recording(tmp_path / "gap", without_pictures(robot_entries(), 3, 4))
    (episode,) = open_bag_episodes(tmp_path / "gap", settings())
    with pytest.raises(InvalidInputError, match="camera overhead has no picture within"):
        LeRobotFormat(settings()).check([episode])
    LeRobotFormat(settings(gap_s="0.5")).check([episode])


def test_options_have_defaults() -> None:
    options = FilmOptions.of(AugmentSettings(("vista_small",)))
    assert (options.fps, options.gap_s, options.task, options.state) == (None, None, "task not told", "")


def test_fields_of_other_messages_are_flattened(bag: Path) -> None:
    signal = read_signal(bag, "/front/camera_info:k,width")
    assert signal.names == (*(f"k[{index}]" for index in range(9)), "width")
    assert signal.values.shape == (6, 10)
    assert np.all(np.diff(signal.stamps_ns) > 0)
    assert signal.frame.endswith("optical_frame")
    with pytest.raises(InvalidInputError, match="name the fields that are a state"):
        read_signal(bag, "/front/image_raw")


def test_values_of_a_run_that_starts_over_are_refused(tmp_path: Path) -> None:
    def second_run(entries: Iterator[Entry]) -> Iterator[Entry]:
        for topic, content, log_ns in entries:
            if topic == "/joint_states":
                yield topic, replace(content, position=content.position + 1000), log_ns + 10**11

    recording = [*robot_entries(), *second_run(robot_entries())]
    write_recording(tmp_path / "twice", iter(recording))
    with pytest.raises(InvalidInputError, match="stamps of /joint_states fall back by"):
        read_signal(tmp_path / "twice", "/joint_states")


def test_messages_before_the_clock_are_left_out(tmp_path: Path) -> None:
    """A simulation's first messages may bear no stamp; the log's clock is another."""

    def unstamped(entries: Iterator[Entry]) -> Iterator[Entry]:
        number = 0
        for topic, content, log_ns in entries:
            if topic != "/joint_states":
                yield topic, content, log_ns
                continue
            number += 1
            told = header(0 if number == 1 else stamp_of(content) - START_NS + 10**9, "")
            yield topic, replace(content, header=told, position=np.full(6, float(number))), log_ns

    write_recording(tmp_path / "simulated", unstamped(robot_entries()))
    signal = read_signal(tmp_path / "simulated", "/joint_states")
    assert signal.stamps_ns[-1] < START_NS
    assert signal.values[:, 0].tolist() == [float(2 + index) for index in range(len(signal.values))]


def stamp_of(content: Any) -> int:
    return int(content.header.stamp.sec) * 10**9 + int(content.header.stamp.nanosec)


def test_values_are_read_from_a_bag_with_damage_in_the_middle(bag: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(bag, damaged)
    file = in_small_chunks(damaged, 20_000)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    (episode,) = open_bag_episodes(damaged, settings())
    signals = read_signals(episode, FilmOptions.of(settings()))
    assert len(signals["action"].values) > 0
