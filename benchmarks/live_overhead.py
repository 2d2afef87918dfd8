"""What conversion and window cost: the virtual camera node against a bare subscriber of the same topics.

Run from a checkout: ``tools/with_ros python -m benchmarks.live_overhead``. A process replays frames at 30 Hz, with
CameraInfo and TF; in turn, a bare rclpy process and the node subscribe it, round by round. Compared are

- CPU time, as the kernel counts it for the process, in percent of a core; "added" is the node's less that of the bare
  process just before it;
- latency from the moment a frame is handed to ROS: to the callback of the bare process, and to the node's window.
  "In the node" is the part of it that is ours: from the node's callback to the window, frame by frame.

The node runs with its default parameters but for the window's rate, which is the camera's. "Idle" is with nobody
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

from benchmarks.support.machine import machine, machine_line
from benchmarks.support.processes import Watched, watched
from benchmarks.support.progress import Progress
from benchmarks.support.replay import size_of

CPU_BAR_PERCENT = 5.0
LATENCY_BAR_MS = 5.0
VIEW_HZ = 5.0


@dataclass
class Measured:
    """What one kind of process did, round by round; latencies in milliseconds, pooled."""

    cpu_percent: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    in_node_ms: list[float] = field(default_factory=list)
    frames: int = 0
    expected: int = 0
    views: int = 0


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    sizes = arguments.size or ["640x480", "1920x1080"]
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
        begin_ns, end_ns = _cpu_round(process, measured, arguments)
    measured.views += sum(begin_ns <= row[1] < end_ns for row in viewer.rows)
    return begin_ns, end_ns


def _cpu_round(process: Watched, measured: Measured, arguments: argparse.Namespace) -> tuple[int, int]:
    time.sleep(arguments.warm_up_s)
    begin_ns, begin_cpu_s = time.monotonic_ns(), process.cpu_s()
    time.sleep(arguments.seconds)
    end_ns, end_cpu_s = time.monotonic_ns(), process.cpu_s()
    measured.cpu_percent.append(100 * (end_cpu_s - begin_cpu_s) / ((end_ns - begin_ns) / 1e9))
    return begin_ns, end_ns


def _add_latencies(
    measured: Measured, rows: list[tuple[int, ...]], sent_ns: dict[int, int], begin_ns: int, end_ns: int
) -> None:
    arrived = {row[0]: row for row in rows}
    for stamp_ns, handed_over_ns in sent_ns.items():
        if not begin_ns <= handed_over_ns < end_ns:
            continue
        measured.expected += 1
        row = arrived.get(stamp_ns)
        if row is not None:
            measured.frames += 1
            measured.latency_ms.append((row[-1] - handed_over_ns) / 1e6)
            measured.in_node_ms.append((row[-1] - row[1]) / 1e6)


def _figures(measured: dict[str, Measured]) -> dict[str, Any]:
    bare = measured["bare subscriber"]
    figures: dict[str, Any] = {}
    for kind, each in measured.items():
        figures[kind] = {
            "cpu_percent": {"median": statistics.median(each.cpu_percent), "rounds": each.cpu_percent},
            "latency_ms": _percentiles(each.latency_ms),
            "frames": each.frames,
            "expected": each.expected,
            "views": each.views,
        }
        if each is not bare:
            added = [ours - theirs for ours, theirs in zip(each.cpu_percent, bare.cpu_percent, strict=True)]
            ratios = [ours / theirs for ours, theirs in zip(each.cpu_percent, bare.cpu_percent, strict=True)]
            figures[kind] |= {
                "added_cpu_percent": {"median": statistics.median(added), "rounds": added},
                "cpu_ratio": {"median": statistics.median(ratios), "rounds": ratios},
                "in_node_ms": _percentiles(each.in_node_ms),
                "added_latency_p99_ms": float(
                    np.percentile(each.latency_ms, 99) - np.percentile(bare.latency_ms, 99)
                ),
            }
    return figures


def _percentiles(values: list[float]) -> dict[str, float]:
    return {
        name: float(np.percentile(values, share)) for name, share in (("p50", 50), ("p90", 90), ("p99", 99))
    }


def _table(size: str, figures: dict[str, Any]) -> list[str]:
    lines = [f"{size}:"]
    for kind, each in figures.items():
        cpu, latency = each["cpu_percent"], each["latency_ms"]
        lines.append(
            f"  {kind:<16} CPU {_spread(cpu, 5)} %   latency p50 {latency['p50']:5.2f}, p90 {latency['p90']:5.2f}, "
            f"p99 {latency['p99']:5.2f} ms   {each['frames']} of {each['expected']} frames, {each['views']} views"
        )
        if "added_cpu_percent" in each:
            inside = each["in_node_ms"]
            lines.append(
                f"  {'':<16} added CPU {_spread(each['added_cpu_percent'])} %, {_spread(each['cpu_ratio'], digits=2)} "
                f"times the bare one; p99 of the latency {each['added_latency_p99_ms']:+.2f} ms; "
                f"in the node p50 {inside['p50']:.2f}, p99 {inside['p99']:.2f} ms"
            )
    idle = figures["node, idle"]
    bars = [
        _verdict("p99 over the bare one's", idle["added_latency_p99_ms"], LATENCY_BAR_MS, "ms"),
        _verdict("p99 in the node", idle["in_node_ms"]["p99"], LATENCY_BAR_MS, "ms"),
    ]
    if size == "640x480":
        added = idle["added_cpu_percent"]["median"]
        bars.insert(0, _verdict("added CPU", added, CPU_BAR_PERCENT, "% of a core"))
    return [*lines, "  idle node: " + "; ".join(bars)]


def _spread(figure: dict[str, Any], width: int = 0, digits: int = 1) -> str:
    low, high = min(figure["rounds"]), max(figure["rounds"])
    return f"{figure['median']:{width}.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _verdict(what: str, value: float, bar: float, unit: str) -> str:
    return f"{what} {value:.1f} of at most {bar:g} {unit}: {'kept' if value <= bar else 'MISSED'}"


def _plain(arguments: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(arguments).items() if name != "json"}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", action="append", help="pixels, WIDTHxHEIGHT, repeatable (VGA and 1080p)")
    parser.add_argument("--rate-hz", type=float, default=30.0, help="of the camera and of the window (30)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each process is measured (5)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of one measurement (8)")
    parser.add_argument("--warm-up-s", type=float, default=4.0, help="before each measurement (4)")
    parser.add_argument("--max-source-size", type=int, default=640, help="the node's parameter (640)")
    parser.add_argument("--distorted", action="store_true", help="pictures of a wide lens, to be rectified")
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="run all measured processes before whatever else the machine does; takes the right to",
    )
    parser.add_argument("--json", help="file that gets all figures")
    arguments = parser.parse_args()
    for size in arguments.size or []:
        try:
            size_of(size)
        except ValueError:
            parser.error(f"--size is '{size}'; give WIDTHxHEIGHT, such as 640x480")
    return arguments


if __name__ == "__main__":
    main()
