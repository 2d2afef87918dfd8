"""What tools/ros_env.sh puts within reach of a shell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = sorted(path.name for path in (ROOT / "scripts").iterdir() if path.is_file())


def in_the_environment(script: str) -> subprocess.CompletedProcess[str]:
    """What a bash does with a script after it has sourced tools/ros_env.sh."""
    command = ["bash", "-c", f". tools/ros_env.sh && {script}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(autouse=True)
def built() -> None:
    """A pip installation has no build to be found."""
    distro = os.environ.get("DISTRO", "jazzy")
    suffix = "" if distro == "jazzy" else f"-{distro}"
    if not (ROOT / f"install{suffix}" / "local_setup.bash").is_file():
        pytest.skip("needs a build: run make setup")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_found_by_its_own_name(command: str) -> None:
    result = in_the_environment(f"command -v {command}")
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).read_bytes() == (ROOT / "scripts" / command).read_bytes()


def test_sourcing_it_twice_changes_nothing() -> None:
    result = in_the_environment('first=$PATH && . tools/ros_env.sh && [ "$PATH" = "$first" ]')
    assert result.returncode == 0, result.stderr
