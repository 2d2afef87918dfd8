from __future__ import annotations

from typing import Any

import pytest

from anyview_ros.errors import InvalidRequestError
from anyview_ros.nodes.virtual_camera.engines import make_engine_client
from anyview_ros.nodes.virtual_camera.parameters import EngineSettings, read_settings, table


def local(**changes: Any) -> EngineSettings:
    defaults = {name: entry.default for name, entry in table(()).items()}
    known = {"fixed_frame": "base", "virtual_cameras": [""], "engine": "local", "method": "reprojection"}
    return read_settings(defaults | known | changes).engine


def make(settings: EngineSettings) -> Any:
    no_node: Any = None  # for which a local engine has no use
    return make_engine_client(no_node, settings)


def test_a_local_engine_takes_the_options_of_its_method() -> None:
    client = make(local(options_json='{"depth_m": 2.0}'))
    try:
        assert client.description().method.name == "reprojection"
    finally:
        client.close()


def test_options_that_the_local_method_does_not_have_are_told_at_once() -> None:
    with pytest.raises(
        InvalidRequestError, match="unknown option 'depth' for method 'reprojection'; it knows"
    ):
        make(local(options_json='{"depth": 2.0}'))
