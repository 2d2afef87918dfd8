from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from anyview_ros.errors import ReadError
from anyview_ros.offline.picture_files import list_pictures, read_depth_values, read_picture

RNG = np.random.default_rng(0)


def test_numbers_in_names_count_as_numbers(tmp_path: Path) -> None:
    for name in ("b10.png", "b9.JPG", "a2.png", "b.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in list_pictures(tmp_path)] == ["a2.png", "b9.JPG", "b10.png"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="no pictures"):
        list_pictures(tmp_path / "empty")


def test_colour_grey_and_opaque_pictures_are_read_as_rgb(tmp_path: Path) -> None:
    rgb = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "c.png"), rgb[..., ::-1])
    np.testing.assert_array_equal(read_picture(tmp_path / "c.png"), rgb)
    cv2.imwrite(str(tmp_path / "g.png"), rgb[..., 0])
    np.testing.assert_array_equal(read_picture(tmp_path / "g.png"), np.stack([rgb[..., 0]] * 3, axis=-1))
    opaque = np.dstack([rgb[..., ::-1], np.full((5, 7), 255, np.uint8)])
    cv2.imwrite(str(tmp_path / "a.png"), opaque)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), rgb)


def test_what_would_be_lost_is_refused(tmp_path: Path) -> None:
    pixels = np.full((4, 4, 4), 255, np.uint8)
    pixels[0, 0, 3] = 254
    cv2.imwrite(str(tmp_path / "t.png"), pixels)
    with pytest.raises(ReadError, match=r"t\.png is transparent"):
        read_picture(tmp_path / "t.png")
    cv2.imwrite(str(tmp_path / "d.png"), np.zeros((4, 4, 3), np.uint16))
    with pytest.raises(ReadError, match="uint16"):
        read_picture(tmp_path / "d.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "d.png").read_bytes()[:40])
    with pytest.raises(ReadError, match=r"b\.png"):
        read_picture(tmp_path / "b.png")


def test_depth_is_read_as_written(tmp_path: Path) -> None:
    millimetres = RNG.integers(0, 65536, (5, 7), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "d.png"), millimetres)
    np.testing.assert_array_equal(read_depth_values(tmp_path / "d.png"), millimetres)
    np.save(tmp_path / "d.npy", millimetres.astype(np.float64)[..., None])
    np.testing.assert_array_equal(read_depth_values(tmp_path / "d.npy"), millimetres)


def test_what_is_no_depth_is_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "8.png"), np.zeros((4, 4), np.uint8))
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    for name in ("8.png", "o.npy", "none.png", "none.npy"):
        with pytest.raises(ReadError, match=name.replace(".", r"\.")):
            read_depth_values(tmp_path / name)


def test_pictures_that_are_cut_off_are_refused_and_not_filled_with_grey(tmp_path: Path) -> None:
    rgb = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    for suffix in (".jpg", ".png"):
        whole = cv2.imencode(suffix, rgb)[1].tobytes()
        file = tmp_path / f"cut{suffix}"
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ReadError, match=rf"cut{suffix}; it is cut off"):
            read_picture(file)
    with pytest.raises(ReadError, match=r"absent\.png: No such file"):
        read_picture(tmp_path / "absent.png")


def test_a_depth_file_that_is_empty_or_no_array_is_told(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00"):
        (tmp_path / "d.npy").write_bytes(content)
        with pytest.raises(ReadError, match="cannot read depth"):
            read_depth_values(tmp_path / "d.npy")
