"""Films of nothing but numbers; in a module of its own, so that other processes can import it."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from anyview_ros.training.film_files import Films

_PATIENCE_S = 60.0


def numbers(log: Path, first: int, count: int) -> Films:
    """Scenes that are their own number; each call is noted in a file, as it may be made by another process."""
    with log.open("a") as file:
        file.write(f"{first}+{count} ")
    scenes = np.arange(first, first + count)
    return {"one": scenes, "two": np.stack([scenes, scenes], 1)}


def numbers_but_the_first(log: Path, first: int, count: int) -> Films:
    """Scenes that are their numbers, but the first cannot be filmed; the others wait until that is known."""
    failed = log.with_name("failed")
    if first == 0:
        failed.touch()
        raise ValueError("the first")
    ends_s = time.monotonic() + _PATIENCE_S
    while not failed.exists() and time.monotonic() < ends_s:
        time.sleep(0.01)
    time.sleep(0.05)
    return numbers(log, first, count)
