"""The table of the server's parameters."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

from anyview_ros.nodes.synthesis_server.parameters import PARAMETERS, Settings, check_change


def test_every_parameter_is_a_setting_of_its_type() -> None:
    types = {field.name: field.type for field in fields(Settings)}
    assert types == {name: type(parameter.default).__name__ for name, parameter in PARAMETERS.items()}


def test_every_parameter_says_what_it_is_and_numbers_have_ranges() -> None:
    for name, parameter in PARAMETERS.items():
        assert parameter.description.endswith("."), name
        if isinstance(parameter.default, int | float) and not isinstance(parameter.default, bool):
            assert parameter.low is not None, name
            assert parameter.high is not None, name
            assert parameter.low <= parameter.default <= parameter.high, name


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [("default_timeout_s", 3, True), ("method", "copy_source", False), ("use_sim_time", True, True)],
)
def test_what_loading_reads_is_fixed_while_a_method_is_loaded(
    name: str, value: object, allowed: bool
) -> None:
    change = [SimpleNamespace(name=name, value=value)]
    assert check_change(change, loaded=True).successful is allowed
    assert check_change(change, loaded=False).successful


@pytest.mark.parametrize(
    ("name", "value"), [("default_timeout_s", "soon"), ("max_queue", 0), ("max_streams", 1.5)]
)
def test_a_value_that_does_not_fit_is_refused_with_its_name(name: str, value: object) -> None:
    refused = check_change([SimpleNamespace(name=name, value=value)], loaded=False)
    assert not refused.successful
    assert name in refused.reason
