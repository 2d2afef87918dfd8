"""The contract between those who ask for views and the methods that synthesise them, and the engine that runs them."""

from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.engine import Engine
from anyview_ros.synthesis.engine_statistics import EngineStatistics
from anyview_ros.synthesis.local_client import LocalEngineClient
from anyview_ros.synthesis.protocol import (
    BatchingSynthesizer,
    CancelToken,
    Progress,
    SynthesisStream,
    Synthesizer,
)
from anyview_ros.synthesis.registry import available_methods, check_method, default_method, load_synthesizer
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView
from anyview_ros.synthesis.windowed_stream import WindowedStream

__all__ = [
    "BatchingSynthesizer",
    "CancelToken",
    "Engine",
    "EngineStatistics",
    "LocalEngineClient",
    "MethodDescription",
    "Progress",
    "Provenance",
    "SynthesisRequest",
    "SynthesisResult",
    "SynthesisStream",
    "SynthesizedView",
    "Synthesizer",
    "WindowedStream",
    "available_methods",
    "check_method",
    "default_method",
    "load_synthesizer",
]
