"""What every test stands on."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

# Several test processes share few cores; torch and OpenCV would each take them all.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long one example takes on them says nothing. Every run draws the same examples, so that what fails once fails
# again; `--hypothesis-profile=explore` draws new ones.
settings.register_profile(
    "repeatable", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("explore", settings.get_profile("repeatable"), derandomize=False, max_examples=500)
settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let a test and its fixtures draw the same numbers, whatever ran before them in their process."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
