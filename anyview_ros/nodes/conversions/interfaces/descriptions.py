"""MethodDescription and Describe messages, and what they describe."""

from __future__ import annotations

import math
from dataclasses import MISSING, fields
from typing import Any

from anyview_ros.msg import MethodDescription as MethodDescriptionMsg
from anyview_ros.synthesis.client import EngineDescription
from anyview_ros.synthesis.description import MethodDescription


def method_to_msg(method: MethodDescription) -> MethodDescriptionMsg:
    """The message of a description."""
    return MethodDescriptionMsg(
        name=method.name,
        summary=method.summary,
        generative=method.generative,
        source_count_min=method.source_count[0],
        source_count_max=method.source_count[1],
        clip_frames_min=method.clip_frames[0],
        clip_frames_max=method.clip_frames[1],
        clip_frames_step=method.clip_frames_step,
        widths=[width for width, _ in method.sizes],
        heights=[height for _, height in method.sizes],
        needs_depth=method.needs_depth,
        uses_depth=method.uses_depth,
        metric_poses=method.metric_poses,
        streams=method.streams,
        default_steps=method.default_steps,
        scale=math.nan if method.scale is None else method.scale,
        limits=list(method.limits),
        options=_option_lines(method.options_type),
    )


def method_from_msg(msg: MethodDescriptionMsg) -> MethodDescription:
    """The description of a message. The type of the options stays where the method is: it is None here."""
    return MethodDescription(
        name=msg.name,
        summary=msg.summary,
        generative=bool(msg.generative),
        source_count=(int(msg.source_count_min), int(msg.source_count_max)),
        clip_frames=(int(msg.clip_frames_min), int(msg.clip_frames_max)),
        clip_frames_step=int(msg.clip_frames_step),
        sizes=tuple((int(width), int(height)) for width, height in zip(msg.widths, msg.heights, strict=True)),
        needs_depth=bool(msg.needs_depth),
        uses_depth=bool(msg.uses_depth),
        metric_poses=bool(msg.metric_poses),
        streams=bool(msg.streams),
        default_steps=int(msg.default_steps),
        scale=None if math.isnan(msg.scale) else float(msg.scale),
        limits=tuple(msg.limits),
    )


def fill_engine(response: Any, engine: EngineDescription) -> None:
    """Write what an engine says of itself into a Describe.Response."""
    response.method = method_to_msg(engine.method)
    response.device = engine.device
    response.weights_hash = engine.weights_hash
    response.queued, response.queue_limit = engine.queued, engine.queue_limit
    response.streams, response.stream_limit = engine.streams, engine.stream_limit


def engine_from_response(response: Any) -> EngineDescription:
    """What a Describe.Response says of the server's engine."""
    return EngineDescription(
        method=method_from_msg(response.method),
        server=response.server,
        device=response.device,
        weights_hash=response.weights_hash,
        queued=int(response.queued),
        queue_limit=int(response.queue_limit),
        streams=int(response.streams),
        stream_limit=int(response.stream_limit),
        max_request_bytes=int(response.max_request_bytes),
    )


def _option_lines(options_type: type | None) -> list[str]:
    if options_type is None:
        return []
    lines = []
    for option in fields(options_type):
        kind = option.type if isinstance(option.type, str) else option.type.__name__
        default = f" = {option.default!r}" if option.default is not MISSING else ""
        lines.append(f"{option.name}: {kind}{default}")
    return lines
