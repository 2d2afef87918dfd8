"""A dynamic radiance field that stays right when the camera hardly moves, after DDR (arXiv 2506.23153)."""

from anyview_ros.methods.ddr.fitter import DdrFitter
from anyview_ros.methods.ddr.method import Ddr
from anyview_ros.methods.ddr.options import DdrOptions

__all__ = ["Ddr", "DdrFitter", "DdrOptions"]
