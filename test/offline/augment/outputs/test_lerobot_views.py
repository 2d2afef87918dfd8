"""Frames of a film taken into one of their own, without loss where that can be."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.outputs.lerobot_views import cut_or_encode
from anyview_ros.offline.video_frames import VideoFrames

RATE = Fraction(30)


def film(path: Path, codec: str, pixels: str, **options: str) -> VideoFrames:
    """Twelve frames, 64x48, of noise that slides."""
    base = np.random.default_rng(0).integers(0, 4096, (48, 64), dtype=np.uint16)
    with av.open(str(path), "w", format="mov") as container:
        stream = container.add_stream(codec, rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for index in range(12):
            frame = av.VideoFrame.from_ndarray(np.roll(base, index, 1), format="gray16le")
            container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode(None))
    return VideoFrames(path)


def test_depth_is_cut_or_refused_but_never_made_colours(tmp_path: Path) -> None:
    target = tmp_path / "part.mp4"
    apart = film(tmp_path / "apart.mp4", "png", "gray16be")
    assert cut_or_encode(apart, range(4, 8), target, rate=RATE, feature={})
    np.testing.assert_array_equal(
        np.stack(list(VideoFrames(target).grey(range(4)))), np.stack(list(apart.grey(range(4, 8))))
    )
    mixed = film(tmp_path / "mixed.mp4", "libx265", "gray12le", **{"x265-params": "bframes=3:keyint=12"})
    with pytest.raises(InvalidInputError, match=r"mixed\.mp4 is stored in grey.* frame 4 .* -bf 0 -g 1"):
        cut_or_encode(mixed, range(4, 8), target, rate=RATE, feature={})


def test_colours_that_cannot_be_cut_are_encoded_anew(tmp_path: Path) -> None:
    mixed = film(tmp_path / "mixed.mp4", "libx264", "yuv420p", bf="2", g="12")
    assert not cut_or_encode(mixed, range(4, 8), tmp_path / "part.mp4", rate=RATE, feature={})
    assert len(VideoFrames(tmp_path / "part.mp4")) == 4
