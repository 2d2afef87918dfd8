from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from fake_synthesizers import CAMERA, request

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import CameraTrajectory
from anyview_ros.synthesis import MethodDescription, SynthesisRequest
from anyview_ros.synthesis.request import check_request, resolve_options, told_options

TARGET = CameraTrajectory(CAMERA, np.eye(4)[None])


@dataclass(frozen=True)
class Options:
    scale: float = 1.0


def method(**changes):
    return MethodDescription(**({"name": "some", "summary": "Some.", "generative": False} | changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sources": ()}, "sources is empty"),
        ({"targets": ()}, "targets is empty"),
        ({"steps": 0}, "steps is 0; give 1 or more"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed is 18446744073709551616; give 0 to"),
    ],
)
def test_requests_that_cannot_be_are_refused(changes, told):
    whole = {"sources": request().sources, "targets": (TARGET,)}
    with pytest.raises(InvalidRequestError, match=told):
        SynthesisRequest(**(whole | changes))


@pytest.mark.parametrize(
    ("frames", "can", "told"),
    [
        (1, {"clip_frames": (5, 8)}, r"frames of sources\[0\] is 1 but method 'some' takes 5 to 8"),
        (9, {"clip_frames": (8, 8)}, "takes exactly 8"),
        (6, {"clip_frames": (5, 13), "clip_frames_step": 4}, "give 5 or 9"),
        (1, {"source_count": (2, 2)}, "number of sources is 1"),
        (
            1,
            {"needs_depth": True, "uses_depth": True},
            r"sources\[0\] has no depth and method 'some' needs it",
        ),
    ],
)
def test_what_a_method_cannot_serve_is_refused(frames, can, told):
    with pytest.raises(InvalidRequestError, match=told):
        check_request(request(frames=frames), method(**can))


def test_what_a_method_can_serve_passes():
    check_request(request(frames=9), method(clip_frames=(5, 13), clip_frames_step=4))
    seen = request().sources[0]
    depth = np.ones(seen.frames.shape[:3], np.float32)
    deep = PosedClip(seen.frames, seen.camera, seen.camera_to_world, seen.stamps_ns, depth)
    check_request(SynthesisRequest((deep,), (TARGET,)), method(needs_depth=True, uses_depth=True))


def test_steps_are_for_methods_that_sample():
    stepped = SynthesisRequest(request().sources, (TARGET,), steps=7)
    check_request(stepped, method(default_steps=20))
    with pytest.raises(InvalidRequestError, match="steps is 7 but method 'some' does not sample in steps"):
        check_request(stepped, method())


def test_options_are_those_of_the_method():
    assert resolve_options(None, Options, "some") == Options()
    assert resolve_options({"scale": 2.0}, Options, "some") == Options(2.0)
    assert resolve_options(Options(3.0), Options, "some") == Options(3.0)
    assert resolve_options(None, None, "some") is None


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [
        ({"scala": 2.0}, Options, "unknown option 'scala' for method 'some'; it knows scale"),
        (7, Options, "options must be a Options or a mapping, got int"),
        ({"scale": 2.0}, None, "method 'some' has no options"),
    ],
)
def test_options_of_another_kind_are_refused(options, kind, told):
    with pytest.raises(InvalidRequestError, match=told):
        resolve_options(options, kind, "some")


def test_options_are_told_as_json_can_say_them():
    @dataclass(frozen=True)
    class Files:
        save_to: Path | None = None
        size: tuple[int, int] = (4, 3)

    assert told_options(Files(Path("a/b"))) == {"save_to": "a/b", "size": [4, 3]}
    assert told_options(None) == {}
