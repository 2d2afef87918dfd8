"""What a synthesis server refuses before it asks anybody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

from anyview_ros.errors import ReadError
from anyview_ros.nodes.synthesis_server.loading import load_method
from anyview_ros.nodes.synthesis_server.parameters import PARAMETERS, Settings

DEFAULTS = Settings(**{name: parameter.default for name, parameter in PARAMETERS.items()})


def test_an_empty_token_file_is_refused(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("\n")
    settings = replace(DEFAULTS, service="http://127.0.0.1:9", service_token_file=str(token))
    with pytest.raises(ReadError, match=r"token is empty; write the token into it"):
        load_method("reprojection", settings)
