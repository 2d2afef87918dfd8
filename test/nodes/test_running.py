"""How a node process ends whose start fails; in processes of their own, which take real signals."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

START = """
import os, signal, sys, time
import rclpy
from anyview_ros.nodes.running import run

rclpy.ok = lambda *, context=None: True  # as if the signal had not come so far yet

def start():
    try:
        if "interrupted" in sys.argv:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
    except KeyboardInterrupt:
        pass
    raise ImportError("half an extension module")

sys.exit(run(start, []))
"""


@pytest.mark.parametrize(("arguments", "code"), [(["interrupted"], 0), ([], 1)])
def test_an_import_that_fails_is_a_fault_unless_it_was_interrupted(arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, *arguments], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert ("half an extension module" in done.stderr) == bool(code)
