"""JPEG images as messages."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sensor_msgs", reason="needs ROS messages: run through tools/with_ros")

from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.conversions import compressed_to_rgb, rgb_to_compressed

PICTURE = np.zeros((24, 32, 3), np.uint8)
PICTURE[:, :16] = (250, 20, 30)
PICTURE[:, 16:] = (10, 40, 240)


def test_jpeg_keeps_colours_in_order() -> None:
    msg = rgb_to_compressed(PICTURE, Header(frame_id="camera"), quality=95)
    assert msg.header.frame_id == "camera"
    assert "jpeg" in msg.format
    np.testing.assert_allclose(compressed_to_rgb(msg)[:, (4, 28)], PICTURE[:, (4, 28)], atol=8)


def test_quality_trades_size() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    assert (
        len(rgb_to_compressed(noise, Header(), 20).data)
        < len(rgb_to_compressed(noise, Header(), 90).data) / 2
    )


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_out_of_range(quality: int) -> None:
    with pytest.raises(InvalidInputError, match=f"JPEG quality is {quality}"):
        rgb_to_compressed(PICTURE, Header(), quality)
