import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from anyview_ros.cli.demo_plans import declared, plan_demo
from anyview_ros.evaluation.pictures import write_mp4
from anyview_ros.geometry import PinholeCamera, matrix_from_quaternion
from anyview_ros.offline.samples import motorcycle


def arguments(name: str, **others: str) -> argparse.Namespace:
    return argparse.Namespace(
        **{"input": name, "calibration": "", "samples": "", "method": "", "device": "", **others}
    )


def test_the_robot_is_as_its_configuration_says() -> None:
    plan = plan_demo(arguments("robot", method="copy_source"))
    assert plan.cameras == ("overhead", "wrist")
    assert plan.server_parameters == {"autostart": True, "method": "copy_source"}
    assert plan.camera_parameters["overhead"]["parent_frame"] == "base_link"
    assert plan.source_depth
    assert plan.truth


def test_the_stereo_pairs_right_camera_becomes_a_virtual_camera() -> None:
    plan = plan_demo(arguments("motorcycle"))
    parameters = plan.camera_parameters
    right = motorcycle().references[0]
    assert plan.cameras == ("right",)
    np.testing.assert_allclose(parameters["right.position"], right.camera_to_world[:3, 3])
    np.testing.assert_allclose(
        matrix_from_quaternion(parameters["right.orientation"]), right.camera_to_world[:3, :3]
    )
    assert isinstance(right.camera, PinholeCamera)
    scale = parameters["right.width"] / right.camera.width
    assert parameters["right.fx"] == pytest.approx(right.camera.fx * scale, rel=1e-3)
    assert parameters["use_depth"] is True
    assert "options_json" not in parameters


def test_a_film_without_depth_gets_an_assumption_that_is_told_where_the_method_needs_one(
    tmp_path: Path,
) -> None:
    film = tmp_path / "film.mp4"
    write_mp4(film, (np.zeros((48, 64, 3), np.uint8) for _ in range(3)), rate_hz=10)
    film.with_suffix(".yaml").write_text(
        "image_width: 64\nimage_height: 48\ncamera_matrix: {data: [50, 0, 31.5, 0, 50, 23.5, 0, 0, 1]}\n"
    )
    guessing = plan_demo(arguments(str(film), method="anyview_small"))
    assert "options_json" not in guessing.camera_parameters
    assert any("anyview_small has to guess how far things are" in note for note in guessing.notes)
    plan = plan_demo(arguments(str(film), method="reprojection"))
    assert json.loads(plan.camera_parameters["options_json"]) == {"depth_m": 2.0}
    assert any("2 m away" in note for note in plan.notes)
    assert plan.truth == ""
    assert plan.cameras == ("left", "above")


def test_parameters_are_written_where_one_can_read_them(tmp_path: Path) -> None:
    plan = plan_demo(arguments("robot"))
    names = [name for name, _, _ in plan.processes(tmp_path)]
    assert names == ["simulated_robot", "synthesis_server", "virtual_camera"]
    written = yaml.safe_load((tmp_path / "parameters" / "virtual_camera.yaml").read_text())
    assert written["/**"]["ros__parameters"]["virtual_cameras"] == ["overhead", "wrist"]


def test_cameras_are_declared_by_name() -> None:
    assert declared({"a": {"width": 3}}) == {"virtual_cameras": ["a"], "a.width": 3}
