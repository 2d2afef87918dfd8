"""The table of checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from anyview_ros.diagnosis.checks.camera_info import check_camera_info
from anyview_ros.diagnosis.checks.connections import check_connections
from anyview_ros.diagnosis.checks.depth import check_depth
from anyview_ros.diagnosis.checks.depth_alignment import check_depth_alignment
from anyview_ros.diagnosis.checks.distortion import check_distortion
from anyview_ros.diagnosis.checks.images import check_images
from anyview_ros.diagnosis.checks.optical_frame import check_optical_frame
from anyview_ros.diagnosis.checks.poses import check_poses
from anyview_ros.diagnosis.checks.rate import check_rate
from anyview_ros.diagnosis.checks.stamps import check_stamps_set
from anyview_ros.diagnosis.checks.tf_time import check_tf_time
from anyview_ros.diagnosis.checks.tf_tree import check_tf_tree
from anyview_ros.diagnosis.checks.virtual_cameras import check_virtual_cameras
from anyview_ros.diagnosis.evidence import Evidence
from anyview_ros.diagnosis.finding import Diagnosis, Finding


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: the first part of its findings' names.
        about: one line for people.
        run: reads the evidence and yields findings; nothing where it does not apply.
    """

    name: str
    about: str
    run: Callable[[Evidence], Iterator[Finding]]


CHECKS = (
    Check("images", "pictures arrive, can be read, and keep their size", check_images),
    Check("rate", "the camera does not stop, stutter or leave gaps", check_rate),
    Check("stamps", "pictures are stamped, in order, by a clock that fits", check_stamps_set),
    Check("camera_info", "there is a calibration and it belongs to the pictures", check_camera_info),
    Check("distortion", "distortion is removed once, not twice or never", check_distortion),
    Check("tf", "the camera's frame hangs in one tree with the fixed frame", check_tf_tree),
    Check("tf_time", "transforms are there for the instants of the pictures", check_tf_time),
    Check("optical_frame", "z of the pictures' frame points forward", check_optical_frame),
    Check("depth", "depth is there, in the right unit, at the pictures' instants", check_depth),
    Check("depth_alignment", "depth lies on the pictures' pixels", check_depth_alignment),
    Check("poses", "one picture carried into another by its depth and the poses fits it", check_poses),
    Check("qos", "publishers and subscriptions match", check_connections),
    Check("virtual_cameras", "declared virtual cameras are published", check_virtual_cameras),
)


def diagnose(evidence: Evidence) -> Diagnosis:
    """Run every check."""
    return Diagnosis(evidence.target, tuple(finding for check in CHECKS for finding in check.run(evidence)))
