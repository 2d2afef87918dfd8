from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.camera_parameters import CAMERA_PARAMETERS
from anyview_ros.nodes.parameters import check_value
from anyview_ros.nodes.virtual_camera.parameters import NODE_PARAMETERS, read_settings, table


def values(*names: str, **changes: Any) -> dict[str, Any]:
    defaults = {name: entry.default for name, entry in table(names).items()}
    return defaults | {"virtual_cameras": list(names) or [""], "fixed_frame": "base"} | changes


def test_every_default_is_valid_by_its_own_table() -> None:
    for entry in (*NODE_PARAMETERS, *CAMERA_PARAMETERS):
        check_value(entry.name, entry, entry.default)


def test_every_parameter_is_described() -> None:
    assert all(len(entry.description) > 10 for entry in (*NODE_PARAMETERS, *CAMERA_PARAMETERS))


def test_settings_of_two_cameras() -> None:
    settings = read_settings(
        values(
            "overhead", "wrist", **{"wrist.parent_frame": "tool0", "wrist.position": [0, 1, 2], "steps": 3}
        )
    )
    overhead, wrist = settings.cameras
    assert overhead.parent_frame == "base"
    assert wrist.parent_frame == "tool0"
    np.testing.assert_allclose(wrist.camera_to_parent[:3, 3], [0, 1, 2])
    assert settings.engine.steps == 3


def test_zero_steps_leave_the_choice_to_the_method() -> None:
    assert read_settings(values()).engine.steps is None


def test_empty_names_make_no_camera() -> None:
    assert read_settings(values()).cameras == ()


def test_integers_do_for_floats_but_not_the_other_way_round() -> None:
    assert read_settings(values(**{"window.length_s": 3})).window.length_s == 3.0
    with pytest.raises(InvalidInputError, match=r"seed is 1\.5"):
        read_settings(values(seed=1.5))


def test_true_is_no_number() -> None:
    with pytest.raises(InvalidInputError, match="tf_timeout_s is True"):
        read_settings(values(tf_timeout_s=True))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("fixed_frame", "", "fixed_frame is empty"),
        ("engine", "cloud", "engine is 'cloud'; choose one of remote, local"),
        ("window.rate_hz", 0.0, "window.rate_hz is 0.0"),
        ("window.rate_hz", math.nan, "window.rate_hz is nan"),
        ("jpeg_quality", 101, "jpeg_quality is 101"),
        ("options_json", "[1]", "give a JSON object"),
        ("options_json", "{", "options_json cannot be parsed"),
        ("cam.position", [0.0, 0.0], "give 3 numbers"),
        ("cam.position", "here", "give a list"),
        ("cam.width", 100000, "cam.width is 100000"),
        ("cam.horizontal_fov_deg", 179.0, "cam.horizontal_fov_deg is 179"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_value(name: str, value: Any, told: str) -> None:
    with pytest.raises(InvalidInputError, match=r".*".join(told.split("*"))):
        read_settings(values("cam", **{name: value}))


def test_options() -> None:
    assert read_settings(values(options_json=" ")).engine.options is None
    assert read_settings(values(options_json='{"depth_m": 2}')).engine.options == {"depth_m": 2}


def test_by_products_are_named_and_need_names_of_their_own() -> None:
    assert read_settings(values()).scene.by_products == ()
    scene = read_settings(values("wrist", by_products=["points", ""], refined_frame="/camera_refined")).scene
    assert scene.by_products == ("points",)
    assert scene.refined_frame == "camera_refined"
    with pytest.raises(InvalidInputError, match="by_products names 'mesh'; choose of points, ray_weights"):
        read_settings(values(by_products=["mesh"]))
    for frame in ("base", "wrist_optical_frame"):
        with pytest.raises(InvalidInputError, match=f"refined_frame is '{frame}', which is a frame already"):
            read_settings(values("wrist", refined_frame=frame))


@pytest.mark.parametrize("wanted", [{"by_products": ["points"]}, {"refined_frame": "camera_refined"}])
def test_by_products_without_a_virtual_camera_are_refused_since_nothing_would_come(wanted: dict) -> None:
    with pytest.raises(InvalidInputError, match="virtual_cameras is empty; declare one camera at least"):
        read_settings(values(**wanted))
