"""What methods and engines say of themselves, through the messages."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

pytest.importorskip("anyview_ros.msg", reason="needs the built interfaces: run through tools/with_ros")

from anyview_ros.nodes.conversions.interfaces import (
    engine_from_response,
    fill_engine,
    method_from_msg,
    method_to_msg,
)
from anyview_ros.synthesis import MethodDescription
from anyview_ros.synthesis.client import EngineDescription


@dataclass
class Options:
    guidance: float = 1.5
    prompt: str = ""


METHOD = MethodDescription(
    "anyview",
    "Imagines what it has not seen.",
    generative=True,
    source_count=(1, 2),
    clip_frames=(2, 14),
    clip_frames_step=4,
    sizes=((384, 256), (256, 256)),
    needs_depth=True,
    uses_depth=True,
    metric_poses=False,
    streams=True,
    default_steps=10,
    options_type=Options,
    scale=1.2,
    limits=("No mirrors.",),
)


@pytest.mark.parametrize("method", [METHOD, replace(METHOD, sizes=(), scale=None, limits=())])
def test_methods_round_trip_but_for_the_type_of_their_options(method: MethodDescription) -> None:
    assert method_from_msg(method_to_msg(method)) == replace(method, options_type=None)


def test_options_are_told_with_type_and_default() -> None:
    assert method_to_msg(METHOD).options == ["guidance: float = 1.5", "prompt: str = ''"]
    assert method_to_msg(replace(METHOD, options_type=None)).options == []


def test_engines_round_trip() -> None:
    from anyview_ros.srv import Describe

    engine = EngineDescription(replace(METHOD, options_type=None), "/s", "cuda:0", "abc", 1, 16, 2, 4, 99)
    response = Describe.Response(server="/s", max_request_bytes=99)
    fill_engine(response, engine)
    assert engine_from_response(response) == engine
