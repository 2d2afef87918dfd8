"""Memory of a full window against what its frames weigh, with no ROS: VGA and 1080p, with and without depth.

Run from a checkout: ``python -m benchmarks.window_memory``. Each case runs in a fresh process, which fills a window
three times over, as a camera would, and looks at

- ``nbytes``, what the window says of itself;
- what Python and NumPy hold more than before (tracemalloc);
- by how much the process's private pages grew, from the moment that one frame had passed through.

"Padded" frames are views of rows with padding, as some drivers send them; "shared" frames are views of a message's
bytes, which the window keeps instead of a copy.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import sys
import tracemalloc
from array import array
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import SlidingWindow
from anyview_ros.evaluation.machine import machine, machine_line
from anyview_ros.geometry import PinholeCamera
from benchmarks.support.progress import Progress

BAR = 1.2
SIZES = {"VGA": (640, 480), "1080p": (1920, 1080)}
KINDS = ("owned", "shared", "padded", "owned, with depth")


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    cases = [(name, kind) for name in SIZES for kind in KINDS]
    progress = Progress(len(cases))
    lines = [machine_line(), f"window of {arguments.length_s:g} s at {arguments.rate_hz:g} Hz"]
    results = []
    for name, kind in cases:
        progress.step(f"{name}, {kind}")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            case = pool.apply(measure, (SIZES[name], kind, arguments.length_s, arguments.rate_hz))
        weight = case["weight_bytes"]
        ratios = {key: case[key] / weight for key in ("nbytes", "traced_bytes", "private_bytes")}
        results.append({"size": name, "frames": kind, **case, "ratios": ratios})
        worst = max(ratios["nbytes"], ratios["traced_bytes"])
        lines.append(
            f"  {name:<6} {kind:<18} {case['held']:4d} frames weigh {weight / 1e6:6.1f} MB; times that: "
            f"nbytes {ratios['nbytes']:.3f}, traced {ratios['traced_bytes']:.3f}, private pages "
            f"{ratios['private_bytes']:.3f}   bar {BAR:g}: {'kept' if worst <= BAR else 'MISSED'}"
        )
    progress.end()
    sys.stdout.write("\n".join(lines) + "\n")
    if arguments.json:
        told = {"machine": machine(), "results": results}
        Path(arguments.json).write_text(json.dumps(told, indent=1), encoding="utf-8")


def measure(size: tuple[int, int], kind: str, length_s: float, rate_hz: float) -> dict[str, Any]:
    """Fill one window in this process; bytes of what its frames weigh and of what they take."""
    camera = PinholeCamera.from_fov(*size, horizontal_fov_deg=65.0)
    pose, period_ns = np.eye(4), round(1e9 / rate_hz)
    depth_m = np.full(size[::-1], 2.0, np.float32) if "depth" in kind else None
    make_frame(size, kind, 0)
    gc.collect()
    before = _private_bytes()
    tracemalloc.start()
    window = SlidingWindow(length_s=length_s, rate_hz=rate_hz)
    for number in range(1, 3 * window.capacity + 1):
        depth = None if depth_m is None else depth_m.copy()
        window.add(make_frame(size, kind, number), camera, pose, number * period_ns, depth)
    gc.collect()
    traced, _ = tracemalloc.get_traced_memory()
    width, height = size
    weight = len(window) * width * height * (3 if depth_m is None else 3 + 4)
    return {
        "held": len(window),
        "weight_bytes": weight,
        "nbytes": window.nbytes,
        "traced_bytes": traced,
        "private_bytes": _private_bytes() - before,
    }


def make_frame(size: tuple[int, int], kind: str, number: int) -> NDArray[np.uint8]:
    """A frame whose every page has been written: uint8 (H, W, 3)."""
    width, height = size
    value = number % 256
    if kind == "shared":
        message = array("B", bytes([value]) * (height * width * 3))
        return np.frombuffer(message, np.uint8).reshape(height, width, 3)
    if kind == "padded":
        return np.full((height, width + 32, 3), value, np.uint8)[:, :width]
    return np.full((height, width, 3), value, np.uint8)


def _private_bytes() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--length-s", type=float, default=2.0, help="seconds that the window holds (2)")
    parser.add_argument("--rate-hz", type=float, default=30.0, help="frames per second (30)")
    parser.add_argument("--json", help="file that gets all figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
