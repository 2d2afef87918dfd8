"""The virtual camera node as it is, with a look at the clock where a frame enters its pipeline and its window.

``python -m benchmarks.support.timed_camera TIMES_FILE --ros-args …``. When it ends, it writes one row per image that
entered the window: its stamp and, on the monotonic clock, when its callback had it and when it was in the window;
nanoseconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from anyview_ros.clips import SlidingWindow
from anyview_ros.nodes.virtual_camera import main as run_node
from anyview_ros.nodes.virtual_camera.pipeline import FramePipeline
from benchmarks.support.times import TimesFile


def main() -> int:
    """Run the node until interrupted, then write the times."""
    times = TimesFile(Path(sys.argv.pop(1)))
    arrived: dict[int, int] = {}
    offer, add = FramePipeline.offer, SlidingWindow.add

    def timed_offer(pipeline: FramePipeline, arrival: Any) -> None:
        arrived[arrival.stamp_ns] = round(arrival.arrived_s * 1e9)
        offer(pipeline, arrival)

    def timed_add(
        window: SlidingWindow, frame: Any, camera: Any, pose: Any, stamp_ns: int, depth: Any = None
    ) -> Any:
        dropped = add(window, frame, camera, pose, stamp_ns, depth)
        if dropped is None:
            times.add(stamp_ns, arrived.pop(stamp_ns), time.monotonic_ns())
        return dropped

    FramePipeline.offer = timed_offer  # type: ignore[assignment,method-assign]
    SlidingWindow.add = timed_add  # type: ignore[assignment,method-assign]
    try:
        return run_node()
    finally:
        times.write()


if __name__ == "__main__":
    sys.exit(main())
