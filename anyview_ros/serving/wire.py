"""Requests, results and descriptions as bytes.

A message is ``AVS1``, the length of its header (4 bytes, little endian), the header (JSON), and its blobs one after the
other, whose lengths the header lists.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import numpy as np

from anyview_ros.clips import PosedClip
from anyview_ros.errors import AnyViewError, InvalidInputError, InvalidRequestError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.serving.blobs import pack_floats, pack_picture, unpack_floats, unpack_picture
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.option_json import options_by_name
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView

PROTOCOL = 1
"""Raised by every change that an older side would misread."""

_MAGIC = b"AVS1"
_LARGEST_HEADER = 4 * 2**20
_BYTES_PER_PIXEL = 3 + 1 + 4
_BYTES_OF_COLOUR, _BYTES_WITH_DEPTH = 3, 3 + 4


def encode_request(
    request: SynthesisRequest, *, timeout_s: float | None = None, quality: int | None = None
) -> bytes:
    """A request; ``quality`` compresses its pictures as JPEG, with loss, instead of PNG.

    Raises:
        InvalidRequestError: options that JSON does not have.
    """
    blobs: list[bytes] = []
    sources = []
    for source in request.sources:
        blobs += [pack_picture(frame, quality) for frame in source.frames]
        blobs += [] if source.depth is None else [pack_floats(depth) for depth in source.depth]
        sources.append({**_trajectory(source), "depth": source.depth is not None})
    header = {
        "sources": sources,
        "targets": [_trajectory(target) for target in request.targets],
        "steps": request.steps,
        "seed": request.seed,
        "options": options_by_name(request.options),
        "timeout_s": timeout_s,
    }
    return _join(header, blobs)


def decode_request(
    body: bytes, *, largest_sources: int, largest_answer: int
) -> tuple[SynthesisRequest, float | None]:
    """The request of a message, and its time limit.

    Args:
        body: of the message.
        largest_sources: bytes that the pictures and depth of all sources may weigh, decompressed.
        largest_answer: bytes that the pictures of the answer may weigh.

    Raises:
        InvalidInputError: anything that cannot be read, does not fit, or would weigh too much.
    """
    header, blobs = _split(body)
    with _Reading("request"):
        targets = tuple(_target(entry) for entry in header["targets"])
        weight = answer_bytes(targets)
        if weight > largest_answer:
            raise InvalidRequestError(
                f"the answer would weigh {weight} bytes and may {largest_answer}; ask for fewer or smaller views"
            )
        announced = [(*_parts(entry), bool(entry["depth"])) for entry in header["sources"]]
        heavy = sum(
            len(poses) * camera.width * camera.height * (_BYTES_WITH_DEPTH if depth else _BYTES_OF_COLOUR)
            for camera, poses, _, depth in announced
        )
        if heavy > largest_sources:
            raise InvalidRequestError(
                f"the sources weigh {heavy} bytes and may {largest_sources}; send fewer or smaller pictures"
            )
        sources = tuple(_source(*parts, blobs) for parts in announced)
        timeout_s = header.get("timeout_s")
        steps, options = header.get("steps"), header.get("options")
        if not (steps is None or isinstance(steps, int)) or not (
            options is None or isinstance(options, dict)
        ):
            raise InvalidRequestError("steps must be a whole number or null, options an object or null")
        request = SynthesisRequest(sources, targets, steps, int(header.get("seed", 0)), options)
        return request, None if timeout_s is None else float(timeout_s)


def encode_result(result: SynthesisResult) -> bytes:
    """A result; pictures and confidence as PNG (confidence in steps of 1/255), depth without loss."""
    blobs: list[bytes] = []
    views = []
    for view in result.views:
        blobs += [pack_picture(frame) for frame in view.frames]
        blobs += [pack_picture(np.round(sure * 255).astype(np.uint8)) for sure in view.confidence]
        blobs += [] if view.depth is None else [pack_floats(depth) for depth in view.depth]
        views.append({**_trajectory(view), "depth": view.depth is not None})
    return _join({"views": views, "provenance": asdict(result.provenance)}, blobs)


def answer_bytes(targets: Sequence[CameraTrajectory]) -> int:
    """What the views of these targets weigh at most: pictures, confidence and depth, uncompressed."""
    pixels = sum(len(target) * target.camera.width * target.camera.height for target in targets)
    return pixels * _BYTES_PER_PIXEL


def decode_result(body: bytes, *, largest: int) -> SynthesisResult:
    """The result of a message.

    Args:
        body: of the message.
        largest: bytes that all views may weigh, decompressed; see :func:`answer_bytes`.

    Raises:
        InvalidInputError: anything that cannot be read, does not fit, or would weigh too much.
    """
    header, blobs = _split(body)
    with _Reading("result"):
        announced = [(*_parts(entry), bool(entry["depth"])) for entry in header["views"]]
        weight = sum(len(poses) * camera.width * camera.height for camera, poses, *_ in announced)
        if weight * _BYTES_PER_PIXEL > largest:
            raise InvalidInputError(
                f"the views weigh {weight * _BYTES_PER_PIXEL} bytes and those asked for at most {largest}"
            )
        views = tuple(_view(*parts, blobs) for parts in announced)
        return SynthesisResult(views, Provenance(**header["provenance"]))


def describe_to_json(description: MethodDescription) -> dict[str, Any]:
    """A description as plain values; its options by name with their types."""
    plain = {field.name: getattr(description, field.name) for field in fields(description)}
    options = plain.pop("options_type")
    plain["options"] = (
        {field.name: str(field.type) for field in fields(options)}
        if options is not None and is_dataclass(options)
        else {}
    )
    plain["warm_up_options"] = None
    return plain


def describe_from_json(plain: dict[str, Any]) -> MethodDescription:
    """The description; the type of the options stays where the method is.

    Raises:
        InvalidInputError: not what a description has.
    """
    with _Reading("description"):
        known = {field.name for field in fields(MethodDescription)} - {"options_type"}
        values = {name: value for name, value in plain.items() if name in known}
        for name in ("source_count", "clip_frames", "limits"):
            values[name] = tuple(values[name])
        values["sizes"] = tuple((int(width), int(height)) for width, height in values["sizes"])
        return MethodDescription(**values)


class _Reading:
    """Turns whatever goes wrong while a header is read into an InvalidInputError."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, KeyError | TypeError | ValueError | AttributeError | OverflowError):
            if isinstance(error, AnyViewError):
                return
            raise InvalidInputError(
                f"the {self._what} cannot be read: {type(error).__name__}: {error}; ask with this package's client"
            ) from error


def _join(header: dict[str, Any], blobs: Sequence[bytes]) -> bytes:
    try:
        head = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"a value cannot be sent: {error}") from error
    return b"".join([_MAGIC, struct.pack("<I", len(head)), head, *blobs])


def _split(body: bytes) -> tuple[dict[str, Any], Iterator[bytes]]:
    if body[:4] != _MAGIC or len(body) < 8:
        raise InvalidInputError(
            f"a body of {len(body)} bytes is no message of this protocol; ask with this package's client"
        )
    (length,) = struct.unpack("<I", body[4:8])
    if length > min(_LARGEST_HEADER, len(body) - 8):
        raise InvalidInputError(f"a header of {length} bytes in a body of {len(body)} is cut off or too long")
    try:
        header = json.loads(body[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"the header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise InvalidInputError("the header is no JSON object")
    lengths = header.get("blobs")
    if not isinstance(lengths, list) or not all(isinstance(size, int) and size >= 0 for size in lengths):
        raise InvalidInputError("the header does not list the lengths of its blobs")
    if sum(lengths) != len(body) - 8 - length:
        raise InvalidInputError(
            f"blobs weigh {len(body) - 8 - length} bytes but the header lists {sum(lengths)}"
        )
    return header, _cut(memoryview(body)[8 + length :], lengths)


def _cut(data: memoryview, lengths: Sequence[int]) -> Iterator[bytes]:
    place = 0
    for size in lengths:
        yield bytes(data[place : place + size])
        place += size
    raise InvalidInputError(f"there are {len(lengths)} blobs and the header tells of more pictures")


def _trajectory(posed: PosedClip | CameraTrajectory | SynthesizedView) -> dict[str, Any]:
    return {
        "camera": asdict(posed.camera),
        "camera_to_world": posed.camera_to_world.tolist(),
        "stamps_ns": None if posed.stamps_ns is None else posed.stamps_ns.tolist(),
    }


def _parts(entry: dict[str, Any]) -> tuple[PinholeCamera, Any, Any]:
    stamps = entry["stamps_ns"]
    return (
        PinholeCamera(**entry["camera"]),
        np.array(entry["camera_to_world"], np.float64),
        None if stamps is None else np.array(stamps, np.int64),
    )


def _target(entry: dict[str, Any]) -> CameraTrajectory:
    return CameraTrajectory(*_parts(entry))


def _source(
    camera: PinholeCamera, poses: Any, stamps: Any, has_depth: bool, blobs: Iterator[bytes]
) -> PosedClip:
    size = camera.height, camera.width
    frames = np.empty(
        (len(poses), *size, 3), np.uint8
    )  # filled one by one, so that nothing large is held twice
    for frame in frames:
        frame[:] = unpack_picture(next(blobs), camera.width, camera.height)
    depth = None
    if has_depth:
        depth = np.empty((len(poses), *size), np.float32)
        for values in depth:
            values[:] = unpack_floats(next(blobs), size)
    return PosedClip(frames, camera, poses, stamps, depth)


def _view(
    camera: PinholeCamera, poses: Any, stamps: Any, has_depth: bool, blobs: Iterator[bytes]
) -> SynthesizedView:
    size = camera.width, camera.height
    frames = np.stack([unpack_picture(next(blobs), *size) for _ in poses])
    sure = np.stack([unpack_picture(next(blobs), *size, colour=False) for _ in poses])
    depth = None
    if has_depth:
        depth = np.stack([unpack_floats(next(blobs), size[::-1]) for _ in poses])
    return SynthesizedView(frames, camera, poses, stamps, sure.astype(np.float32) / np.float32(255), depth)
