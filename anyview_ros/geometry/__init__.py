"""Cameras, rigid transforms, rays and trajectories."""

from anyview_ros.geometry.camera import PinholeCamera
from anyview_ros.geometry.distortion import DistortedCamera
from anyview_ros.geometry.letterbox import Letterbox, letterbox
from anyview_ros.geometry.rays import pixel_grid, plucker_rays, ray_directions
from anyview_ros.geometry.rigid import (
    BODY_FROM_OPTICAL,
    RigidTransform,
    check_pose,
    check_rigid,
    interpolate_poses,
    invert_rigid,
    matrix_from_quaternion,
    opencv_to_opengl,
    opengl_to_opencv,
    quaternion_from_matrix,
    relative,
    rotation_angle_deg,
)
from anyview_ros.geometry.stamps import check_stamps
from anyview_ros.geometry.trajectory import (
    CameraTrajectory,
    arc,
    in_frame,
    look_at,
    look_at_path,
    orbit,
    perturbed,
    static,
)

__all__ = [
    "BODY_FROM_OPTICAL",
    "CameraTrajectory",
    "DistortedCamera",
    "Letterbox",
    "PinholeCamera",
    "RigidTransform",
    "arc",
    "check_pose",
    "check_rigid",
    "check_stamps",
    "in_frame",
    "interpolate_poses",
    "invert_rigid",
    "letterbox",
    "look_at",
    "look_at_path",
    "matrix_from_quaternion",
    "opencv_to_opengl",
    "opengl_to_opencv",
    "orbit",
    "perturbed",
    "pixel_grid",
    "plucker_rays",
    "quaternion_from_matrix",
    "ray_directions",
    "relative",
    "rotation_angle_deg",
    "static",
]
