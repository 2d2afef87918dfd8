from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from errno import ENOLCK
from pathlib import Path

import pytest

from anyview_ros.errors import WriteError
from anyview_ros.offline.augment.output_lock import locked

HOLDER = """
import sys, time
from pathlib import Path
from anyview_ros.offline.augment.output_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def held_elsewhere(file: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(file)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_refused_and_the_first_one_named(tmp_path: Path) -> None:
    file = tmp_path / "out.partial" / "lock"
    with held_elsewhere(file) as process:
        with pytest.raises(WriteError, match=f"written by process {process.pid} on "), locked(file):
            pass
        process.kill()


def test_the_lock_of_a_process_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with held_elsewhere(file) as process:
        process.send_signal(signal.SIGKILL)
    with locked(file) as held:
        assert held
        assert json.loads(file.read_text())["process"] == os.getpid()


def test_a_lock_whose_file_was_removed_by_its_holder_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run before removes its folder between our opening the file and our locking it."""
    file = tmp_path / "out.partial" / "lock"
    take = fcntl.flock
    removals = []

    def flock(opened: object, kind: int) -> None:
        if not removals:
            shutil.rmtree(file.parent)
            removals.append(file)
        take(opened, kind)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(file) as held:
        assert held
        assert file.is_file()
    assert removals


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(opened: object, kind: int) -> None:
        raise OSError(ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(tmp_path / "lock") as held:
        assert not held
