"""What conversion and window cost: the virtual camera node against a bare subscriber of the same topics.

Run from a checkout: ``tools/with_ros python -m benchmarks.live_overhead``. A process replays frames at 30 Hz, with
CameraInfo and TF; in turn, a bare rclpy process and the node subscribe it, round by round. Compared are

- CPU time, as the kernel counts it for the process, in percent of a core; "added" is the node's less that of the bare
  process just before it;
- latency from the moment a frame is handed to ROS: to the callback of the bare process, and to the node's window.
  "In the node" is the part of it that is ours: from the node's callback to the window, frame by frame.

The node runs with its default parameters but for the window's rate, which is the camera's. Page faults are told
because the C library sometimes takes memory for every large image anew, in either process. "Idle" is with nobody
subscribing a view, the window being filled; "one view" with a view by copy_source at 5 Hz, for reference.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anyview_ros.cli.arguments import picture_size
from anyview_ros.evaluation.machine import machine, machine_line
from benchmarks.support.processes import Watched, watched
from benchmarks.support.progress import Progress

CPU_BAR_PERCENT = 5.0
LATENCY_BAR_MS = 5.0
VIEW_HZ = 5.0
_UNDER_WAY_S = 0.5  # for images sent at the end of a round


@dataclass
class Measured:
    """What one kind of process did, round by round; latencies in milliseconds."""

    cpu_percent: list[float] = field(default_factory=list)
    faults: list[float] = field(default_factory=list)
    latency_ms: list[list[float]] = field(default_factory=list)
    in_node_ms: list[list[float]] = field(default_factory=list)
    frames: int = 0
    expected: int = 0
    views: int = 0


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    sizes = [f"{width}x{height}" for width, height in arguments.size or [(640, 480), (1920, 1080)]]
    kinds: dict[str, Callable[[], AbstractContextManager[Watched]]] = {
        "bare subscriber": lambda: watched("benchmarks.support.bare_subscriber", realtime=arguments.realtime),
        "node, idle": lambda: _camera(arguments),
        "node, one view": lambda: _camera(arguments),
    }
    lines, results = [machine_line()], {}
    progress = Progress(len(sizes) * arguments.rounds * len(kinds))
    for size in sizes:
        measured = {kind: Measured() for kind in kinds}
        replay = ["--size", size, "--rate-hz", str(arguments.rate_hz)]
        replay += ["--distorted"] if arguments.distorted else []
        with watched("benchmarks.support.replay", *replay, realtime=arguments.realtime) as camera:
            spans: list[tuple[str, Watched, int, int]] = []
            for number in range(arguments.rounds):
                for kind, start in kinds.items():
                    progress.step(f"{size}, round {number + 1}: {kind}")
                    with start() as process:
                        spans.append((kind, process, *_measure(kind, process, measured[kind], arguments)))
        sent_ns = {row[0]: row[1] for row in camera.rows}
        for kind, process, begin_ns, end_ns in spans:
            _add_latencies(measured[kind], process.rows, sent_ns, begin_ns, end_ns)
        results[size] = _figures(measured)
        lines += _table(size, results[size])
    progress.end()
    sys.stdout.write("\n".join(lines) + "\n")
    if arguments.json:
        told = {"machine": machine(), "arguments": _plain(arguments), "results": results}
        Path(arguments.json).write_text(json.dumps(told, indent=1), encoding="utf-8")


def _camera(arguments: argparse.Namespace) -> AbstractContextManager[Watched]:
    parameters: dict[str, object] = {
        "autostart": "true",
        "engine": "local",
        "method": "copy_source",
        "fixed_frame": "base",
        "virtual_cameras": "[overhead]",
        "overhead.rate_hz": VIEW_HZ,
        "window.rate_hz": arguments.rate_hz,
        "max_source_size": arguments.max_source_size,
    }
    return watched("benchmarks.support.timed_camera", parameters=parameters, realtime=arguments.realtime)


def _measure(
    kind: str, process: Watched, measured: Measured, arguments: argparse.Namespace
) -> tuple[int, int]:
    """Enter the CPU time of one round; return when it began and ended, on the monotonic clock in nanoseconds."""
    if kind != "node, one view":
        return _cpu_round(process, measured, arguments)
    with watched("benchmarks.support.view_subscriber", "overhead/image") as viewer:
        viewer.wait_for_first_row()
        begin_ns, end_ns = _cpu_round(process, measured, arguments)
    measured.views += sum(begin_ns <= row[1] < end_ns for row in viewer.rows)
    return begin_ns, end_ns


def _cpu_round(process: Watched, measured: Measured, arguments: argparse.Namespace) -> tuple[int, int]:
    process.wait_for_first_row()
    time.sleep(arguments.warm_up_s)
    begin_ns, begin_cpu_s, begin_faults = time.monotonic_ns(), process.cpu_s(), process.page_faults()
    time.sleep(arguments.seconds)
    end_ns, end_cpu_s, end_faults = time.monotonic_ns(), process.cpu_s(), process.page_faults()
    time.sleep(_UNDER_WAY_S)
    images = arguments.rate_hz * (end_ns - begin_ns) / 1e9
    measured.faults.append((end_faults - begin_faults) / images)
    measured.cpu_percent.append(100 * (end_cpu_s - begin_cpu_s) / ((end_ns - begin_ns) / 1e9))
    return begin_ns, end_ns


def _add_latencies(
    measured: Measured, rows: list[tuple[int, ...]], sent_ns: dict[int, int], begin_ns: int, end_ns: int
) -> None:
    arrived = {row[0]: row for row in rows}
    measured.latency_ms.append([])
    measured.in_node_ms.append([])
    for stamp_ns, handed_over_ns in sent_ns.items():
        if not begin_ns <= handed_over_ns < end_ns:
            continue
        measured.expected += 1
        row = arrived.get(stamp_ns)
        if row is not None:
            measured.frames += 1
            measured.latency_ms[-1].append((row[-1] - handed_over_ns) / 1e6)
            measured.in_node_ms[-1].append((row[-1] - row[1]) / 1e6)


def _figures(measured: dict[str, Measured]) -> dict[str, Any]:
    bare = measured["bare subscriber"]
    bare_p99_ms = _percentile(bare.latency_ms, 99)
    figures: dict[str, Any] = {}
    for kind, each in measured.items():
        p99_ms = _percentile(each.latency_ms, 99)
        figures[kind] = {
            "cpu_percent": _rounds(each.cpu_percent),
            "page_faults_per_image": _rounds(each.faults),
            "latency_p50_ms": _rounds(_percentile(each.latency_ms, 50)),
            "latency_p99_ms": _rounds(p99_ms),
            "frames": each.frames,
            "expected": each.expected,
            "views": each.views,
        }
        if each is not bare:
            pairs = list(zip(each.cpu_percent, bare.cpu_percent, strict=True))
            figures[kind] |= {
                "added_cpu_percent": _rounds([ours - theirs for ours, theirs in pairs]),
                "cpu_ratio": _rounds([ours / theirs for ours, theirs in pairs]),
                "added_latency_p99_ms": _rounds(
                    [ours - theirs for ours, theirs in zip(p99_ms, bare_p99_ms, strict=True)]
                ),
                "in_node_p50_ms": _rounds(_percentile(each.in_node_ms, 50)),
                "in_node_p99_ms": _rounds(_percentile(each.in_node_ms, 99)),
            }
    return figures


def _percentile(rounds: list[list[float]], percent: float) -> list[float]:
    return [float(np.percentile(values, percent)) for values in rounds]


def _rounds(values: list[float]) -> dict[str, Any]:
    return {"median": statistics.median(values), "rounds": values}


def _table(size: str, figures: dict[str, Any]) -> list[str]:
    lines = [f"{size}, medians of the rounds (least to most):"]
    for kind, each in figures.items():
        lines.append(
            f"  {kind}: {each['frames']} of {each['expected']} frames, {each['views']} views; "
            f"page faults per image {_spread(each['page_faults_per_image'], 0)}"
        )
        lines.append(
            f"    CPU {_spread(each['cpu_percent'], 1)} % of a core; latency p50 "
            f"{_spread(each['latency_p50_ms'])}, p99 {_spread(each['latency_p99_ms'])} ms"
        )
        if "added_cpu_percent" in each:
            lines.append(
                f"    added: CPU {_spread(each['added_cpu_percent'], 1)} %, {_spread(each['cpu_ratio'])} times the "
                f"bare one; p99 of the latency {_spread(each['added_latency_p99_ms'])} ms; in the node p50 "
                f"{_spread(each['in_node_p50_ms'])}, p99 {_spread(each['in_node_p99_ms'])} ms"
            )
    idle = figures["node, idle"]
    bars = [
        _verdict("p99 over the bare one's", idle["added_latency_p99_ms"], LATENCY_BAR_MS, "ms"),
        _verdict("p99 in the node", idle["in_node_p99_ms"], LATENCY_BAR_MS, "ms"),
    ]
    if size == "640x480":
        bars.insert(0, _verdict("added CPU", idle["added_cpu_percent"], CPU_BAR_PERCENT, "% of a core"))
    return [*lines, "  bars, idle node: " + "; ".join(bars)]


def _spread(figure: dict[str, Any], digits: int = 2) -> str:
    low, high = min(figure["rounds"]), max(figure["rounds"])
    return f"{figure['median']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _verdict(what: str, figure: dict[str, Any], bar: float, unit: str) -> str:
    value = figure["median"]
    return f"{what} {value:.1f} of at most {bar:g} {unit}: {'kept' if value <= bar else 'MISSED'}"


def _plain(arguments: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(arguments).items() if name != "json"}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size", type=picture_size, action="append", help="pixels, WIDTHxHEIGHT, repeatable (VGA and 1080p)"
    )
    parser.add_argument("--rate-hz", type=float, default=30.0, help="of the camera and of the window (30)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each process is measured (5)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of one measurement (8)")
    parser.add_argument(
        "--warm-up-s", type=float, default=2.0, help="from the first image to each measurement (2)"
    )
    parser.add_argument("--max-source-size", type=int, default=640, help="the node's parameter (640)")
    parser.add_argument("--distorted", action="store_true", help="pictures of a wide lens, to be rectified")
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="run all measured processes before whatever else the machine does; takes the right to",
    )
    parser.add_argument("--json", help="file that gets all figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
