"""How long one view by reprojection takes, where the time goes, and what the hole filling is worth.

Run from a checkout: ``python -m benchmarks.reprojection``. One thread is used; times are CPU times of that thread, so
that a busy machine disturbs them less.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import cv2
import numpy as np

from anyview_ros.clips import PosedClip
from anyview_ros.evaluation.machine import machine_line
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at
from anyview_ros.geometry.assumed_depth import plane_depth
from anyview_ros.geometry.facet_drawing import draw_facets
from anyview_ros.geometry.facets import DepthFacets
from anyview_ros.geometry.hole_filling import fill_confidence, fill_holes
from anyview_ros.geometry.pixel_transfer import PixelTransfer
from anyview_ros.geometry.warp import forward_warp
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.synthesis import SynthesisRequest


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    cv2.setNumThreads(1)
    camera = PinholeCamera.from_fov(arguments.width, arguments.height, horizontal_fov_deg=65)
    clip, target = _table_with_boxes(camera), CameraTrajectory(camera, _TARGET[None])
    method, request = Reprojection(), SynthesisRequest((clip,), (target,))
    view_ms = _measure(lambda: method.synthesize(request), arguments.repeats)
    view = method.synthesize(request).views[0]
    best_ms, median_ms = min(view_ms), statistics.median(view_ms)
    seen = np.mean(view.confidence > 0.5)
    lines = [
        f"{machine_line()}; OpenCV {cv2.__version__}",
        f"view: {arguments.width}x{arguments.height}, {seen:.0%} of it seen, holes filled",
        f"one view: {best_ms:.1f} ms at best, {median_ms:.1f} ms in the median of {arguments.repeats}",
        "stages, as parts of one view:",
    ]
    for name, stage_ms in _stages(clip, camera, arguments.repeats).items():
        lines.append(f"  {name:<44}{min(stage_ms) / best_ms:6.2f}")
    sys.stdout.write("\n".join(lines) + "\n")


_SOURCE = look_at((0.75, -0.5, 0.7), (0.0, 0.0, 0.05))
_TARGET = look_at((0.6, -0.75, 0.8), (0.0, 0.0, 0.05))


def _table_with_boxes(camera: PinholeCamera) -> PosedClip:
    """A textured table and, to occlude it, upright boards facing the camera."""
    depth = plane_depth(camera, _SOURCE, (0, 0, 0), (0, 0, 1))
    depth[(depth == 0) | (depth > 3)] = 3
    rows, columns = np.indices(depth.shape)
    for index in range(6):
        left, top = int(camera.width * (0.1 + 0.14 * index)), int(camera.height * (0.25 + 0.08 * index))
        board = (columns > left) & (columns < left + camera.width // 14)
        board &= (rows > top) & (rows < top + camera.height // 4)
        depth[board] = np.minimum(depth[board], 0.55 + 0.04 * index)
    noise = np.random.default_rng(0).integers(
        0, 256, (camera.height // 4 + 1, camera.width // 4 + 1, 3), np.uint8
    )
    image = cv2.resize(noise, camera.size, interpolation=cv2.INTER_CUBIC)
    return PosedClip(
        np.asarray(image, np.uint8)[None], camera, _SOURCE[None], np.array([0], np.int64), depth[None]
    )


def _stages(clip: PosedClip, camera: PinholeCamera, repeats: int) -> dict[str, list[float]]:
    assert clip.depth is not None  # noqa: S101 - made so above
    image, depth = clip.frames[0], clip.depth[0]
    facets = DepthFacets.from_depth(depth)
    transfer = PixelTransfer.between(camera, _SOURCE, camera, _TARGET)
    warped = forward_warp(image, facets, camera, _SOURCE, camera, _TARGET)
    holes = (~warped.coverage).astype(np.uint8)
    stages: dict[str, Callable[[], object]] = {
        "facets from depth (once per source frame)": lambda: DepthFacets.from_depth(depth),
        "drawing facets": lambda: draw_facets(facets, transfer, camera.width, camera.height),
        "drawing facets and sampling colours": lambda: forward_warp(
            image, facets, camera, _SOURCE, camera, _TARGET
        ),
        "filling holes": lambda: fill_holes(warped.image, warped.coverage, warped.depth),
        "confidence of the holes": lambda: fill_confidence(warped.coverage, warped.stretch),
        "(not used: the same holes by cv2.inpaint)": lambda: cv2.inpaint(
            warped.image, holes, 3, cv2.INPAINT_TELEA
        ),
    }
    return {name: _measure(stage, repeats) for name, stage in stages.items()}


def _measure(work: Callable[[], object], repeats: int) -> list[float]:
    """CPU milliseconds of each repeat, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        work()
        times.append(1e3 * (time.thread_time() - start))
    return times


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--width", type=int, default=640, help="pixels of source and view")
    parser.add_argument("--height", type=int, default=480, help="pixels of source and view")
    parser.add_argument("--repeats", type=int, default=20, help="how often each thing is measured")
    return parser.parse_args()


if __name__ == "__main__":
    main()
