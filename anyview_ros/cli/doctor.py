"""``anyview doctor``: what is wrong with cameras, calibration, depth and poses, before anyone blames the model."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from anyview_ros.cli.arguments import HelpFormatter, seconds
from anyview_ros.errors import ReadError

if TYPE_CHECKING:
    from anyview_ros.diagnosis import Evidence

_LIVE_S = 5.0
_EPILOG = """\
examples:
  anyview doctor --fixed-frame odom                                   # the live ROS graph
  anyview doctor recording.mcap --image /camera/color/image_raw
  anyview doctor recording/ --json
  anyview doctor episode_0000/

exit code: 0 nothing wrong, 1 warnings or errors, 2 could not look.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "doctor",
        help="say what is wrong with cameras, calibration, depth and poses, and what to do",
        description=(
            "Look at a live ROS graph, a bag or an episode, and say what would spoil synthesised views: pictures that "
            "stop or cannot be read, CameraInfo that is missing or does not fit, distortion, TF that is missing, "
            "stale or split, clocks that differ, optical frames whose z does not point forward, depth in the wrong "
            "unit or not aligned, QoS that cannot match, virtual cameras that wait. Where depth is there, pictures are "
            "carried into each other to test the poses: inverted ones, OpenGL axes and time offsets are recognised."
        ),
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "target",
        nargs="?",
        help="a bag (folder, .mcap, .db3) or an episode's folder; none: the live ROS graph",
    )
    parser.add_argument(
        "--image",
        metavar="TOPIC",
        default="",
        help="topic of the pictures, or camera of an episode (default: all)",
    )
    parser.add_argument(
        "--fixed-frame",
        metavar="FRAME",
        default="",
        help="TF frame that stands still, such as odom or base_link (default: the root of the camera's tree)",
    )
    parser.add_argument(
        "--duration",
        metavar="SECONDS",
        type=seconds,
        help=f"how long to look (default: {_LIVE_S:g} of a live graph, all of a bag or an episode)",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look, tell, and return 0 if nothing is wrong, 1 if something is.

    Raises:
        AnyViewError: the target cannot be looked at.
    """
    from anyview_ros.diagnosis import diagnose
    from anyview_ros.diagnosis.report import report_text

    diagnosis = diagnose(_evidence(arguments))
    if arguments.json:
        print(json.dumps(diagnosis.as_dict(), indent=2, ensure_ascii=False))
    else:
        print(report_text(diagnosis, colour=sys.stdout.isatty()))
    return 0 if diagnosis.is_fine else 1


def _evidence(arguments: argparse.Namespace) -> Evidence:
    from anyview_ros.offline.episodes import is_episode
    from anyview_ros.offline.inputs import is_bag

    target, image, fixed_frame = arguments.target, arguments.image, arguments.fixed_frame
    if target is None:
        return _live(image, fixed_frame, _LIVE_S if arguments.duration is None else arguments.duration)
    if is_episode(target):
        from anyview_ros.offline.episode_evidence import episode_evidence

        return episode_evidence(target, image=image, duration_s=arguments.duration)
    if is_bag(target):
        from anyview_ros.offline.bag_evidence import bag_evidence

        return bag_evidence(target, image=image, fixed_frame=fixed_frame, duration_s=arguments.duration)
    raise ReadError(
        f"{target} is neither a bag nor an episode; give a folder with metadata.yaml, an .mcap or .db3 file "
        "(of a recording without metadata.yaml, the file itself), or a folder with rgb/ and lowdim/"
    )


def _live(image: str, fixed_frame: str, duration_s: float) -> Evidence:
    try:
        from anyview_ros.nodes.graph_evidence import graph_evidence
    except ImportError as error:
        raise ReadError(
            f"looking at a live graph needs ROS 2 ({error}); source your workspace, or name a bag or an episode"
        ) from error
    return graph_evidence(image=image, fixed_frame=fixed_frame, duration_s=duration_s)
