"""What people are told of a bag before they augment it; and that the command they are told works."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bag_maker import START_NS, Entry
from robot_bags import write_recording
from tiny_bags import COMPRESSED, DEPTH, IMAGE, INFO, STEP_NS, file_in, tiny_entries

from anyview_ros.cli.main import main
from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.offline.augment.inspection import inspect_input, inspection_text


def without(*topics: str) -> Iterator[Entry]:
    return (entry for entry in tiny_entries() if entry[0] not in topics)


def test_all_of_a_bag_on_one_screen(tmp_path: Path) -> None:
    told = inspect_input(write_recording(tmp_path / "bag", tiny_entries()), {})
    (bag,) = told["episodes"]
    (eye,) = bag["cameras"]
    assert (eye["name"], eye["usable"], eye["has_depth"], eye["frames"], eye["size"]) == (
        "eye",
        True,
        True,
        8,
        [16, 12],
    )
    links = [(edge["parent"], edge["child"], edge["static"]) for edge in eye["tf"]]
    assert links == [("map", "slide", False), ("slide", "eye_optical_frame", True)]
    assert eye["tf"][0]["rate_hz"] == 10.0
    assert (eye["tf"][0]["from_s"], eye["tf"][0]["to_s"]) == (-0.1, 0.8)
    assert bag["moving_frames"] == ["slide"]
    text = inspection_text(told)
    assert len(text.splitlines()) < 25
    for part in (
        "bag of 0.9 s, 43 messages on 6 topics",
        "camera eye: usable",
        "/eye/image_raw: 8 pictures of 16x12, rgb8, 10 Hz",
        "calibration: /eye/camera_info; depth: /eye/depth/image",
        "TF: map → slide (10 Hz) → eye_optical_frame",
        "world: map",
        "/count (8)",
    ):
        assert part in text
    json.dumps(told)


def test_what_is_missing_is_told_with_its_remedy(tmp_path: Path) -> None:
    bag = write_recording(tmp_path / "bag", without(INFO, DEPTH))
    told = inspect_input(bag, {})
    assert not told["can_be_augmented"]
    assert told["command"] == ""
    text = inspection_text(told)
    assert "camera eye: NOT USABLE" in text
    assert "why not: there is no CameraInfo for /eye/image_raw" in text
    assert "no camera is usable, for the reasons above" in text


def test_gaps_and_losses_are_told(tmp_path: Path) -> None:
    gap = range(START_NS + 4 * STEP_NS, START_NS + 8 * STEP_NS)
    entries = (entry for entry in tiny_entries() if entry[0] not in (IMAGE, DEPTH) or entry[2] not in gap)
    bag = write_recording(tmp_path / "bag", entries)
    file = file_in(bag)
    file.write_bytes(file.read_bytes()[:-30])
    (bag / "metadata.yaml").unlink()
    text = inspection_text(inspect_input(bag, {}))
    assert "a gap of 0.50 s" in text
    late = (entry for entry in tiny_entries() if entry[0] != "/tf" or entry[2] > START_NS + 3 * STEP_NS)
    text = inspection_text(inspect_input(write_recording(tmp_path / "late", late), {}))
    assert "5 of 8 pictures can be used" in text or "6 of 8 pictures can be used" in text
    assert "left out: " in text


def test_stamps_of_zero_and_formats_are_told(tmp_path: Path) -> None:
    bag = write_recording(tmp_path / "bag", tiny_entries(compressed=True, stamped=False))
    text = inspection_text(inspect_input(bag, {}))
    assert f"{COMPRESSED}: 8 pictures of 16x12, png, 10 Hz, stamps are zero" in text


def test_a_folder_of_bags(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_recording(tmp_path / "bags" / name, tiny_entries(4))
    told = inspect_input(tmp_path / "bags", {})
    assert [episode["name"] for episode in told["episodes"]] == ["one", "two"]
    text = inspection_text(told)
    assert "one: " in text
    assert text.count("camera eye: usable") == 2


def test_options_go_into_the_command(tmp_path: Path) -> None:
    bag = write_recording(tmp_path / "bag", without("/tf", "/tf_static", DEPTH))
    told = inspect_input(bag, {"pose": "still"})
    assert told["can_be_augmented"]
    assert "--source-option pose=still" in told["command"]


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str]:
    code = main([str(each) for each in arguments])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = write_recording(tmp_path / "bag", tiny_entries())
    code, out = run(capsys, "inspect", bag)
    assert code == 0
    assert "It can be augmented" in out
    code, out = run(capsys, "inspect", bag, "--json")
    assert code == 0
    assert json.loads(out)["episodes"][0]["cameras"][0]["name"] == "eye"
    code, out = run(capsys, "inspect", write_recording(tmp_path / "blind", without(IMAGE, DEPTH)))
    assert code == 1
    assert "no pictures" in out
    code, out = run(capsys, "inspect", tmp_path / "nothing")
    assert code == 2
    assert "no input at" in out


def test_the_command_that_is_told_can_be_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = inspect_input(write_recording(tmp_path / "bag", tiny_entries()), {})
    name, *arguments = shlex.split(told["command"])
    assert name == "anyview"
    code, out = run(capsys, *arguments, "--dry-run")
    assert code == 0, out
    assert not (tmp_path / "bag_augmented").exists()


def test_nothing_and_nonsense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no input at"):
        inspect_input(tmp_path / "nothing", {})
    with pytest.raises(InvalidInputError, match="a bag knows no option calib"):
        inspect_input(write_recording(tmp_path / "bag", tiny_entries()), {"calib": "x"})


def test_the_command_that_is_told_names_its_view_anew_where_there_is_such_a_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def renamed(entries: Iterator[Entry]) -> Iterator[Entry]:
        for topic, content, log_ns in entries:
            yield topic.replace("/eye/", "/vista_small_0/"), content, log_ns

    monkeypatch.chdir(tmp_path)
    told = inspect_input(write_recording(tmp_path / "bag", renamed(tiny_entries())), {})
    assert "vista_small:name=vista_small1" in told["command"]
    code, out = run(capsys, *shlex.split(told["command"])[1:], "--dry-run")
    assert code == 0, out


def test_episodes_of_one_name_are_told_apart_as_a_run_names_them(tmp_path: Path) -> None:
    for folder in ("front", "side"):
        (tmp_path / "apart" / folder).mkdir(parents=True)
        write_recording(tmp_path / "apart" / folder / "bag", tiny_entries())
    names = [each["name"] for each in inspect_input(tmp_path / "apart", {})["episodes"]]
    assert names == ["front_bag", "side_bag"]
