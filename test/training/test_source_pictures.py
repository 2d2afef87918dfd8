from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_weights import TINY, tiny_network

from anyview_ros.errors import InvalidInputError
from anyview_ros.training.filmed import FilmedRooms
from anyview_ros.training.losses import picture_loss
from anyview_ros.training.small_config import LossConfig
from anyview_ros.training.source_pictures import PicturePlan, PictureSource
from anyview_ros.training.views import drawn_view

PLAN = PicturePlan(count=12, hint_share=0.0)


def test_a_batch_depends_on_seed_and_step_alone(rooms: FilmedRooms) -> None:
    first, again = PictureSource(rooms, PLAN, 0), PictureSource(rooms, PLAN, 0)
    first[3]
    for name, value in vars(first[7]).items():
        assert torch.equal(value, getattr(again[7], name)), name
    assert not torch.equal(first[7].picture, PictureSource(rooms, PLAN, 1)[7].picture)


def test_shapes_and_shares(rooms: FilmedRooms) -> None:
    batch = PictureSource(rooms, PLAN, 0)[0]
    assert batch.picture.shape == (12, 3, 32, 32)
    assert batch.picture.dtype == torch.uint8
    assert batch.depth.shape == batch.true_depth.shape == (12, 1, 32, 32)
    assert batch.intrinsics.shape == (12, 4)
    assert not batch.depth.any()
    told = PictureSource(rooms, PicturePlan(count=12, hint_share=1.0, clean_share=1.0), 0)[0]
    assert torch.equal(told.depth, told.true_depth)


def test_parts_are_seen_as_through_a_longer_lens(rooms: FilmedRooms) -> None:
    whole = PictureSource(rooms, PicturePlan(count=16, zoom_share=0.0), 0)[0].intrinsics[:, 0]
    parts = PictureSource(rooms, PicturePlan(count=16, zoom_share=1.0, least_part=0.5), 0)[0].intrinsics[:, 0]
    focal = rooms.intrinsics[..., 0].ravel() / rooms.side
    assert all(np.isclose(focal, value).any() for value in whole.tolist())
    longer = parts[:, None] / torch.from_numpy(focal)
    assert ((longer > 0.999) & (longer < 2.1)).any(1).all()
    assert parts.mean() > 1.1 * whole.mean()


def test_places_of_a_part_keep_their_rays(rooms: FilmedRooms) -> None:
    """A mirrored, rolled, enlarged part holds the whole picture's depth where its own camera says."""
    when = slice(0, 1)
    for index in range(16):
        rng = np.random.default_rng(index)
        whole = drawn_view(rooms, index % len(rooms), index % 4, when, rng, (32, 32), index % 2 == 1)
        roll, part = rng.uniform(-0.5, 0.5), rng.uniform(0.5, 0.9)
        seen = whole.through_longer_lens(part, roll, tuple(rng.uniform(12, 20, 2)))
        rows, columns = np.indices((32, 32))
        x, y = (columns - seen.camera.cx) / seen.camera.fx, (rows - seen.camera.cy) / seen.camera.fy
        rays = np.stack((x, y, np.ones_like(x)), -1)
        to_whole = np.linalg.inv(whole.camera_to_world[0]) @ seen.camera_to_world[0]
        assert np.allclose(to_whole[:3, 3], 0, atol=1e-9)
        rays = rays @ to_whole[:3, :3].T
        assert np.allclose(rays[..., 2], 1)
        column = rays[..., 0] * whole.camera.fx + whole.camera.cx
        row = rays[..., 1] * whole.camera.fy + whole.camera.cy
        inside = (column > 0) & (column < 31) & (row > 0) & (row < 31)
        at = np.rint(row[inside]).astype(int), np.rint(column[inside]).astype(int)
        same = np.isclose(whole.depth[0][at], seen.depth[0][inside], rtol=1e-3)
        assert inside.mean() > 0.4
        assert same.mean() > 0.95
        outside = (column < -1) | (column > 32) | (row < -1) | (row > 32)
        assert not seen.depth[0][outside].any()


def test_a_roll_needs_square_pixels(rooms: FilmedRooms) -> None:
    view = drawn_view(rooms, 0, 0, slice(0, 1), np.random.default_rng(0), (32, 32))
    flat = replace(view, camera=replace(view.camera, fy=view.camera.fy * 1.1))
    with pytest.raises(InvalidInputError, match="give square pixels"):
        flat.through_longer_lens(0.7, 0.1, (16, 16))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": -1}, "source_pictures.count is -1"),
        ({"zoom_share": 1.5}, "source_pictures.zoom_share is 1.5"),
        ({"roll": -1.0}, "source_pictures.roll is -1.0"),
        ({"least_part": 0.0}, "source_pictures.least_part is 0.0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        PicturePlan(**settings)  # type: ignore[arg-type]


def test_the_loss_is_of_depth_alone_and_finds_the_truth(rooms: FilmedRooms) -> None:
    network = tiny_network(TINY).requires_grad_(True)
    batch = PictureSource(rooms, PLAN, 0)[0]
    weights = LossConfig(source_planes=1.0, source_depth=1.0)
    loss, parts, log_depth = picture_loss(network, batch, weights)
    assert set(parts) == {"source_planes", "source_depth"}
    assert float(loss.detach()) == pytest.approx(sum(map(float, parts.values())), rel=1e-5)
    cells = 32 // log_depth.shape[-1]
    truth = batch.true_depth[..., cells // 2 :: cells, cells // 2 :: cells].log()
    assert float((log_depth - truth).abs().mean()) == pytest.approx(float(parts["source_depth"]), rel=1e-4)
    loss.backward()
    moved = {
        name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()
    }
    assert "source_depth" in moved
    assert not moved & {"target_stem", "decoder", "carry"}
