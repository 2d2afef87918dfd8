"""What is wrong with a camera, its calibration, its depth and its poses, before anyone blames the model.

Collectors (of a live graph, a bag, an episode) gather :class:`Evidence`; each check reads it and yields findings.
Nothing here knows ROS.
"""

from anyview_ros.diagnosis.checks import CHECKS, Check, diagnose
from anyview_ros.diagnosis.evidence import (
    CameraEvidence,
    Connection,
    DepthEvidence,
    Evidence,
    Origin,
    Picture,
    QosProfile,
    Stream,
    VirtualCamerasState,
    VirtualCameraState,
)
from anyview_ros.diagnosis.finding import Diagnosis, Finding, Severity
from anyview_ros.diagnosis.transforms import Edge, TransformTree

__all__ = [
    "CHECKS",
    "CameraEvidence",
    "Check",
    "Connection",
    "DepthEvidence",
    "Diagnosis",
    "Edge",
    "Evidence",
    "Finding",
    "Origin",
    "Picture",
    "QosProfile",
    "Severity",
    "Stream",
    "TransformTree",
    "VirtualCameraState",
    "VirtualCamerasState",
    "diagnose",
]
