"""What the launch files hand to the nodes; with stand-ins for launch and launch_ros, which PyPI does not have."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

LAUNCH = Path(__file__).resolve().parents[1] / "launch"
MODULES = (
    "launch", "launch.actions", "launch.conditions", "launch.launch_description_sources", "launch.substitutions",
    "launch_ros", "launch_ros.actions", "launch_ros.descriptions", "launch_ros.parameter_descriptions",
    "launch_ros.substitutions",
)  # fmt: skip
SHARED = "anyview_ros.nodes.launching"
STARTED = ["autostart", "use_sim_time", "log_level"]
ARGUMENTS = {
    "anyview": ["camera_params_file", "server_params_file"],
    "bag": ["bag", "loop", "speed", "camera_params_file"],
    "demo": ["params_file", "rviz"],
    "synthesis_server": ["namespace", "params_file", *STARTED],
    "virtual_camera": [
        "namespace", "params_file", "image", "camera_info", "depth", "tf", "tf_static", *STARTED
    ],
}  # fmt: skip


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
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in MODULES:
        monkeypatch.setitem(sys.modules, name, StandIn(name))
    yield
    sys.modules.pop(SHARED, None)  # it has imported the stand-ins


def described(name: str) -> list[Made]:
    """What the description of a launch file holds."""
    spec = importlib.util.spec_from_file_location("described", LAUNCH / f"{name}.launch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (entities,) = module.generate_launch_description().arguments
    return list(entities)


def test_every_launch_file_is_known_here() -> None:
    assert {path.name.removesuffix(".launch.py") for path in LAUNCH.iterdir() if path.is_file()} == set(
        ARGUMENTS
    )


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_are_declared_before_what_uses_them(name: str) -> None:
    kinds = [made.kind for made in described(name)]
    arguments = [made for made in described(name) if made.kind == "DeclareLaunchArgument"]
    assert [made.arguments[0] for made in arguments] == ARGUMENTS[name]
    assert kinds[: len(arguments)] == ["DeclareLaunchArgument"] * len(arguments)
    assert all(made.options["description"].endswith(".") for made in arguments)


@pytest.mark.parametrize(
    ("name", "included"),
    [("anyview", ["synthesis_server", "virtual_camera"]), ("bag", ["anyview"]), ("demo", ["anyview"])],
)
def test_what_is_included_is_told_only_arguments_that_are_declared(name: str, included: list[str]) -> None:
    files, told = [], set()
    for made in described(name):
        if made.kind != "IncludeLaunchDescription":
            continue
        (source,) = made.arguments
        files.append(source.arguments[0].arguments[0][-1].removesuffix(".launch.py"))
        told |= {argument for argument, _ in made.options["launch_arguments"]}
    assert files == included
    below = {"anyview", "synthesis_server", "virtual_camera"}  # what is told goes on to all of them
    assert told <= {argument for file in below for argument in ARGUMENTS[file]}


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
    assert (node.options["package"], node.options["executable"], node.options["name"]) == (
        "anyview_ros",
        name,
        name,
    )
    assert rest == ([{name: value == "true" for name, value in given.items()}] if given else [])
