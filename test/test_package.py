"""The package's own description agrees with what it holds."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import anyview_ros

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = ElementTree.parse(ROOT / "package.xml").getroot()  # noqa: S314 - our own file
CMAKE_LISTS = (ROOT / "CMakeLists.txt").read_text()


def test_version_is_the_same_everywhere() -> None:
    assert MANIFEST.findtext("version") == anyview_ros.__version__


@pytest.mark.parametrize("kind", ["msg", "srv", "action"])
def test_every_interface_file_is_generated(kind: str) -> None:
    there = {f"{kind}/{path.name}" for path in (ROOT / kind).glob(f"*.{kind}")}
    listed = set(re.findall(rf'"({kind}/\w+\.{kind})"', CMAKE_LISTS))
    assert listed == there


def test_every_launcher_is_installed_and_can_be_executed() -> None:
    there = {path for path in (ROOT / "scripts").iterdir() if path.is_file()}
    listed = {ROOT / name for name in re.findall(r"^\s+(scripts/\w+)$", CMAKE_LISTS, re.MULTILINE)}
    assert listed == there
    for path in there:
        assert path.stat().st_mode & 0o111, f"{path.name} is not executable"


def test_every_launcher_starts_a_module_that_exists() -> None:
    for path in (ROOT / "scripts").iterdir():
        match = re.search(r"^from (anyview_ros[\w.]+) import main$", path.read_text(), re.MULTILINE)
        assert match is not None, f"{path.name} starts nothing"
        module = ROOT.joinpath(*match[1].split("."))
        there = module.with_suffix(".py").is_file() or (module / "__init__.py").is_file()
        assert there, f"{path.name} starts {match[1]}, which is not there"


def test_the_manifest_declares_the_ros_packages_that_are_imported_and_no_others() -> None:
    declared = {element.text or "" for kind in ("depend", "exec_depend") for element in MANIFEST.iter(kind)}
    files = [*(ROOT / "anyview_ros").rglob("*.py"), *(ROOT / "launch").glob("*.py")]
    found = {
        match[1] or match[2]
        for path in files
        for match in re.finditer(
            r"^\s*(?:from (\w+)[\w.]* import|import (\w+))", path.read_text(), re.MULTILINE
        )
    }
    imported = {"tf2_ros_py" if name == "tf2_ros" else name for name in found}
    libraries = {"ament_index_python", *declared}
    used = {
        name for name in imported if name in libraries or name.endswith(("_msgs", "_srvs", "_interfaces"))
    }
    not_imported = {
        "lifecycle_msgs",  # of the services of lifecycle nodes
        "rosidl_default_runtime",
        "tf_transformations",  # at hand for code beside the package
        *(name for name in declared if name.startswith("python3-")),
    }
    assert used == declared - not_imported


def test_interfaces_depend_on_nothing_that_the_manifest_leaves_out() -> None:
    declared = {element.text for element in MANIFEST.iter("depend")} | {"anyview_ros"}
    used: set[str] = set()
    for kind in ("msg", "srv", "action"):
        for path in (ROOT / kind).glob(f"*.{kind}"):
            used |= set(re.findall(r"^(\w+)/\w+", path.read_text(), re.MULTILINE))
    assert used, "no interface uses another package: the pattern has stopped matching"
    assert used <= declared
