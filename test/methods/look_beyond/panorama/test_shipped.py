"""The panorama weights that are shipped, on rooms that they have not seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.methods.look_beyond.keyframes import keyframes
from anyview_ros.methods.look_beyond.panorama.generation import generate_panorama
from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
from anyview_ros.methods.look_beyond.panorama.seam import seam_error
from anyview_ros.methods.look_beyond.panorama.weights import PANORAMA, PANORAMA_FILE
from anyview_ros.methods.look_beyond.weights import SHIPPED
from anyview_ros.methods.network_files import read_network
from anyview_ros.methods.pictures import SourceFrame
from anyview_ros.scenes import render
from anyview_ros.scenes.panoramas import render_panorama
from anyview_ros.scenes.room_splits import RoomFactory

CAMERA = PinholeCamera.from_fov(96, 72, horizontal_fov_deg=70)
ROOMS = (2, 3, 6)


@pytest.fixture(scope="module")
def network() -> PanoramaDenoiser:
    return read_network(SHIPPED / PANORAMA_FILE, PANORAMA, "cpu").network


def source_and_truth(seed: int) -> tuple[SourceFrame, np.ndarray, np.ndarray]:
    """A picture of a held-out room, and the true panorama around its camera: colour in [0, 1] and distance."""
    world = RoomFactory(held_out=True).room(seed)
    low, high = np.array(world.bounds)
    eye = low + 0.3 * (high - low)
    eye[2] = 1.5
    pose, scene = look_at(eye, world.focus), world.at(0.0)
    shot = render(scene, CAMERA, pose)
    around = render_panorama(scene, pose, 64)
    frame = SourceFrame(shot.frames[0], CAMERA, pose, shot.depth[0])
    return frame, around.frames[0] / 255.0, around.depth[0]


def test_drawn_panoramas_are_nearer_to_the_truth_than_one_colour_and_one_distance(
    network: PanoramaDenoiser,
) -> None:
    colours, distances, seams = [], [], []
    for seed in ROOMS:
        frame, colour, distance = source_and_truth(seed)
        torch.set_num_threads(1)
        drawn = generate_panorama(network, frame, steps=1, height=64)
        unseen = ~drawn.seen
        mean = drawn.colour[drawn.seen].mean(0)
        middle = np.median(drawn.depth_m[drawn.seen])
        colours.append(
            (np.square(mean - colour)[unseen].mean(), np.square(drawn.colour - colour)[unseen].mean())
        )
        distances.append(
            (
                np.abs(np.log(middle / distance))[unseen].mean(),
                np.abs(np.log(drawn.depth_m / distance))[unseen].mean(),
            )
        )
        seams.append(seam_error(255 * drawn.colour))
    one_colour, network_colour = np.mean(colours, axis=0)
    one_distance, network_distance = np.mean(distances, axis=0)
    assert network_colour < 0.95 * one_colour
    assert network_distance < 0.9 * one_distance
    assert abs(np.mean(seams)) < 4


def test_a_panorama_of_a_held_out_room_can_be_walked_into(network: PanoramaDenoiser) -> None:
    frame, _, _ = source_and_truth(ROOMS[0])
    scene = generate_panorama(network, frame, steps=4, seed=1)
    behind = frame.camera_to_world.copy()
    behind[:3, :3] = behind[:3, :3] @ np.diag([-1.0, 1.0, -1.0])
    ahead = frame.camera_to_world.copy()
    ahead[:3, 3] += 0.2 * ahead[:3, 2]
    own, turned, walked = keyframes(scene, frame, CAMERA, np.stack([frame.camera_to_world, behind, ahead]))
    assert own.seen.mean() > 0.99
    assert np.abs(own.image.astype(int) - frame.image).mean() < 4
    assert not turned.seen.any()
    assert turned.mask.all()
    assert turned.image.std() > 5
    assert walked.seen.mean() > 0.8
    assert walked.mask.mean() > 0.9
