"""The small network on a live camera: views per second, how good and how steady they are, and where the time goes.

Run from a checkout: ``python -m benchmarks.small_stream``; no ROS. The simulated robot is filmed by its front camera,
and seen from its overhead one, frame by frame through a stream, in preview (one step), with depth images and without,
as by default and with the option ``one_depth``. Stages are told as parts of the processor time of one view, so that a
busy machine disturbs them less; those that are not named are the rest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np

from anyview_ros.cli.arguments import picture_size
from anyview_ros.clips import PosedClip
from anyview_ros.evaluation.machine import machine_line
from anyview_ros.evaluation.pictures import labelled
from anyview_ros.geometry import PinholeCamera
from anyview_ros.metrics import flicker, psnr_db
from anyview_ros.scenes import render_clip, simulated_robot
from anyview_ros.synthesis import load_synthesizer

_SESSION = "anyview_ros.methods.anyview_small.session"
_NETWORK = "anyview_ros.methods.anyview_small.network.SmallNetwork"
STAGES = {
    "encode the source frame": f"{_NETWORK}.encode",
    "decode the view": f"{_NETWORK}.decode",
    "splat the depth": f"{_SESSION}.splat",
    "make facets of the depth": f"{_SESSION}.DepthFacets.from_depth",
    "mix the candidates": f"{_SESSION}.mix",
}
KINDS = (
    ("with depth", True, False),
    ("with depth, one depth", True, True),
    ("without depth", False, False),
    ("without depth, one depth", False, True),
)
"""Name, whether there are depth images, and the option ``one_depth``."""


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    width, height = arguments.size
    camera = PinholeCamera.from_fov(width, height, horizontal_fov_deg=60.0)
    world, times = simulated_robot(0), np.arange(arguments.frames) / 10.0
    source = render_clip(world, camera, "front", times)
    truth = render_clip(world, camera, "overhead", times)
    lines = [machine_line(), f"{arguments.frames} frames of {width}x{height}, front to overhead"]
    middle = arguments.frames // 2
    panels = [("seen", source.frames[middle]), ("truth", truth.frames[middle])]
    for name, depth, one_depth in KINDS:
        views, wall_s, cpu_s = stream(source, truth, with_depth=depth, one_depth=one_depth)
        panels.append((f"SYNTHESISED {name}", views[middle]))
        found = flicker(views, truth.frames)
        assert found is not None  # noqa: S101 - there are several frames
        score = np.mean([psnr_db(view, true) for view, true in zip(views, truth.frames, strict=True)])
        lines.append(
            f"{name}: {1 / np.median(wall_s):.1f} views/s in the median, {1 / min(wall_s):.1f} at best; "
            f"{np.median(cpu_s) * 1e3:.1f} ms of processor time each; {score:.1f} dB whole frame; changes "
            f"{found.ratio:.2f} times as much as the truth"
        )
        with timed() as spent:
            _, _, cpu_s = stream(source, truth, with_depth=depth, one_depth=one_depth)
        total = sum(cpu_s)
        lines += [f"  {stage:<28}{spent[stage] / total:6.2f}" for stage in STAGES if spent[stage] > 0]
        lines.append(f"  {'the rest':<28}{1 - sum(spent.values()) / total:6.2f}")
    sys.stdout.write("\n".join(lines) + "\n")
    if arguments.sheet:
        shown = [labelled(picture, label) for label, picture in panels]
        rows = np.vstack([np.hstack(shown[::2]), np.hstack(shown[1::2])])
        cv2.imwrite(str(arguments.sheet), cv2.cvtColor(rows, cv2.COLOR_RGB2BGR))


def stream(
    source: PosedClip, target: PosedClip, *, with_depth: bool, one_depth: bool
) -> tuple[Any, list[float], list[float]]:
    """Views (T, H, W, 3) of every frame, and the wall and processor seconds of each, two frames of warm-up left out."""
    views, wall_s, cpu_s = [], [], []
    with closing(load_synthesizer("anyview_small", device="cpu")) as method:
        opened = method.open_stream(source.camera, [target.camera], options={"one_depth": one_depth})
        for index, stamp_ns in enumerate(source.stamps_ns):
            depth = source.depth[index] if with_depth and source.depth is not None else None
            began, used = time.perf_counter(), time.process_time()
            (view,) = opened.push(
                source.frames[index],
                source.camera_to_world[index],
                target_camera_to_world=[target.camera_to_world[index]],
                stamp_ns=int(stamp_ns) + 1,
                depth=depth,
            )
            wall_s.append(time.perf_counter() - began)
            cpu_s.append(time.process_time() - used)
            assert view is not None  # noqa: S101 - its pose was given
            views.append(view.frames[0])
    return np.stack(views), wall_s[2:], cpu_s[2:]


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Processor seconds spent in each stage."""
    spent: dict[str, float] = defaultdict(float)

    def watched(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            used = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                spent[stage] += time.process_time() - used

        return call

    with ExitStack() as stack:
        for stage, place in STAGES.items():
            owner, _, name = place.rpartition(".")
            patcher = mock.patch(place)
            original = getattr(patcher.getter(), name)
            stack.enter_context(mock.patch(f"{owner}.{name}", new=_bound(watched(stage, original), original)))
        yield spent


def _bound(watching: Callable[..., Any], original: Callable[..., Any]) -> Any:
    """A class method stays one that takes no further class; functions stay functions."""
    return staticmethod(watching) if hasattr(original, "__self__") else watching


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size", type=picture_size, default=(128, 96), help="of source and view, WIDTHxHEIGHT"
    )
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--sheet", type=Path, help="picture file that gets the instant in the middle")
    arguments = parser.parse_args()
    if arguments.frames < 5:
        parser.error("give 5 or more frames")
    return arguments


if __name__ == "__main__":
    main()
