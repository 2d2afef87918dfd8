from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from clips import box_clip, sideways
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.errors import AnyViewError, InvalidInputError, InvalidRequestError
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.serving.blobs import pack_floats, pack_picture, unpack_floats, unpack_picture
from anyview_ros.serving.wire import (
    decode_request,
    decode_result,
    describe_from_json,
    describe_to_json,
    encode_request,
    encode_result,
)
from anyview_ros.synthesis import SynthesisRequest

PLENTY = 2**24
LIMITS = {"largest_sources": PLENTY, "largest_answer": PLENTY}


def asked(**settings_: object) -> SynthesisRequest:
    return SynthesisRequest(
        (box_clip(2), box_clip(2, depth=False)), (sideways(2), sideways(2, 0.1)), **settings_
    )  # type: ignore[arg-type]


def test_a_request_comes_back_as_it_was_sent() -> None:
    sent = asked(steps=3, seed=2**53 + 1, options={"fill": True})
    back, timeout_s = decode_request(encode_request(sent, timeout_s=1.5), **LIMITS)
    assert (back.steps, back.seed, back.options, timeout_s) == (3, 2**53 + 1, {"fill": True}, 1.5)
    for there, here in zip(back.sources, sent.sources, strict=True):
        np.testing.assert_array_equal(there.frames, here.frames)
        np.testing.assert_array_equal(there.camera_to_world, here.camera_to_world)
        np.testing.assert_array_equal(there.stamps_ns, here.stamps_ns)
        assert there.camera == here.camera
    np.testing.assert_array_equal(back.sources[0].depth, sent.sources[0].depth)
    assert back.sources[1].depth is None
    assert back.targets[0].stamps_ns is None


def test_jpeg_is_smaller_and_near() -> None:
    sent = asked()
    small = encode_request(sent, quality=90)
    assert len(small) < 0.8 * len(encode_request(sent))
    back, _ = decode_request(small, **LIMITS)
    assert np.abs(back.sources[0].frames.astype(int) - sent.sources[0].frames).mean() < 12


def test_a_dataclass_of_options_crosses_by_name() -> None:
    @dataclass(frozen=True)
    class Options:
        depth_m: float = 2.0

    back, _ = decode_request(encode_request(asked(options=Options())), **LIMITS)
    assert back.options == {"depth_m": 2.0}
    with pytest.raises(InvalidRequestError, match="cannot be sent"):
        encode_request(asked(options={"x": float("nan")}))
    with pytest.raises(InvalidRequestError, match="Path is not JSON serializable"):
        encode_request(asked(options={"x": Path("weights")}))


def test_a_result_comes_back_with_confidence_in_steps_of_a_255th() -> None:
    result = Reprojection().synthesize(SynthesisRequest((box_clip(2),), (sideways(2), sideways(2, 0.1))))
    weight = sum(view.frames[..., 0].size for view in result.views) * (3 + 1 + 4)
    with pytest.raises(
        InvalidInputError, match=f"weigh {weight} bytes and those asked for at most {weight - 1}"
    ):
        decode_result(encode_result(result), largest=weight - 1)
    back = decode_result(encode_result(result), largest=weight)
    assert back.provenance == result.provenance
    for there, here in zip(back.views, result.views, strict=True):
        np.testing.assert_array_equal(there.frames, here.frames)
        np.testing.assert_allclose(there.confidence, here.confidence, atol=0.5 / 255 + 1e-6)
        np.testing.assert_array_equal(there.depth, here.depth)


def test_a_description_comes_back_without_the_type_of_its_options() -> None:
    description = Reprojection().describe()
    plain = json.loads(json.dumps(describe_to_json(description)))
    assert "depth_m" in plain["options"]
    back = describe_from_json(plain)
    assert back.name == "reprojection"
    assert back.clip_frames == description.clip_frames
    assert back.options_type is None
    with pytest.raises(InvalidInputError, match="description cannot be read"):
        describe_from_json({"name": "x"})


def test_an_answer_that_would_weigh_too_much_is_refused_before_pictures_are_read() -> None:
    body = encode_request(asked())
    with pytest.raises(InvalidRequestError, match="would weigh 98304 bytes and may 98303"):
        decode_request(body, largest_sources=PLENTY, largest_answer=98303)


def test_sources_that_would_weigh_too_much_are_refused_before_they_are_decompressed() -> None:
    camera = box_clip(2).camera
    weight = 2 * camera.width * camera.height * (3 + 4 + 3)  # of two clips, one with depth
    body = encode_request(asked())
    decode_request(body, largest_sources=weight, largest_answer=PLENTY)
    with pytest.raises(InvalidRequestError, match=f"weigh {weight} bytes and may {weight - 1}"):
        decode_request(body, largest_sources=weight - 1, largest_answer=PLENTY)


def test_a_message_with_fewer_pictures_than_its_header_tells_of_is_refused() -> None:
    (length,) = struct.unpack("<I", BODY[4:8])
    header = json.loads(BODY[8 : 8 + length])
    lost = header["blobs"].pop()
    head = json.dumps(header).encode()
    with pytest.raises(InvalidInputError, match="header tells of more pictures"):
        decode_request(b"AVS1" + struct.pack("<I", len(head)) + head + BODY[8 + length : -lost], **LIMITS)


def test_pictures_of_another_size_than_announced_are_not_decoded() -> None:
    for quality in (None, 90):
        packed = pack_picture(np.zeros((9, 7, 3), np.uint8), quality)
        assert unpack_picture(packed, 7, 9).shape == (9, 7, 3)
        with pytest.raises(InvalidInputError, match="is 7x9 but 9x7 was announced"):
            unpack_picture(packed, 9, 7)
    bomb = pack_picture(np.zeros((9, 7, 3), np.uint8))
    huge = bomb[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + bomb[24:]
    with pytest.raises(InvalidInputError, match="2147483647x2147483647"):
        unpack_picture(huge, 7, 9)
    for none in (bomb[:20], b"no picture"):
        with pytest.raises(InvalidInputError, match=f"{len(none)} bytes is cut off, or neither PNG nor JPEG"):
            unpack_picture(none, 7, 9)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros((4, 4), np.float32),
    ],
)
def test_arrays_that_are_no_pictures_are_named_and_not_packed(image: np.ndarray) -> None:
    told = re.escape(f"a picture is {image.dtype} {image.shape}; give uint8 (H, W, 3) or (H, W)")
    with pytest.raises(InvalidInputError, match=told):
        pack_picture(image)


def test_a_picture_larger_than_its_format_holds_is_named() -> None:
    with pytest.raises(InvalidInputError, match=r"a picture of 65501x1 cannot be written as \.jpg"):
        pack_picture(np.zeros((1, 65501, 3), np.uint8), 90)


def test_no_more_numbers_are_decompressed_than_announced() -> None:
    packed = pack_floats(np.zeros(10**7, np.float32))
    assert len(packed) < 10**6
    with pytest.raises(InvalidInputError, match="do not hold the 8 that"):
        unpack_floats(packed, (2,))
    with pytest.raises(InvalidInputError, match="corrupt"):
        unpack_floats(b"no zlib", (2,))


BODY = encode_request(asked())


@settings(max_examples=200)
@given(st.data())
def test_a_body_broken_anywhere_is_refused_with_a_reason_or_read(data: st.DataObject) -> None:
    body = bytearray(BODY)
    head = 8 + struct.unpack("<I", BODY[4:8])[0]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, (head if data.draw(st.booleans()) else len(body)) - 1))
        body[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(body), data.draw(st.integers(0, len(body)))]))
    try:
        request, _ = decode_request(bytes(body[:cut]), **LIMITS)
        told = f"{len(request.sources)} sources"
    except AnyViewError as error:
        told = str(error)
    assert told


@pytest.mark.parametrize(
    "body", [b"", b"AVS1", b"AVS1\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n", b"AVS1\x02\x00\x00\x00[]"]
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        decode_request(body, **LIMITS)
