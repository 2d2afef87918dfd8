"""Views by geometry alone: source pixels moved by their depth, holes filled and reported."""

from anyview_ros.methods.reprojection.method import Reprojection
from anyview_ros.methods.reprojection.options import ReprojectionOptions

__all__ = ["Reprojection", "ReprojectionOptions"]
