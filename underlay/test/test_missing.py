"""Which packages of the underlay are to be built."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

UNDERLAY = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("missing", UNDERLAY / "missing.py")
missing = importlib.util.module_from_spec(spec)
spec.loader.exec_module(missing)


def names_printed(tmp_path: Path, modules: dict[str, str], prefix: Path | None = None) -> list[str]:
    """Run the program where only the given modules, with the given text, can be imported."""
    for name, text in modules.items():
        target = tmp_path / f"{name.replace('.', '/')}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    if prefix is not None:
        environment["AMENT_PREFIX_PATH"] = str(prefix)
    command = [sys.executable, str(UNDERLAY / "missing.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.split()


FILTERS = {"message_filters": "Subscriber = ApproximateTimeSynchronizer = None"}


def test_there_is_a_probe_for_each_package_of_the_folder() -> None:
    packages = {manifest.parent.name for manifest in UNDERLAY.glob("*/package.xml")}
    assert packages == set(missing.PROBES)
    for manifest in UNDERLAY.glob("*/package.xml"):
        assert missing.MARK in manifest.read_text()
        assert f"<name>{manifest.parent.name}</name>" in manifest.read_text()


def test_what_can_be_imported_is_not_missing(tmp_path: Path) -> None:
    assert set(missing.PROBES) - set(names_printed(tmp_path, FILTERS)) == {"message_filters"}


@pytest.mark.parametrize("fault", ["import no_such_library", "import os; os.abort()", "Subscriber = None"])
def test_what_fails_on_import_or_lacks_a_part_is_missing(tmp_path: Path, fault: str) -> None:
    assert "message_filters" in names_printed(tmp_path, {"message_filters": fault})


def test_what_was_built_from_this_folder_is_to_be_built_again(tmp_path: Path) -> None:
    share = tmp_path / "install" / "share" / "message_filters"
    share.mkdir(parents=True)
    (share / "package.xml").write_text((UNDERLAY / "message_filters" / "package.xml").read_text())
    assert "message_filters" in names_printed(tmp_path, FILTERS, tmp_path / "install")
    (share / "package.xml").write_text("<package><name>message_filters</name></package>")
    assert "message_filters" not in names_printed(tmp_path, FILTERS, tmp_path / "install")
