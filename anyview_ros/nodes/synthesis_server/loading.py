"""The method that the parameters name: here, in a process of its own, or served elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anyview_ros.nodes.synthesis_server.parameters import Settings
from anyview_ros.synthesis.child_process import ChildSynthesizer
from anyview_ros.synthesis.protocol import Synthesizer
from anyview_ros.synthesis.registry import load_synthesizer


def load_method(method: str, settings: Settings) -> Synthesizer:
    """Load a method, or reach the service that has one.

    Raises:
        AnyViewError: it cannot be loaded or reached.
    """
    if settings.service:
        from anyview_ros.serving.synthesizer import ServedSynthesizer
        from anyview_ros.serving.tokens import read_token

        return ServedSynthesizer(
            settings.service,
            token=read_token(Path(settings.service_token_file) if settings.service_token_file else None),
            ca_file=settings.service_ca_file,
            timeout_s=settings.default_timeout_s,
        )
    arguments: dict[str, Any] = {
        "device": settings.device or None,
        "weights": settings.weights or None,
        "scene": settings.scene or None,
    }
    if settings.child_process:
        return ChildSynthesizer(method, longest_load_s=settings.child_load_timeout_s, **arguments)
    return load_synthesizer(method, **arguments)
