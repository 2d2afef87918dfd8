"""Imports go down only, and ROS is known to the top floors alone: see docs/design.md."""

from __future__ import annotations

import ast
from functools import cache
from itertools import pairwise
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "anyview_ros"
# From the ground up; parts on one line do not import each other.
FLOORS = [
    {"errors", "wording"},
    {"files", "media"},
    {"geometry"},
    {"clips", "messages"},
    {"scenes", "synthesis", "diagnosis"},
    {"networks", "diffusion", "rendering", "metrics"},
    {"methods"},
    {"evaluation"},
    {"serving", "offline"},
    {"training"},
    {"nodes"},
    {"cli"},
]
WITH_ROS = {"nodes", "cli"}
ROS = {
    "rclpy", "tf2_ros", "cv_bridge", "message_filters", "diagnostic_updater", "ament_index_python", "launch",
    "launch_ros",
}  # fmt: skip
GENERATED = ("anyview_ros.msg", "anyview_ros.srv", "anyview_ros.action")


def imports(path: Path) -> set[str]:
    """Full names of the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "anyview_ros":
            found |= {f"anyview_ros.{name.name}" for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
    return found


@cache
def all_imports() -> list[tuple[str, str]]:
    """Pairs of a file, relative to the package, and a module that it imports."""
    files = [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE]
    pairs = [(str(path.relative_to(PACKAGE)), name) for path in files for name in imports(path)]
    assert len(pairs) > 100, "hardly any import was found: the search has stopped working"
    return sorted(pairs)


def part_of(path: str) -> str:
    return path.partition("/")[0]


def floor_of(part: str) -> int:
    found = [index for index, parts in enumerate(FLOORS) if part in parts]
    assert found, f"anyview_ros/{part} stands on no floor: add it above, and to docs/design.md"
    return found[0]


def test_imports_go_down() -> None:
    wrong = []
    for path, name in all_imports():
        if not name.startswith("anyview_ros.") or name.startswith(GENERATED):
            continue
        own, other = part_of(path), name.split(".")[1]
        if other not in {own, "__version__"} and floor_of(other) >= floor_of(own):
            wrong.append(f"{path} imports {name}")
    assert wrong == []


def test_ros_is_imported_on_the_top_floors_alone() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, name in all_imports()
        if part_of(path) not in WITH_ROS
        and (name.split(".")[0] in ROS or name.split(".")[0].endswith("_msgs") or name.startswith(GENERATED))
    ]
    assert wrong == []


def test_floors_name_no_part_twice() -> None:
    assert all(not lower & upper for lower, upper in pairwise(FLOORS))
    assert sum(len(parts) for parts in FLOORS) == len(set().union(*FLOORS))


def test_methods_do_not_know_each_other() -> None:
    methods = {path.parent.name for path in (PACKAGE / "methods").glob("*/__init__.py")}
    assert methods
    wrong = []
    for path, name in all_imports():
        parts = path.split("/")
        if parts[0] == "methods" and parts[1] in methods and name.startswith("anyview_ros.methods."):
            other = name.split(".")[2]
            if other in methods - {parts[1]}:
                wrong.append(f"{path} imports {name}")
    assert wrong == []
