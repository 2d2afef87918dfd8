"""One engine under load: what a further target costs, who is served, and how soon a dead method is replaced.

Run from a checkout: ``python -m benchmarks.engine_load``; no ROS. Told are

- targets: a stream's frame with 1 to 4 targets; what one more target adds, and what is left for the source;
- streams: clients who each push frames at the camera's rate, more than the engine can serve; views served to each;
- requests: one client who floods the queue beside others who ask one after another; answers to each, and the queue;
- child process: a stream's frame with the method in this process and in one of its own, and after a SIGKILL of it the
  time until the next view.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anyview_ros.cli.arguments import picture_size
from anyview_ros.clips import PosedClip
from anyview_ros.errors import EngineBusyError, SynthesisError
from anyview_ros.evaluation.machine import machine, machine_line
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.scenes import render_clip, simulated_robot
from anyview_ros.synthesis import SynthesisRequest, load_synthesizer
from anyview_ros.synthesis.child_process import ChildSynthesizer
from anyview_ros.synthesis.client import StreamFrame, StreamOutcome, StreamSpec
from anyview_ros.synthesis.engine import Engine
from benchmarks.support.progress import Progress

FAIR = 1.5
_CAMERA_HZ = 30.0
_PERIOD_NS = round(1e9 / _CAMERA_HZ)
_MOST_TARGETS = 4


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    width, height = arguments.size
    camera = PinholeCamera.from_fov(width, height, horizontal_fov_deg=65.0)
    clip = render_clip(simulated_robot(0), camera, "front", np.arange(4) / _CAMERA_HZ)
    poses = _beside(clip.camera_to_world[0])
    progress = Progress(4)
    lines, figures = [machine_line(), f"{arguments.method}, {width}x{height}"], {}
    for name, measure in (
        ("targets", lambda: targets(arguments.method, clip, poses, arguments.repeats)),
        ("streams", lambda: streams(arguments.method, clip, poses, arguments.clients, arguments.seconds)),
        ("requests", lambda: requests(arguments.method, clip, poses, arguments.clients, arguments.seconds)),
        ("child_process", lambda: child_process(arguments.method, clip, poses, arguments.repeats)),
    ):
        progress.step(name)
        figures[name], told = measure()
        lines += [f"{name}:", *(f"  {line}" for line in told)]
    progress.end()
    sys.stdout.write("\n".join(lines) + "\n")
    if arguments.json:
        told_all = {"machine": machine(), "method": arguments.method, "size": [width, height], **figures}
        Path(arguments.json).write_text(json.dumps(told_all, indent=1), encoding="utf-8")


def targets(
    method: str, clip: PosedClip, poses: Sequence[Any], repeats: int
) -> tuple[dict[str, Any], list[str]]:
    """Least time of a stream's frame by number of targets."""
    best = {}
    with closing(load_synthesizer(method)) as loaded:
        for count in range(1, _MOST_TARGETS + 1):
            stream = loaded.open_stream(clip.camera, [clip.camera] * count)
            best[count] = min(_push_times_ms(stream.push, clip, poses[:count], repeats))
            stream.close()
    further = (best[_MOST_TARGETS] - best[1]) / (_MOST_TARGETS - 1)
    figures = {"best_ms": best, "further_target_ms": further, "source_ms": best[1] - further}
    return figures, [
        "; ".join(f"{count}: {value:.1f} ms" for count, value in best.items()),
        (
            f"a further target {further:.1f} ms, {further / best[1]:.2f} of a frame with one; the source, once, "
            f"{best[1] - further:.1f} ms"
        ),
    ]


def _count_served(served: Counter[int], client: int, outcome: StreamOutcome) -> None:
    if outcome.views:
        served[client] += 1


def streams(
    method: str, clip: PosedClip, poses: Sequence[Any], clients: int, seconds: float
) -> tuple[dict[str, Any], list[str]]:
    """Views served to clients who all push more than can be served."""
    served: Counter[int] = Counter()
    with Engine(lambda: load_synthesizer(method), max_streams=clients) as engine:
        handles = [
            engine.open_stream(
                StreamSpec(clip.camera, {"view": clip.camera}, source_has_depth=True, client=str(index)),
                partial(_count_served, served, index),
            )
            for index in range(clients)
        ]
        most_pending, number, until = 0, 0, time.monotonic() + seconds
        while time.monotonic() < until:
            number += 1
            for handle in handles:
                handle.push(_frame(clip, number, poses[0]))
            most_pending = max(most_pending, engine.statistics().frames_pending)
            time.sleep(1 / _CAMERA_HZ)
        counted = engine.statistics()
    counts = [served[index] for index in range(clients)]
    ratio = max(counts) / max(min(counts), 1)
    figures = {
        "served": counts, "ratio": ratio, "most_pending": most_pending,
        "dropped": dict(counted.frames_dropped), "received": counted.frames_received,
    }  # fmt: skip
    return figures, [
        (
            f"{clients} clients at {_CAMERA_HZ:g} Hz for {seconds:g} s: served {counts}, "
            f"max/min {ratio:.2f} (bar {FAIR:g}: {'kept' if ratio <= FAIR else 'MISSED'})"
        ),
        f"{sum(counts) / seconds:.1f} views/s in all; at most {most_pending} frames waited or ran",
    ]


def requests(
    method: str, clip: PosedClip, poses: Sequence[Any], clients: int, seconds: float
) -> tuple[dict[str, Any], list[str]]:
    """Answers to patient clients beside one that floods the queue."""
    answered: Counter[str] = Counter()
    refused, most_queued = 0, 0
    target = CameraTrajectory(clip.camera, poses[0][None], clip.stamps_ns[-1:])
    request = SynthesisRequest((clip,), (target,))
    stop = threading.Event()

    def ask_one_after_another(engine: Engine, name: str) -> None:
        while not stop.is_set():
            engine.submit(request, client=name).future.result(60)
            answered[name] += 1

    with Engine(lambda: load_synthesizer(method), max_queue=16) as engine:
        patient = [f"patient {index}" for index in range(clients - 1)]
        threads = [threading.Thread(target=ask_one_after_another, args=(engine, name)) for name in patient]
        for thread in threads:
            thread.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                job = engine.submit(request, client="flood")
                job.future.add_done_callback(lambda _: answered.update(["flood"]))
            except EngineBusyError:
                refused += 1
                time.sleep(0.005)
            most_queued = max(most_queued, engine.statistics().queued)
        counts = {name: answered[name] for name in [*patient, "flood"]}
        stop.set()
        for thread in threads:
            thread.join()
    ratio = max(counts.values()) / max(min(counts.values()), 1)
    figures = {"answered": counts, "ratio": ratio, "refused": refused, "most_queued": most_queued}
    return figures, [
        f"{counts}; max/min {ratio:.2f} (bar {FAIR:g}: {'kept' if ratio <= FAIR else 'MISSED'})",
        f"at most {most_queued} waited (limit 16); {refused} of the flood refused",
    ]


def child_process(
    method: str, clip: PosedClip, poses: Sequence[Any], repeats: int
) -> tuple[dict[str, Any], list[str]]:
    """What a process of its own costs, and how long its replacement takes."""
    with closing(load_synthesizer(method)) as own:
        here_ms = min(
            _push_times_ms(own.open_stream(clip.camera, [clip.camera]).push, clip, poses[:1], repeats)
        )
    began = time.monotonic()
    child = ChildSynthesizer(method)
    load_s = time.monotonic() - began
    stream = child.open_stream(clip.camera, [clip.camera])
    there_ms = min(_push_times_ms(stream.push, clip, poses[:1], repeats))
    os.kill(child.process_id, signal.SIGKILL)
    killed, number, told_s = time.monotonic(), 1000, 0.0
    while True:
        number += 1
        try:
            _push(stream.push, clip, number, poses[:1])
            break
        except SynthesisError:
            told_s = time.monotonic() - killed
    replaced_s = time.monotonic() - killed
    child.close()
    figures = {
        "here_ms": here_ms,
        "child_ms": there_ms,
        "load_s": load_s,
        "told_s": told_s,
        "replaced_s": replaced_s,
    }
    return figures, [
        f"a frame {here_ms:.1f} ms here, {there_ms:.1f} ms in a child: {there_ms / here_ms:.2f} times",
        f"after SIGKILL: told in {told_s * 1e3:.0f} ms, next view after {replaced_s:.1f} s (first load {load_s:.1f} s)",
    ]


def _push_times_ms(
    push: Callable[..., Any], clip: PosedClip, poses: Sequence[Any], repeats: int
) -> list[float]:
    times = []
    for number in range(1, repeats + 3):
        began = time.perf_counter()
        _push(push, clip, number, poses)
        times.append((time.perf_counter() - began) * 1e3)
    return times[2:]


def _push(push: Callable[..., Any], clip: PosedClip, number: int, poses: Sequence[Any]) -> None:
    frame = _frame(clip, number, poses[0])
    push(
        frame.frame, frame.camera_to_world,
        target_camera_to_world=list(poses), stamp_ns=frame.stamp_ns, depth=frame.depth,
    )  # fmt: skip


def _frame(clip: PosedClip, number: int, pose: Any) -> StreamFrame:
    index = number % len(clip)
    depth = None if clip.depth is None else clip.depth[index]
    return StreamFrame(
        clip.frames[index], clip.camera_to_world[index], number * _PERIOD_NS, {"view": pose}, depth
    )


def _beside(pose: Any) -> list[Any]:
    beside = []
    for index in range(_MOST_TARGETS):
        shifted = pose.copy()
        shifted[:3, 3] += pose[:3, 0] * 0.05 * (index + 1)
        beside.append(shifted)
    return beside


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--method", default="anyview_small")
    parser.add_argument(
        "--size", type=picture_size, default=(128, 96), help="of source and views, WIDTHxHEIGHT"
    )
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", help="file for all figures")
    arguments = parser.parse_args()
    if arguments.clients < 2 or arguments.repeats < 1:
        parser.error("give 2 or more clients and 1 or more repeats")
    return arguments


if __name__ == "__main__":
    main()
