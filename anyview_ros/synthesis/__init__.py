"""The contract between those who ask for views and the methods that synthesise them, and the engine that runs them."""

from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.protocol import CancelToken, Progress, Synthesizer, SynthesisStream
from anyview_ros.synthesis.registry import available_methods, default_method, load_synthesizer
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView

__all__ = [
    "CancelToken",
    "MethodDescription",
    "Progress",
    "Provenance",
    "SynthesisRequest",
    "SynthesisResult",
    "SynthesisStream",
    "SynthesizedView",
    "Synthesizer",
    "available_methods",
    "default_method",
    "load_synthesizer",
]
