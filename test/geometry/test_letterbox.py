import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import cameras, points_in_front

from anyview_ros.errors import InvalidCameraError, InvalidInputError
from anyview_ros.geometry import PinholeCamera, letterbox, pixel_grid

SIZES = st.integers(1, 2000)


@given(cameras(), SIZES, SIZES, points_in_front())
def test_camera_follows_the_image(camera, width, height, points):
    box = letterbox(camera, width, height)
    left, top, _, _ = box.pad
    moved = (camera.project(points)[0] + 0.5) * box.scale - 0.5 + (left, top)
    np.testing.assert_allclose(box.camera.project(points)[0], moved, rtol=1e-9, atol=1e-6)


@given(cameras(), SIZES, SIZES)
def test_image_fills_one_side_and_is_centred(camera, width, height):
    box = letterbox(camera, width, height)
    left, top, right, bottom = box.pad
    assert box.camera.size == (width, height)
    assert min(box.pad) >= 0
    assert left + right == 0 or top + bottom == 0
    assert right - left in {0, 1}
    assert bottom - top in {0, 1}


@given(cameras(smallest=50), st.integers(200, 2000), st.integers(200, 2000))
def test_both_axes_scale_alike_but_for_whole_pixels(camera, width, height):
    sx, sy = letterbox(camera, width, height).scale
    fit = min(width / camera.width, height / camera.height)
    assert abs(sx - fit) * camera.width <= 0.5 + 1e-9
    assert abs(sy - fit) * camera.height <= 0.5 + 1e-9


def test_pixels_land_where_the_camera_says():
    """A smooth image holds its own coordinates; what is read off must be the ray that the camera tells."""
    camera = PinholeCamera(500, 500, 310, 250, 640, 480)
    box = letterbox(camera, 224, 224)
    image = box.apply(pixel_grid(camera).astype(np.float32) + 1) - 1
    inside = image[60:160, 10:210]
    source_rays = camera.unproject(inside, 1.0)
    rays = box.camera.unproject(pixel_grid(box.camera)[60:160, 10:210], 1.0)
    np.testing.assert_allclose(source_rays, rays, atol=0.1 / 500)
    assert box.pad == (0, 28, 0, 28)
    assert (image[:28] == -1).all()
    assert (image[-28:] == -1).all()
    assert (image[28:-28] >= 0).all()


@pytest.mark.parametrize("size", [(224, 224), (900, 500), (640, 480), (333, 777)])
def test_undo_brings_the_image_back(size):
    camera = PinholeCamera(500, 500, 310, 250, 640, 480)
    box = letterbox(camera, *size)
    v, u = np.mgrid[:480, :640]
    image = np.stack([u / 3, v / 2, (u + v) / 5], axis=-1).astype(np.uint8)
    boxed = box.apply(image)
    assert boxed.shape == (size[1], size[0], 3)
    assert boxed.dtype == np.uint8
    assert np.abs(box.undo(boxed).astype(int) - image).max() <= 3
    assert box.undo(boxed).shape == image.shape


def test_nearest_invents_no_depth():
    camera = PinholeCamera(50, 50, 50, 40, 100, 80)
    depth = np.where(np.arange(100) < 33, 1.0, 5.0).astype(np.float32) * np.ones((80, 1), np.float32)
    box = letterbox(camera, 64, 64)
    assert set(np.unique(box.apply(depth, nearest=True))) == {0.0, 1.0, 5.0}
    assert set(np.unique(box.undo(box.apply(depth, nearest=True), nearest=True))) == {1.0, 5.0}
    assert len(np.unique(box.apply(depth))) > 3


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_shape_is_kept(channels):
    box = letterbox(PinholeCamera(50, 50, 50, 40, 100, 80), 30, 20)
    boxed = box.apply(np.full((80, 100, *channels), 7, np.uint8))
    assert boxed.shape == (20, 30, *channels)
    assert (boxed[:, :2] == 0).all()
    assert (boxed[:, 3:-3] == 7).all()
    assert box.undo(boxed).shape == (80, 100, *channels)


def test_what_does_not_fit_is_refused():
    camera = PinholeCamera(50, 50, 50, 40, 100, 80)
    with pytest.raises(InvalidCameraError, match="height is 0"):
        letterbox(camera, 10, 0)
    box = letterbox(camera, 30, 20)
    with pytest.raises(InvalidInputError, match=r"\(80, 100\).*got \(20, 30\)"):
        box.apply(np.zeros((20, 30)))
    with pytest.raises(InvalidInputError, match=r"\(20, 30\).*got \(80, 100\)"):
        box.undo(np.zeros((80, 100)))
