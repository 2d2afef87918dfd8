"""Scenes survive a file exactly, and files that are none are refused with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from anyview_ros.errors import InvalidClipError, SceneFileError
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.synthesis.scene_file import (
    FittedScene,
    SceneCamera,
    read_scene,
    scene_hash,
    scene_method,
    write_scene,
)


def a_scene() -> FittedScene:
    camera = PinholeCamera(70.1, 71.3, 31.5, 23.25, 64, 48)
    given = np.stack([look_at((1, 0.1 * i, 1), (0, 0, 0)) for i in range(3)])
    refined = given.copy()
    refined[1:, :3, 3] += 1 / 3
    placed = SceneCamera(
        "front", camera, given, np.array([1, 5, 9]), refined, PinholeCamera(71.7, 71.3, 31.5, 23.25, 64, 48)
    )
    tensors = {
        "grid": np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float16),
        "box": np.array([[0.1, 0.2], [1 / 3, 2.0]]),
    }
    return FittedScene("ddr", 3, tensors, (placed,), {"tau": 0.5}, {"steps": 7, "source": "film.mp4"})


def test_a_scene_survives_a_file_exactly(tmp_path: Path) -> None:
    scene = a_scene()
    write_scene(tmp_path / "new" / "scene.safetensors", scene)
    read = read_scene(tmp_path / "new" / "scene.safetensors", method="ddr", version=3)
    assert set(read.tensors) == set(scene.tensors)
    for name, value in scene.tensors.items():
        assert read.tensors[name].dtype == value.dtype
        np.testing.assert_array_equal(read.tensors[name], value)
    (before,), (after,) = scene.cameras, read.cameras
    assert (after.name, after.camera, after.refined_camera) == ("front", before.camera, before.refined_camera)
    np.testing.assert_array_equal(after.camera_to_world, before.camera_to_world)
    np.testing.assert_array_equal(after.refined_camera_to_world, before.refined_camera_to_world)
    np.testing.assert_array_equal(after.stamps_ns, before.stamps_ns)
    assert (read.method, read.version) == ("ddr", 3)
    assert read.settings == {"tau": 0.5}
    assert read.provenance == {"steps": 7, "source": "film.mp4"}
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["scene.safetensors"]


def test_the_method_is_told_by_the_header_and_the_hash_by_all(tmp_path: Path) -> None:
    path = tmp_path / "scene.safetensors"
    scene = a_scene()
    write_scene(path, scene)
    assert scene_method(path) == "ddr"
    first = scene_hash(path)
    scene.tensors["box"][0, 0] += 1e-9
    write_scene(path, scene)
    assert scene_hash(path) != first


def test_the_same_scene_has_the_same_bytes_whenever_it_is_written(tmp_path: Path) -> None:
    path, written = tmp_path / "scene.safetensors", set()
    for _ in range(8):
        write_scene(path, a_scene())
        written.add(path.read_bytes())
    assert len(written) == 1


def test_another_method_or_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scene.safetensors"
    write_scene(path, a_scene())
    with pytest.raises(SceneFileError, match="fitted by method 'ddr', not 'any4d'"):
        read_scene(path, method="any4d")
    with pytest.raises(SceneFileError, match=r"version 3.*knows 4"):
        read_scene(path, version=4)


def test_what_is_no_scene_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scene.safetensors"
    with pytest.raises(SceneFileError, match="no scene at"):
        read_scene(path)
    path.write_bytes(b"not a scene")
    with pytest.raises(SceneFileError, match="damaged"):
        scene_method(path)
    save_file({"a": np.zeros(3)}, path)
    with pytest.raises(SceneFileError, match="no fitted scene"):
        read_scene(path)
    write_scene(path, a_scene())
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(SceneFileError, match="damaged"):
        read_scene(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cameras", "[{}]"),
        ("cameras", "{"),
        ("cameras", "[]"),
        ("cameras", "7"),
        ("cameras", "[" * 100_000 + "]" * 100_000),
        ("settings", "not JSON"),
        ("settings", "[" * 100_000 + "]" * 100_000),
        ("settings", "[1]"),
        ("provenance", "7"),
        ("version", "new"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(tmp_path: Path, field: str, value: str) -> None:
    path = tmp_path / "scene.safetensors"
    write_scene(path, a_scene())
    with safe_open(str(path), framework="numpy") as file:
        header = file.metadata()
    save_file({"a": np.zeros(3)}, path, header)
    assert len(read_scene(path).cameras) == 1
    save_file({"a": np.zeros(3)}, path, {**header, field: value})
    with pytest.raises(SceneFileError, match="cannot be used"):
        read_scene(path)


@pytest.mark.parametrize(
    "changed", [{"stamps_ns": [10**30, 5, 9]}, {"intrinsics": [1]}, {"camera_to_world": "x"}]
)
def test_cameras_that_make_no_sense_are_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    path = tmp_path / "scene.safetensors"
    write_scene(path, a_scene())
    with safe_open(str(path), framework="numpy") as file:
        header = file.metadata()
    (camera,) = json.loads(header["cameras"])
    save_file({"a": np.zeros(3)}, path, {**header, "cameras": json.dumps([{**camera, **changed}])})
    with pytest.raises(SceneFileError, match="cannot be used"):
        read_scene(path)


@pytest.mark.parametrize(("kind", "size"), [("BF16", 2), ("F8_E4M3", 1)])
def test_tensors_that_numpy_cannot_hold_are_refused(tmp_path: Path, kind: str, size: int) -> None:
    path = tmp_path / "scene.safetensors"
    write_scene(path, a_scene())
    with safe_open(str(path), framework="numpy") as file:
        told = file.metadata()
    header = json.dumps(
        {"__metadata__": told, "a": {"dtype": kind, "shape": [4], "data_offsets": [0, 4 * size]}}
    ).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4 * size))
    assert scene_method(path) == "ddr"
    with pytest.raises(SceneFileError, match="of a type that NumPy does not know"):
        read_scene(path)


def test_a_camera_has_as_many_refined_poses_as_it_was_given() -> None:
    (camera,) = a_scene().cameras
    with pytest.raises(InvalidClipError, match=r"stamps_ns must be int64 \(2,\)"):
        replace(camera, refined_camera_to_world=camera.refined_camera_to_world[:2])
