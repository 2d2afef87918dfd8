"""Any4D: views generated along a trajectory, and a moving Gaussian scene that keeps what was seen and generated."""

from anyview_ros.methods.any4d.fitter import Any4DFitter
from anyview_ros.methods.any4d.method import Any4D
from anyview_ros.methods.any4d.options import Any4DFitOptions, Any4DOptions

__all__ = ["Any4D", "Any4DFitOptions", "Any4DFitter", "Any4DOptions"]
