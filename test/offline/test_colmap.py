from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from film_files import write_colmap
from filmed import moving_clip

from anyview_ros.errors import ReadError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.offline.colmap import find_colmap, read_cameras, read_colmap, read_images


def test_what_is_written_is_read_back_in_the_order_of_names(tmp_path: Path) -> None:
    clip = moving_clip()
    film = read_colmap(write_colmap(tmp_path, clip), rate_hz=10)
    np.testing.assert_allclose(film.camera_to_world, clip.camera_to_world, atol=1e-12)
    np.testing.assert_array_equal(film.stamps_ns, clip.stamps_ns)
    shown = np.stack([frame.image for frame in film.frames(range(len(film)))])
    np.testing.assert_array_equal(shown, clip.frames)
    assert film.camera.size == clip.camera.size
    assert (film.camera.fx, film.camera.cx, film.camera.cy) == pytest.approx(
        (clip.camera.fx, clip.camera.cx, clip.camera.cy)
    )
    assert not film.metric
    assert not film.has_depth
    for place in (tmp_path, tmp_path / "sparse", tmp_path / "sparse" / "0"):
        assert find_colmap(place) == tmp_path / "sparse" / "0"
        assert len(read_colmap(place)) == len(clip)


def cameras(tmp_path: Path, line: str) -> PinholeCamera | DistortedCamera:
    path = tmp_path / "cameras.txt"
    path.write_text(f"# comment\n{line}\n")
    return read_cameras(path)[3]


@pytest.mark.parametrize(
    ("line", "model", "coefficients"),
    [
        ("SIMPLE_RADIAL 64 48 50 32 24 0.1", "plumb_bob", [0.1, 0, 0, 0]),
        ("RADIAL 64 48 50 32 24 0.1 0.2", "plumb_bob", [0.1, 0.2, 0, 0]),
        ("OPENCV 64 48 50 50 32 24 0.1 0.2 0.01 0.02", "plumb_bob", [0.1, 0.2, 0.01, 0.02]),
        ("OPENCV_FISHEYE 64 48 50 50 32 24 0.1 0.2 0.3 0.4", "equidistant", [0.1, 0.2, 0.3, 0.4]),
        ("OPENCV_FISHEYE 64 48 50 50 32 24 0 0 0 0", "equidistant", [0, 0, 0, 0]),
        ("FULL_OPENCV 64 48 50 50 32 24 1 2 3 4 5 6 7 8", "rational_polynomial", [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_models_with_distortion(tmp_path: Path, line: str, model: str, coefficients: list[float]) -> None:
    camera = cameras(tmp_path, f"3 {line}")
    assert isinstance(camera, DistortedCamera)
    assert camera.camera == PinholeCamera(50, 50, 31.5, 23.5, 64, 48)
    assert camera.model == model
    assert np.asarray(camera.coefficients).tolist() == coefficients


def test_models_without(tmp_path: Path) -> None:
    expected = PinholeCamera(50, 50, 31.5, 23.5, 64, 48)
    for line in (
        "SIMPLE_PINHOLE 64 48 50 32 24",
        "PINHOLE 64 48 50 50 32 24",
        "SIMPLE_RADIAL 64 48 50 32 24 0",
    ):
        assert cameras(tmp_path, f"3 {line}") == expected


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("3 FOV 64 48 50 50 32 24 1", "model FOV is not known"),
        ("3 PINHOLE 64 48 50 32 24", "PINHOLE has 4 parameters, got 3"),
        ("3 PINHOLE 64 48 0 50 32 24", "fx is 0"),
        ("3 PINHOLE wide 48 50 50 32 24", "wide"),
        ("3", "cannot use the line '3'"),
        ("", "lists no cameras"),
    ],
)
def test_cameras_that_cannot_be_used_are_named(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ReadError, match=told):
        cameras(tmp_path, line)


def test_models_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    folder = write_colmap(tmp_path / "m", moving_clip())
    images = folder / "sparse" / "0" / "images.txt"
    whole = images.read_text()
    images.write_text(whole.replace(" 1 frame_3.png", " 2 frame_3.png"))
    with pytest.raises(ReadError, match=r"cameras \[1, 2\]; choose one"):
        read_colmap(folder)
    assert len(read_colmap(folder, camera="1")) == 11
    with pytest.raises(ReadError, match="names camera 2"):
        read_colmap(folder, camera="2")
    with pytest.raises(ReadError, match="no pictures of camera 'left'"):
        read_colmap(folder, camera="left")
    images.write_text("1 0 0 0 0 1 2 3 1 a.png\n\n")
    with pytest.raises(ReadError, match=r"cannot use the line .*a\.png"):
        read_colmap(folder)
    images.write_text("# nothing\n")
    with pytest.raises(ReadError, match="lists no images"):
        read_colmap(folder)
    with pytest.raises(ReadError, match=r"no cameras\.txt"):
        read_colmap(tmp_path)


def test_text_of_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "images.txt").write_bytes("1 1 0 0 0 0 0 0 1 für.png\n\n".encode("latin-1"))
    with pytest.raises(ReadError, match=r"images\.txt is not UTF-8 text"):
        read_images(tmp_path / "images.txt")
