"""``anyview demo``: the whole graph on a simulated robot or a real recording, observed and reported."""

from __future__ import annotations

import argparse
import importlib
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.cli.arguments import HelpFormatter, add_device, seconds
from anyview_ros.cli.demo_plans import DemoPlan, plan_demo
from anyview_ros.cli.processes import GraphError, ProcessGroup
from anyview_ros.messages import time_to_ns
from anyview_ros.wording import noun_of

if TYPE_CHECKING:
    from anyview_ros.nodes.observer import Observer

_VIRTUAL_CAMERA_NAMESPACE = "/anyview"
_PATIENCE_S = 90.0  # without any news while the graph starts
_EPILOG = """\
inputs:
  robot                a simulated arm (the default)
  motorcycle, people   real samples; motorcycle needs scikit-image, people its folder by --samples
  a bag                a folder with metadata.yaml, an .mcap or a .db3 file
  a video              with a ROS calibration YAML beside it, or by --calibration
  a stereo pair        a Middlebury folder

examples:
  anyview demo
  anyview demo --input drive.mcap --method reprojection --duration 60 --output drive_demo

exit code: 0 every virtual camera was seen, 1 one was not, 2 the graph could not run.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "demo",
        help="run the whole graph on a simulated robot or a real recording and report what came out",
        description=(
            "Start a camera (simulated robot, bag, calibrated video or stereo pair), a synthesis_server and a "
            "virtual_camera as processes of their own, observe the synthesised views for a while, and write a report: "
            "report.json, report.html, PNGs and one mp4 per virtual camera. Needs ROS 2."
        ),
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "--input", default="robot", help="what the source camera shows, see below (default: robot)"
    )
    parser.add_argument(
        "--calibration",
        default="",
        metavar="FILE",
        help="ROS calibration YAML of a video (default: the file beside it)",
    )
    parser.add_argument("--samples", default="", metavar="DIR", help="folder with the unpacked people sample")
    parser.add_argument(
        "--method", default="", help="one that `anyview methods` lists (default: the package's)"
    )
    add_device(parser)
    parser.add_argument(
        "--duration", type=seconds, default=20.0, metavar="SECONDS", help="how long to observe (default: 20)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("demo_out"),
        metavar="DIR",
        help="folder of the report (default: demo_out)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 if every virtual camera was seen."""
    plan = plan_demo(arguments)
    _check_ros()
    output: Path = arguments.output
    environment = _environment()
    os.environ.update(environment)
    say = _Narrator()
    say(f"demo: {plan.title}; ROS_DOMAIN_ID {environment['ROS_DOMAIN_ID']}, logs in {output / 'logs'}")
    with ProcessGroup(output / "logs", environment=environment) as processes:
        for name, module, parameters in plan.processes(output):
            say(f"starting {name}")
            processes.start_module(name, module, parameters)
        summary = _observe(plan, arguments.duration, output, processes, say)
    return _conclude(summary, plan, output, say)


class _Narrator:
    """Prints what happens, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"[{time.monotonic() - self._began:6.1f} s] {line}", flush=True)


def _check_ros() -> None:
    """See that ROS and our interfaces can be imported, before anything is started.

    Raises:
        GraphError: one of them is missing.
    """
    try:
        importlib.import_module("rclpy")
        importlib.import_module("anyview_ros.msg")
    except ImportError as error:
        raise GraphError(
            f"the demo needs ROS 2 and the built package ({error}); "
            "run `make demo` in a checkout, or source your workspace"
        ) from error


def _environment() -> dict[str, str]:
    """That of this process, in a ROS domain of its own on this machine."""
    environment = dict(os.environ)
    environment.setdefault("ROS_DOMAIN_ID", str(random.randrange(1, 102)))  # noqa: S311 - no secret
    environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    environment["PYTHONUNBUFFERED"] = "1"
    # Processes that share few cores: one thread of torch each, and none that spins while it waits.
    environment.setdefault("OMP_NUM_THREADS", "1")
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return environment


def _observe(
    plan: DemoPlan, duration_s: float, output: Path, processes: ProcessGroup, say: Callable[[str], None]
) -> dict[str, Any]:
    import rclpy

    from anyview_ros.nodes.observer import Observer

    rclpy.init(args=["--ros-args", "-p", f"use_sim_time:={'true' if plan.sim_time else 'false'}"])
    observer = Observer(plan.cameras, plan.topics(_VIRTUAL_CAMERA_NAMESPACE), fixed_frame=plan.fixed_frame)
    try:
        _wait_for_views(observer, plan, processes, say)
        observer.restart()
        before = observer.status
        _spin(observer, duration_s, processes, say)
        return _report(observer, before, plan, output, say)
    finally:
        observer.destroy_node()
        rclpy.try_shutdown()


def _wait_for_views(
    observer: Observer, plan: DemoPlan, processes: ProcessGroup, say: Callable[[str], None]
) -> None:
    """Spin until every virtual camera has been seen once, telling why not in the meantime."""
    import rclpy

    deadline = time.monotonic() + _PATIENCE_S
    last = ""
    while not all(observer.samples[name] for name in plan.cameras):
        rclpy.spin_once(observer, timeout_sec=0.2)
        processes.check()
        reason = _progress_of(processes, plan) or (
            observer.status.summary if observer.status is not None else "waiting for virtual_camera"
        )
        if reason != last:
            say(reason)
            last = reason
            deadline = time.monotonic() + _PATIENCE_S
        if time.monotonic() > deadline:
            missing = [name for name in plan.cameras if not observer.samples[name]]
            raise GraphError(
                f"no view of {', '.join(missing)}, and nothing new for {_PATIENCE_S:.0f} s; "
                f"virtual_camera says: {reason}; logs are in {processes.log('virtual_camera').parent}"
            )


def _progress_of(processes: ProcessGroup, plan: DemoPlan) -> str:
    """The last line of progress of the process that makes the pictures, while it prepares them."""
    lines = processes.log(plan.source_process).read_text(errors="replace").splitlines()
    return lines[-1].rpartition("]: ")[2] if lines and "rendered" in lines[-1] else ""


def _spin(observer: Observer, duration_s: float, processes: ProcessGroup, say: Callable[[str], None]) -> None:
    import rclpy

    say(f"all virtual cameras are seen; observing for {duration_s:.0f} s")
    told = 0.0
    while observer.elapsed_s < duration_s:
        rclpy.spin_once(observer, timeout_sec=0.1)
        if observer.elapsed_s - told >= 5:
            told = observer.elapsed_s
            processes.check()
            say(
                "views so far: " + ", ".join(f"{name} {len(kept)}" for name, kept in observer.samples.items())
            )


def counted(before: Any, after: Any) -> tuple[int, dict[str, int], dict[str, int]]:
    """Frames received, frames dropped by reason, and views published by camera, from one Status to a later one.

    ``before`` is None where counting begins with the node.
    """
    drops = dict(zip(after.drop_reasons, after.drop_counts, strict=True))
    views = {camera.name: camera.published for camera in after.cameras}
    if before is None:
        return after.frames_received, drops, views
    drops_before = dict(zip(before.drop_reasons, before.drop_counts, strict=True))
    views_before = {camera.name: camera.published for camera in before.cameras}
    since = {reason: count - drops_before.get(reason, 0) for reason, count in drops.items()}
    return (
        after.frames_received - before.frames_received,
        {reason: count for reason, count in since.items() if count},
        {name: count - views_before.get(name, 0) for name, count in views.items()},
    )


def _seconds_between(before: Any, after: Any) -> float:
    """Between two Status messages; 0 where there is no first."""
    if before is None:
        return 0.0
    return (time_to_ns(after.header.stamp) - time_to_ns(before.header.stamp)) / 1e9


def _report(
    observer: Observer, before: Any, plan: DemoPlan, output: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    from anyview_ros.evaluation.live_report import LiveRun, write_live_report

    status, provenance = observer.status, observer.provenance
    if status is None or provenance is None:
        raise GraphError("virtual_camera published neither status nor provenance; see its log")
    say("scoring views and writing the report")
    frames_in, drops, views = counted(before, status)
    live = LiveRun(
        method=provenance.method,
        distro=os.environ.get("ROS_DISTRO", "unknown"),
        input=plan.title,
        duration_s=observer.elapsed_s,
        counted_s=_seconds_between(before, status) or observer.elapsed_s,
        frames_in=frames_in,
        drops=drops,
        samples=observer.samples,
        views_published=views,
        rate_hz=plan.rate_hz,
        provenance={
            "weights_hash": provenance.weights_hash,
            "seed": provenance.seed,
            "steps": provenance.steps,
            "server": provenance.server,
        },
        attribution=plan.attribution,
        notes=[*plan.notes, *sorted(observer.problems)],
    )
    return write_live_report(live, output, report=say)


def _conclude(summary: dict[str, Any], plan: DemoPlan, output: Path, say: Callable[[str], None]) -> int:
    for name in plan.cameras:
        views = summary["views_observed"][name]
        say(f"{name}: {views} {noun_of(views, 'view')} observed{_score_line(summary['scores'].get(name))}")
        say(_continuity_line(name, summary["continuity"][name]))
    age = summary["age_ms"]
    if age["p50"] is not None:
        say(f"age of a view when it arrives: median {age['p50']:.0f} ms, 99 % below {age['p99']:.0f} ms")
    say(f"report: {output / 'report.html'} (pictures marked SYNTHESISED were computed, not seen)")
    return 0 if all(summary["views_observed"][name] for name in plan.cameras) else 1


def _continuity_line(name: str, found: dict[str, Any]) -> str:
    flicker = (
        "" if found["flicker"] is None else f"; changes {found['flicker']:.2f} times as much as the truth"
    )
    return f"{name}: {found['kept_hz']:.1f} of {found['asked_hz']:g} views per second{flicker}"


def _score_line(score: dict[str, Any] | None) -> str:
    if score is None:
        return "; no truth to compare with"
    if score["gain_db_co_visible"] is None:
        synthesised, copied = score["synthesised"]["psnr_db"], score["copy_source"]["psnr_db"]
        return f"; whole frame {synthesised:.1f} dB (copy-source {copied:.1f} dB)"
    return (
        f"; {score['synthesised_co_visible']['psnr_db']:.1f} dB on the {score['coverage']:.0%} that is co-visible, "
        f"{score['gain_db_co_visible']:+.1f} dB against copy-source"
    )
