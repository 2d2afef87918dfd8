"""No image lost, no memory gained: a camera at 30 Hz for a minute, counted from the camera to the window.

Run from a checkout: ``tools/with_ros python -m benchmarks.live_stream``, which also chooses the Fast DDS profile that
large images need. A process replays frames with CameraInfo and TF; the virtual camera node fills a window at the
camera's rate, in which nothing is thinned out, and nobody subscribes a view unless ``--view``. Told are

- frames: sent, received, entered into the window, still on their way, dropped by reason, as the topic ``status`` says;
- the window: its frames, its bytes as the diagnostics say, and what those frames weigh (height x width x 3);
- memory of the node's process over time, private pages only, and how fast it grows in the second half of the run. The
  node's cache of TF fills for 30 s; the times that this benchmark keeps in the process are about 5 kB/s.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile

from anyview_ros.cli.arguments import picture_size
from anyview_ros.evaluation.machine import machine, machine_line
from anyview_ros.msg import Status
from benchmarks.support.processes import NAMESPACE, Watched, watched
from benchmarks.support.progress import Progress

WEIGHT_BAR = 1.2
_SETTLED_S = 3.0  # after the last image was sent
_PATIENCE_S = 60.0


class Observer:
    """Listens to what the node says of itself, in a thread of its own.

    Attributes:
        status: the newest message; None before the first.
        window_bytes: of the newest diagnostics; 0 before the first.
    """

    def __init__(self) -> None:
        self.status: Any = None
        self.window_bytes = 0
        self._node = rclpy.create_node("observer", namespace=NAMESPACE)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._node.create_subscription(Status, "status", self._keep, latched)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._read, 10)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._executor.spin)
        self._thread.start()

    def _keep(self, status: Any) -> None:
        self.status = status

    def _read(self, array: Any) -> None:
        for status in array.status:
            for entry in status.values:
                if entry.key == "window bytes":
                    self.window_bytes = int(entry.value)

    def close(self) -> None:
        """End the thread."""
        self._executor.shutdown()
        self._thread.join()
        self._node.destroy_node()


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    width, height = arguments.size
    count = round(arguments.seconds * arguments.rate_hz)
    lines = [machine_line(), f"Fast DDS profile: {_profile()}"]
    rclpy.init()
    with ExitStack() as stack:
        stack.callback(rclpy.try_shutdown)
        observer = Observer()
        stack.callback(observer.close)
        node = stack.enter_context(_camera(arguments))
        if arguments.view:
            stack.enter_context(watched("benchmarks.support.view_subscriber", "overhead/image"))
        _wait_until_active(observer, node)
        replay = ["--size", f"{width}x{height}", "--rate-hz", str(arguments.rate_hz), "--count", str(count)]
        with watched("benchmarks.support.replay", *replay) as camera:
            samples = _sample(observer, node, camera, arguments)
            status, window_bytes = observer.status, observer.window_bytes
        figures = _figures(len(camera.rows), status, window_bytes, samples, arguments)
    lines += _told(figures, arguments)
    sys.stdout.write("\n".join(lines) + "\n")
    if arguments.json:
        told = {"machine": machine(), "profile": _profile(), "results": figures}
        Path(arguments.json).write_text(json.dumps(told, indent=1), encoding="utf-8")


def _camera(arguments: argparse.Namespace) -> Any:
    parameters: dict[str, object] = {
        "autostart": "true",
        "engine": "local",
        "method": "copy_source",
        "fixed_frame": "base",
        "virtual_cameras": "[overhead]",
        "overhead.rate_hz": 5.0,
        "window.rate_hz": arguments.rate_hz,
        "window.length_s": arguments.window_s,
        "max_source_size": max(arguments.size),
    }
    return watched("benchmarks.support.timed_camera", parameters=parameters)


def _profile() -> str:
    names = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
    return next((Path(os.environ[name]).name for name in names if os.environ.get(name)), "none")


def _wait_until_active(observer: Observer, node: Watched) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while observer.status is None or observer.status.window_capacity == 0:
        node.check()
        if time.monotonic() > deadline_s:
            message = f"the node is not active after {_PATIENCE_S:g} s; its last status: {observer.status}"
            raise TimeoutError(message)
        time.sleep(0.1)


def _sample(
    observer: Observer, node: Watched, camera: Watched, arguments: argparse.Namespace
) -> list[dict[str, float]]:
    """Look at the node once a second, from before the first image until all have settled."""
    samples: list[dict[str, float]] = []
    whole_s = arguments.seconds + _SETTLED_S
    progress = Progress(math.ceil(whole_s))
    begun_s: float | None = None
    deadline_s = time.monotonic() + _PATIENCE_S
    while begun_s is None or time.monotonic() - begun_s < whole_s:
        camera.check()
        status = observer.status
        if begun_s is None and status.frames_received:
            begun_s = time.monotonic()
        if begun_s is None and time.monotonic() > deadline_s:
            message = f"no image has reached the node within {_PATIENCE_S:g} s; it says: {status.summary}"
            raise TimeoutError(message)
        if begun_s is not None:
            progress.step(f"{status.frames_received} frames received, {status.window_frames} in the window")
            samples.append(
                {
                    "second": time.monotonic() - begun_s,
                    "private_bytes": node.private_bytes(),
                    "rss_bytes": node.rss_bytes(),
                    "window_frames": status.window_frames,
                    "window_bytes": observer.window_bytes,
                }
            )
        time.sleep(1.0 if begun_s is not None else 0.1)
    progress.end()
    return samples


def _figures(
    sent: int,
    status: Any,
    window_bytes: int,
    samples: list[dict[str, float]],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    width, height = arguments.size
    full = [sample for sample in samples if sample["second"] > 2 * arguments.window_s + 2]
    weight = status.window_frames * width * height * 3
    later = [sample for sample in samples if sample["second"] > max(arguments.seconds / 2, full[0]["second"])]
    slope = float(np.polyfit(_of(later, "second"), _of(later, "private_bytes"), 1)[0])
    return {
        "sent": sent,
        "received": status.frames_received,
        "pushed": status.frames_pushed,
        "held": status.frames_held,
        "dropped": dict(zip(status.drop_reasons, status.drop_counts, strict=True)),
        "window_frames": status.window_frames,
        "window_bytes": window_bytes,
        "window_weight_ratio": window_bytes / weight if weight else math.nan,
        "window_bytes_while_full": [min(_of(full, "window_bytes")), max(_of(full, "window_bytes"))],
        "private_bytes_first": _of(samples, "private_bytes")[0],
        "private_bytes_while_full": [min(_of(full, "private_bytes")), max(_of(full, "private_bytes"))],
        "private_bytes_growth_per_s": slope,
        "samples": samples,
    }


def _of(samples: list[dict[str, float]], name: str) -> list[float]:
    return [sample[name] for sample in samples]


def _told(figures: dict[str, Any], arguments: argparse.Namespace) -> list[str]:
    width, height = arguments.size
    accounted = figures["pushed"] + figures["held"] + sum(figures["dropped"].values())
    dropped = ", ".join(f"{count} {reason}" for reason, count in figures["dropped"].items()) or "none"
    low, high = figures["private_bytes_while_full"]
    least, most = figures["window_bytes_while_full"]
    lines = [f"{width}x{height} at {arguments.rate_hz:g} Hz for {arguments.seconds:g} s:"]
    lines.append(
        f"  {figures['sent']} sent, {figures['received']} received, {figures['pushed']} into the window, "
        f"{figures['held']} held; dropped: {dropped}"
    )
    lines.append(
        f"  lost before the window: {figures['sent'] - figures['pushed']}; "
        f"received but not accounted for: {figures['received'] - accounted}"
    )
    lines.append(
        f"  window: {figures['window_frames']} frames, {least / 1e6:.1f} to {most / 1e6:.1f} MB while full, "
        f"{figures['window_weight_ratio']:.3f} times what they weigh (bar {WEIGHT_BAR:g})"
    )
    lines.append(
        f"  private memory of the process: {figures['private_bytes_first'] / 1e6:.0f} MB with the first image, "
        f"{low / 1e6:.1f} to {high / 1e6:.1f} MB while the window is full, "
        f"growing by {figures['private_bytes_growth_per_s'] / 1e3:+.1f} kB/s in the second half"
    )
    return lines


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size", type=picture_size, default=(640, 480), help="pixels, WIDTHxHEIGHT (640x480)"
    )
    parser.add_argument("--rate-hz", type=float, default=30.0, help="of the camera and of the window (30)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of images (60)")
    parser.add_argument("--window-s", type=float, default=2.0, help="seconds that the window holds (2)")
    parser.add_argument("--view", action="store_true", help="subscribe a view of copy_source at 5 Hz as well")
    parser.add_argument("--json", help="file that gets all figures")
    arguments = parser.parse_args()
    if arguments.seconds < 4 * arguments.window_s + 4:
        parser.error(
            f"--seconds is {arguments.seconds:g}; give at least {4 * arguments.window_s + 4:g}, so that the window "
            "is full for a while"
        )
    return arguments


if __name__ == "__main__":
    main()
