"""What the launch files hand to the nodes; with stand-ins for launch and launch_ros, which PyPI does not have."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

LAUNCH = Path(__file__).resolve().parents[1] / "launch"
MODULES = (
    "launch", "launch.actions", "launch.substitutions", "launch_ros", "launch_ros.actions",
    "launch_ros.descriptions", "launch_ros.substitutions",
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """Something that a launch file made: its class and what it was given."""

    kind: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    def perform(self, context: dict[str, str]) -> str:
        """The value of a LaunchConfiguration."""
        return context[self.arguments[0]]


class StandIn(ModuleType):
    """A module that has every class."""

    def __getattr__(self, kind: str) -> Any:
        if kind.startswith("__"):
            raise AttributeError(kind)
        return lambda *arguments, **options: Made(kind, arguments, options)


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MODULES:
        monkeypatch.setitem(sys.modules, name, StandIn(name))


def described(name: str) -> list[Made]:
    """What the description of a launch file holds."""
    spec = importlib.util.spec_from_file_location("described", LAUNCH / f"{name}.launch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (entities,) = module.generate_launch_description().arguments
    return list(entities)


@pytest.mark.parametrize("name", ["virtual_camera", "synthesis_server"])
@pytest.mark.parametrize(
    "given", [{}, {"use_sim_time": "true"}, {"autostart": "false", "use_sim_time": "false"}]
)
def test_the_file_beats_what_is_not_given_and_what_is_given_beats_the_file(
    name: str, given: dict[str, str]
) -> None:
    *declared, later = described(name)
    context = {one.arguments[0]: one.options["default_value"] for one in declared}
    for one in declared:
        choices = one.options.get("choices")
        assert choices is None or one.options["default_value"] in choices
    (node,) = later.options["function"](context | given)
    default, file, *rest = node.options["parameters"]
    assert (default.kind, default.arguments) == ("Parameter", ("autostart", True))
    assert (file.kind, file.arguments) == ("LaunchConfiguration", ("params_file",))
    assert rest == ([{name: value == "true" for name, value in given.items()}] if given else [])
