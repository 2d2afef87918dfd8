from pathlib import Path

import cv2
import numpy as np
import pytest

from anyview_ros.errors import ReadError
from anyview_ros.geometry import PinholeCamera, invert_rigid
from anyview_ros.offline.stereo import StereoCalibration, read_middlebury, stereo_recording

CALIBRATION = StereoCalibration(focal_px=100.0, cx=31.5, cy=23.5, disparity_offset=4.0, baseline_m=0.2)


def test_depth_projects_to_the_matching_pixel_of_the_right_camera() -> None:
    disparity = np.full((48, 64), 6.0)
    left = np.zeros((48, 64, 3), np.uint8)
    recording = stereo_recording(left, left, disparity, CALIBRATION, title="pair")
    right = recording.references[0]
    assert isinstance(recording.source.camera, PinholeCamera)
    assert isinstance(right.camera, PinholeCamera)
    depth = next(recording.source.frames()).depth
    assert depth is not None
    point = recording.source.camera.unproject([40.0, 20.0], depth[20, 40])
    seen, _ = right.camera.project(point + invert_rigid(right.camera_to_world)[:3, 3])
    np.testing.assert_allclose(seen, [34.0, 20.0], atol=1e-4)  # x minus disparity


def test_unknown_disparity_is_unknown_depth() -> None:
    depth = CALIBRATION.depth(np.array([[np.inf, np.nan, -4.0, -9.0, 6.0]]))
    assert depth[0, :4].tolist() == [0, 0, 0, 0]
    assert depth[0, 4] == pytest.approx(2.0)
    assert depth.dtype == np.float32


def test_pictures_of_unequal_size_are_refused() -> None:
    left, right = np.zeros((4, 6, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)
    with pytest.raises(ReadError, match="all must agree"):
        stereo_recording(left, right, np.zeros((4, 6)), CALIBRATION, title="pair")


def test_a_middlebury_folder_is_read(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "im0.png"), picture[..., ::-1])
    cv2.imwrite(str(tmp_path / "im1.png"), picture[..., ::-1])
    cv2.imwrite(str(tmp_path / "disp0.pfm"), np.full((24, 32), 5.0, np.float32))
    (tmp_path / "calib.txt").write_text(
        "cam0=[100.5 0 15.25; 0 100.5 11.5; 0 0 1]\ncam1=[100.5 0 17.25; 0 100.5 11.5; 0 0 1]\n"
        "doffs=2\nbaseline=193.001\nwidth=32\nheight=24\n"
    )
    recording = read_middlebury(tmp_path)
    frame = next(recording.source.frames())
    np.testing.assert_array_equal(frame.image, picture)
    assert recording.source.camera == PinholeCamera(100.5, 100.5, 15.25, 11.5, 32, 24)
    assert frame.depth is not None
    assert frame.depth[0, 0] == pytest.approx(100.5 * 0.193001 / 7)
    assert recording.references[0].camera_to_world[0, 3] == pytest.approx(0.193001)


@pytest.mark.parametrize(
    "content", ["", "cam0=[1 2]\ndoffs=1\nbaseline=1", "cam0=[1 0 1; 0 1 1; 0 0 1]\ndoffs=x\nbaseline=1"]
)
def test_a_garbled_calibration_is_named(tmp_path: Path, content: str) -> None:
    from anyview_ros.offline.stereo import read_middlebury_calibration

    path = tmp_path / "calib.txt"
    path.write_text(content)
    with pytest.raises(ReadError, match=r"calib\.txt"):
        read_middlebury_calibration(path)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"im0\.png"):
        read_middlebury(tmp_path)
