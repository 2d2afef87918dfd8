from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from film_files import transforms_content, write_transforms
from filmed import moving_clip

from anyview_ros.errors import InvalidPoseError, ReadError
from anyview_ros.geometry import DistortedCamera
from anyview_ros.geometry.warp import co_visible, forward_warp
from anyview_ros.metrics import psnr_db
from anyview_ros.offline.posed_film import PosedFilm
from anyview_ros.offline.transforms_json import is_transforms, poses_in_our_axes, read_transforms


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    clip = moving_clip()
    path = write_transforms(tmp_path, clip, fps=10)
    film = read_transforms(path)
    np.testing.assert_allclose(film.camera_to_world, clip.camera_to_world, atol=1e-12)
    np.testing.assert_array_equal(film.stamps_ns, clip.stamps_ns)
    assert film.camera == clip.camera
    assert not film.metric
    read = film.clip(list(film.frames(range(len(film)))), 0)
    np.testing.assert_array_equal(read.frames, clip.frames)
    assert read.depth is not None
    assert clip.depth is not None
    np.testing.assert_allclose(read.depth, clip.depth, atol=6e-4)
    assert is_transforms(tmp_path)
    assert is_transforms(path)


def test_frames_of_the_format_fit_each_other(tmp_path: Path) -> None:
    """One frame warped to another's place shows what that one shows: axes, centres and depth are right together."""
    film = read_transforms(write_transforms(tmp_path, moving_clip()))
    first, later = (next(film.frames(range(index, index + 1))) for index in (0, 4))
    assert first.depth is not None
    assert later.depth is not None
    camera, (a, b) = film.camera, film.camera_to_world[[0, 4]]
    warped = forward_warp(first.image, first.depth, camera, a, camera, b)
    mask = co_visible(later.depth, camera, b, first.depth, camera, a) & warped.coverage
    assert mask.mean() > 0.5
    assert psnr_db(warped.image, later.image, mask) > psnr_db(first.image, later.image, mask) + 6


def test_axes_are_those_of_opengl() -> None:
    pose = poses_in_our_axes(np.eye(4)[None])[0]
    assert pose[:3, 2].tolist() == [0, 0, -1]  # it looks along -z
    assert pose[:3, 1].tolist() == [0, -1, 0]  # and y is up


def test_the_field_of_view_does_for_a_focal_length(tmp_path: Path) -> None:
    clip = moving_clip()
    angle = 2 * math.atan(clip.camera.width / 2 / clip.camera.fx)
    gone = dict.fromkeys(("fl_x", "fl_y", "cx", "cy", "w", "h", "camera_model"))
    film = read_transforms(write_transforms(tmp_path, clip, camera_angle_x=angle, **gone))
    camera = film.camera
    assert (camera.fx, camera.fy) == pytest.approx((clip.camera.fx, clip.camera.fx))
    assert (camera.cx, camera.cy) == ((camera.width - 1) / 2, (camera.height - 1) / 2)


def test_suffixes_may_be_left_out_and_intrinsics_told_by_each_frame(tmp_path: Path) -> None:
    content = transforms_content(tmp_path, moving_clip())
    for frame in content["frames"]:
        frame["file_path"] = frame["file_path"].removesuffix(".png")
        frame["fl_x"] = content["fl_x"]
        frame["transform_matrix"] = frame["transform_matrix"][:3]
    del content["fl_x"]
    (tmp_path / "transforms.json").write_text(json.dumps(content))
    film = read_transforms(tmp_path, rate_hz=5)
    assert film.camera == moving_clip().camera
    assert film.rate_hz == pytest.approx(5)


def test_distortion_is_taken_out(tmp_path: Path) -> None:
    clip = moving_clip()
    plain = write_transforms(tmp_path / "a", clip, depth=False)
    bent = write_transforms(tmp_path / "b", clip, depth=False, k1=-0.2, k2=0.03, p1=0.001, p2=-0.002)
    lens = DistortedCamera(clip.camera, "plumb_bob", [-0.2, 0.03, 0.001, -0.002, 0.0])
    assert read_transforms(plain).notes == ()
    shown = first_picture(read_transforms(bent))
    np.testing.assert_array_equal(shown, lens.rectify(clip.frames[0]))
    fisheye = write_transforms(
        tmp_path / "c", clip, depth=False, camera_model="OPENCV_FISHEYE", k1=0.1, k4=0.01
    )
    lens = DistortedCamera(clip.camera, "equidistant", [0.1, 0.0, 0.0, 0.01])
    np.testing.assert_array_equal(first_picture(read_transforms(fisheye)), lens.rectify(clip.frames[0]))


def first_picture(film: PosedFilm) -> Any:
    return next(film.frames(range(1))).image


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"frames": []}, "no list of frames"),
        ({"frames": [{"transform_matrix": np.eye(4).tolist()}]}, r"frames\[0\].file_path is None"),
        ({"w": 241}, "w is 241 but .* has 240"),
        ({"fl_x": 0}, "fx is 0.0"),
        ({"fl_x": "wide"}, "fl_x is 'wide'"),
        ({"fl_x": None, "fl_y": None}, "neither fl_x nor camera_angle_x"),
        ({"camera_model": "EQUIRECTANGULAR"}, "camera_model is 'EQUIRECTANGULAR'"),
        ({"k4": 0.1}, "k4 is 0.1"),
        ({"depth_unit_scale_factor": "mm"}, "depth_unit_scale_factor is 'mm'"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    path = write_transforms(tmp_path, moving_clip(), **changed)
    with pytest.raises(ReadError, match=told) as refused:
        read_transforms(path)
    assert str(path) in str(refused.value)


def edited(folder: Path, **of_frame: Any) -> Path:
    content = transforms_content(folder, moving_clip())
    content["frames"][2].update(of_frame)
    (folder / "transforms.json").write_text(json.dumps(content))
    return folder


def test_frames_unlike_the_others_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"intrinsics of frames\[2\] differ"):
        read_transforms(edited(tmp_path / "a", fl_x=100))
    with pytest.raises(ReadError, match="depth for 11 of 12 frames"):
        read_transforms(edited(tmp_path / "b", depth_file_path=""))
    with pytest.raises(ReadError, match=r"frames\[2\].transform_matrix must be 4x4"):
        read_transforms(edited(tmp_path / "c", transform_matrix=[1, 2]))
    scaled = (np.diag([2.0, 2, 2, 1])).tolist()
    with pytest.raises(InvalidPoseError, match=r"\[2\]"):
        read_transforms(edited(tmp_path / "d", transform_matrix=scaled))
    film = read_transforms(edited(tmp_path / "e", file_path="images/gone.png"))
    with pytest.raises(ReadError, match=r"gone\.png"):
        list(film.frames(range(len(film))))


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "transforms.json"
    for content in ("{", "[]"):
        path.write_text(content)
        with pytest.raises(ReadError, match="JSON"):
            read_transforms(path)
    with pytest.raises(ReadError, match=r"none/transforms\.json"):
        read_transforms(tmp_path / "none")


def test_a_depth_that_is_no_name_is_told(tmp_path: Path) -> None:
    path = write_transforms(tmp_path, moving_clip(), fps=10)
    content = json.loads(path.read_text())
    for frame in content["frames"]:
        frame["depth_file_path"] = 3
    path.write_text(json.dumps(content))
    with pytest.raises(ReadError, match="depth_file_path is 3; name the depth image"):
        read_transforms(path)
