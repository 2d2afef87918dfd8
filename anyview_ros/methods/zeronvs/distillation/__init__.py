"""Score distillation of the denoiser into a radiance field, with anchors: one picture becomes a scene."""

from anyview_ros.methods.zeronvs.distillation.fitter import ZeroFitter
from anyview_ros.methods.zeronvs.distillation.options import DistillOptions
from anyview_ros.methods.zeronvs.distillation.views import DistilledViews

__all__ = ["DistillOptions", "DistilledViews", "ZeroFitter"]
