"""Views of a recorded film from cameras that did not film it, with no ROS: ``anyview synthesize``."""

from anyview_ros.offline.synthesize.option_values import parse_options
from anyview_ros.offline.synthesize.pieces import RunSettings, plan_pieces
from anyview_ros.offline.synthesize.running import check_output, run
from anyview_ros.offline.synthesize.targets import FilmTarget, TargetWishes, frozen_index, plan_targets

__all__ = [
    "FilmTarget",
    "RunSettings",
    "TargetWishes",
    "check_output",
    "frozen_index",
    "parse_options",
    "plan_pieces",
    "plan_targets",
    "run",
]
