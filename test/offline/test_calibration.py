from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import ReadError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.offline.calibration import read_camera_yaml, read_qualisys

YAML = """
image_width: 640
image_height: 480
camera_name: front
camera_matrix: {{rows: 3, cols: 3, data: [500.0, 0.0, 319.5, 0.0, 501.0, 239.5, 0.0, 0.0, 1.0]}}
distortion_model: plumb_bob
distortion_coefficients: {{rows: 1, cols: 5, data: [{d}]}}
"""


def written(path: Path, d: str) -> Path:
    path.write_text(YAML.format(d=d))
    return path


def test_a_ros_calibration_is_read(tmp_path: Path) -> None:
    camera = read_camera_yaml(written(tmp_path / "a.yaml", "-0.1, 0.02, 0.001, -0.002, 0.0"))
    assert isinstance(camera, DistortedCamera)
    assert camera.camera == PinholeCamera(500.0, 501.0, 319.5, 239.5, 640, 480)
    assert camera.coefficients.tolist() == [-0.1, 0.02, 0.001, -0.002, 0.0]


def test_no_distortion_is_a_pinhole_camera(tmp_path: Path) -> None:
    assert isinstance(read_camera_yaml(written(tmp_path / "a.yaml", "0, 0, 0, 0, 0")), PinholeCamera)


@pytest.mark.parametrize("model", ["equidistant", "fisheye"])
def test_a_fisheye_bends_lines_with_coefficients_of_zero_too(model: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.yaml", "0, 0, 0, 0")
    path.write_text(path.read_text().replace("plumb_bob", model))
    camera = read_camera_yaml(path)
    assert isinstance(camera, DistortedCamera)
    assert camera.model == "equidistant"
    assert not camera.is_pinhole


def test_no_distortion_needs_no_model(tmp_path: Path) -> None:
    path = written(tmp_path / "a.yaml", "")
    path.write_text(path.read_text().replace("distortion_model: plumb_bob", ""))
    assert isinstance(read_camera_yaml(path), PinholeCamera)


@pytest.mark.parametrize("content", ["image_width: 3", "- 1", ": : :", "camera_matrix: {data: [1]}"])
def test_what_is_no_calibration_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(ReadError, match=r"bad\.yaml"):
        read_camera_yaml(path)


def test_a_missing_calibration_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="camera_calibration"):
        read_camera_yaml(tmp_path / "none.yaml")


# A camera at (1, 2, 3) m that looks along the world's x axis: in Qualisys' convention its own z axis points backwards.
QUALISYS = """<calibration><cameras><camera serial="one">
<fov_video left="0" right="639" top="0" bottom="479"/>
<transform x="1000" y="2000" z="3000" r11="0" r12="-1" r13="0" r21="0" r22="0" r23="1" r31="-1" r32="0" r33="0"/>
<intrinsic focalLengthU="32000" focalLengthV="32000" centerPointU="20448" centerPointV="15328" radialDistortion1="0.1"
 radialDistortion2="0" radialDistortion3="0" tangentalDistortion1="0" tangentalDistortion2="0"/>
</camera></cameras></calibration>"""


def test_a_qualisys_calibration_is_read_in_metres_and_opencv_axes(tmp_path: Path) -> None:
    path = tmp_path / "c.qca.txt"
    path.write_text(QUALISYS)
    camera, camera_to_world = read_qualisys(path)["one"]
    assert camera.camera == PinholeCamera(500.0, 500.0, 319.5, 239.5, 640, 480)
    np.testing.assert_allclose(camera_to_world[:3, 3], [1, 2, 3])
    np.testing.assert_allclose(camera_to_world[:3, 2], [1, 0, 0], atol=1e-12)  # looks along x
    np.testing.assert_allclose(camera_to_world[:3, 1], [0, 0, -1], atol=1e-12)  # image rows go down
    assert np.linalg.det(camera_to_world[:3, :3]) == pytest.approx(1)


@pytest.mark.parametrize(
    "content", ["", "<a/>", "<calibration><cameras><camera/></cameras></calibration>", "<!DOCTYPE"]
)
def test_what_is_no_qualisys_calibration_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(content)
    with pytest.raises(ReadError, match=r"bad\.txt"):
        read_qualisys(path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\x89PNG\xff")
    with pytest.raises(ReadError, match=r"c\.yaml is not YAML"):
        read_camera_yaml(tmp_path / "c.yaml")
