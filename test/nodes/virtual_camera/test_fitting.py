from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import cameras

from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.virtual_camera.fitting import source_fit, target_fit

SIZES = st.lists(st.tuples(st.integers(8, 600), st.integers(8, 600)), max_size=4)


@given(cameras(smallest=16), SIZES)
def test_a_target_has_a_size_of_the_method_and_sees_all_that_is_wanted(camera, sizes) -> None:
    fit = target_fit(camera, sizes)
    assert fit.camera.size in (sizes or [camera.size])
    corners = np.array([[-0.5, -0.5], [camera.width - 0.5, camera.height - 0.5]])
    pixels, _ = fit.camera.project(camera.unproject(corners, 1.0))
    assert (pixels >= -0.5 - 1e-6).all()
    assert (pixels <= np.array(fit.camera.size) - 0.5 + 1e-6).all()
    assert fit.source == camera


def test_a_target_takes_the_size_that_wastes_least() -> None:
    camera = PinholeCamera.from_fov(640, 480, horizontal_fov_deg=60)
    assert target_fit(camera, [(256, 256), (320, 240), (512, 288)]).camera.size == (320, 240)


def test_without_sizes_a_target_is_asked_for_as_it_is() -> None:
    camera = PinholeCamera.from_fov(123, 77, horizontal_fov_deg=60)
    picture = np.arange(77 * 123 * 3, dtype=np.uint8).reshape(77, 123, 3)
    fit = target_fit(camera, ())
    assert fit.camera == camera
    np.testing.assert_array_equal(fit.undo(picture), picture)


@given(cameras(smallest=16), SIZES, st.integers(16, 700))
def test_a_source_is_cut_from_the_middle_and_scaled(camera, sizes, max_size) -> None:
    region, final = source_fit(camera, sizes, max_size)
    assert final.size in sizes if sizes else max(final.size) <= max(max_size, 1)
    left, top = camera.cx - region.cx, camera.cy - region.cy
    assert left == pytest.approx(round(left), abs=1e-6)
    assert 0 <= round(left) <= camera.width - region.width
    assert 0 <= round(top) <= camera.height - region.height
    # Stretched by no more than rounding to whole pixels makes of it.
    if sizes and min(region.size) > 50:
        ratio = (final.width / region.width) / (final.height / region.height)
        assert ratio == pytest.approx(1, abs=0.03)


def test_images_are_not_enlarged_for_a_method_of_any_size() -> None:
    camera = PinholeCamera.from_fov(320, 240, horizontal_fov_deg=60)
    assert source_fit(camera, (), 640) == (camera, camera)
