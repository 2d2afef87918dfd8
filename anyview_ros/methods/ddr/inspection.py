"""The weight viewer: how density and rendering weights lie along chosen rays, as arrays and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr.field import DdrField
from anyview_ros.methods.ddr.scene import DdrScene
from anyview_ros.rendering.space import Space
from anyview_ros.rendering.volume import middles, ray_weights, stratified_edges, widths

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_SAMPLES = 256
_PANEL = (640, 120)  # width, height
_MARGIN = 46
_INK, _FAINT, _WEIGHT, _DENSITY, _GIVEN, _EXPECTED = (
    (40, 40, 40),
    (200, 200, 200),
    (31, 119, 180),
    (200, 200, 220),
    (44, 160, 44),
    (214, 39, 40),
)


@dataclass(frozen=True, eq=False)
class RayProfiles:
    """What lies along rays.

    Attributes:
        pixels: float64 (R, 2), column and row.
        edges: float64 (R, S + 1), metres along the optical axis.
        weights: float64 (R, S), rendering weights; they sum to 1.
        density: float64 (R, S), per metre.
        thickness: float64 (R, S), optical thickness of each interval.
        colour: float64 (R, 3), what the ray shows, in [0, 1].
    """

    pixels: Array
    edges: Array
    weights: Array
    density: Array
    thickness: Array
    colour: Array

    @property
    def depths(self) -> Array:
        """Middles of the intervals (R, S), metres."""
        middle: Array = 0.5 * (self.edges[:, 1:] + self.edges[:, :-1])
        return middle

    @property
    def expected_depth(self) -> Array:
        """Sum of depth by weight (R,), metres."""
        return np.asarray((self.weights * self.depths).sum(1))

    def spread(self, depth: ArrayLike) -> Array:
        """E|t - D| (R,), metres: how far the weights lie from given depths (R,)."""
        away = np.abs(self.depths - np.asarray(depth, np.float64)[:, None])
        return np.asarray((self.weights * away).sum(1))

    def thickness_before(self, depth: ArrayLike, margin: float = 0.05) -> Array:
        """Optical thickness (R,) from the camera to ``margin`` (a part of the depth) before given depths (R,)."""
        before = self.depths < np.asarray(depth, np.float64)[:, None] * (1 - margin)
        return np.asarray((self.thickness * before).sum(1))


def ray_profiles(
    scene: DdrScene,
    camera: PinholeCamera,
    camera_to_world: Array,
    stamp_ns: int,
    pixels: ArrayLike,
    *,
    samples: int = _SAMPLES,
) -> RayProfiles:
    """Look along rays through pixels, at even steps and without short cuts.

    Args:
        scene: to look into.
        camera: intrinsics.
        camera_to_world: float64 (4, 4), metres.
        stamp_ns: the instant.
        pixels: (R, 2), column and row.
        samples: intervals per ray.

    Raises:
        InvalidInputError: pixels of another shape.
    """
    place = float(scene.time.places(np.array([stamp_ns]))[0])
    return profiles_at(scene.field, scene.space, place, camera, camera_to_world, pixels, samples=samples)


@torch.no_grad()
def profiles_at(
    field: DdrField,
    space: Space,
    place: float,
    camera: PinholeCamera,
    camera_to_world: Array,
    pixels: ArrayLike,
    *,
    samples: int = _SAMPLES,
) -> RayProfiles:
    """Look along rays at a place of the field's time axis; see :func:`ray_profiles`."""
    chosen = np.asarray(pixels, np.float64)
    if chosen.ndim != 2 or chosen.shape[1] != 2 or not len(chosen):
        raise InvalidInputError(
            f"pixels must be (R, 2), column and row, got {chosen.shape}; give at least one"
        )
    device = field.grids[-1].device
    pose = space.to_anchor(camera_to_world)
    local = camera.unproject(chosen, np.ones(len(chosen)))
    directions = torch.from_numpy(local @ pose[:3, :3].T).float().to(device)
    origins = torch.from_numpy(pose[:3, 3]).float().to(device).expand_as(directions)
    near, far = space.crossing(origins, directions)
    edges = stratified_edges(near, far, samples, logarithmic=True)
    points = origins[:, None] + middles(edges)[..., None] * directions[:, None]
    coordinates = space.coordinates(points).reshape(-1, 3)
    density, colour = field(coordinates, torch.full((len(coordinates),), place, device=device))
    density, colour = density.view(len(chosen), samples), colour.view(len(chosen), samples, 3)
    found = ray_weights(density, widths(edges) * directions.norm(dim=-1, keepdim=True), opaque_end=True)
    arrays = (edges, found.weights, density, found.thickness, found.expected_vectors(colour))
    return RayProfiles(chosen, *(one.double().cpu().numpy() for one in arrays))


def middle_row(camera: PinholeCamera, count: int = 5) -> Array:
    """Pixels (N, 2) spread evenly over the middle of a picture."""
    columns = camera.width * (np.arange(count) + 0.5) / count
    return np.stack([columns, np.full(count, camera.height / 2)], -1)


def draw_profiles(profiles: RayProfiles, given_depth: Sequence[float | None] = ()) -> Image:
    """One panel per ray: rendering weights (blue), density (grey), expected depth (red), given depth (green).

    Args:
        profiles: of up to 16 rays.
        given_depth: metres, one per ray or none at all; None or 0 where unknown.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        InvalidInputError: more than 16 rays, or another number of depths.
    """
    count = len(profiles.pixels)
    if count > 16:
        raise InvalidInputError(f"{count} rays do not fit one picture; choose up to 16")
    if len(given_depth) not in (0, count):
        raise InvalidInputError(
            f"given_depth has {len(given_depth)} values for {count} rays; give one each, or none"
        )
    depths = list(given_depth) or [None] * count
    return np.vstack([_panel(profiles, index, depths[index]) for index in range(count)])


def draw_middle_row(
    field: DdrField, space: Space, place: float, clip: PosedClip, camera_to_world: Array
) -> Image:
    """A picture of rays across the middle of the last frame of a clip, with the depth that the clip gives.

    Args:
        field, space, place: as for :func:`profiles_at`.
        clip: gives the camera and, where it has them, depths.
        camera_to_world: float64 (4, 4), where that frame was taken.
    """
    pixels = middle_row(clip.camera)
    columns, rows = np.floor(pixels).astype(int).T
    given = [] if clip.depth is None else [float(depth) for depth in clip.depth[-1, rows, columns]]
    return draw_profiles(profiles_at(field, space, place, clip.camera, camera_to_world, pixels), given)


def save_profiles(path: Path, profiles: RayProfiles) -> None:
    """Write the arrays to a ``.npz``: pixels, edges, weights, density, thickness, colour."""
    names = ("pixels", "edges", "weights", "density", "thickness", "colour")
    np.savez_compressed(path, **{name: getattr(profiles, name) for name in names})


def _panel(profiles: RayProfiles, index: int, given: float | None) -> Image:
    width, height = _PANEL
    panel = np.full((height, width, 3), 255, np.uint8)
    edges, weights, density = profiles.edges[index], profiles.weights[index], profiles.density[index]
    near, far = float(edges[0]), float(edges[-1])
    bottom, top = height - 22, 20

    def x(depth: float) -> int:
        return _MARGIN + round((width - 2 * _MARGIN) * (depth - near) / (far - near))

    def bars(values: Array, colour: tuple[int, int, int]) -> None:
        most = max(float(values.max()), 1e-12)
        for start, end, value in zip(edges[:-1], edges[1:], values / most, strict=True):
            level = bottom - round((bottom - top) * float(value))
            cv2.rectangle(panel, (x(start), level), (max(x(end) - 1, x(start)), bottom), colour, -1)

    bars(np.log1p(density), _DENSITY)
    bars(weights, _WEIGHT)
    cv2.line(panel, (_MARGIN, bottom), (width - _MARGIN, bottom), _INK, 1)
    for depth in np.linspace(near, far, 5):
        _write(panel, f"{depth:.2f} m", (x(float(depth)) - 18, height - 6), _INK)
    marks = [(float(profiles.expected_depth[index]), _EXPECTED)]
    if given:
        marks.append((float(given), _GIVEN))
    for depth, colour in marks:
        cv2.line(
            panel,
            (x(min(max(depth, near), far)), top - 6),
            (x(min(max(depth, near), far)), bottom),
            colour,
            1,
        )
    column, row = profiles.pixels[index]
    text = f"pixel ({column:g}, {row:g}): expected {profiles.expected_depth[index]:.3f} m"
    if given:
        away = float((weights * np.abs(profiles.depths[index] - given)).sum())
        text += f", given {given:.3f} m, E|t - D| {away:.3f} m"
    _write(panel, text, (6, 12), _INK)
    cv2.line(panel, (0, height - 1), (width, height - 1), _FAINT, 1)
    return panel


def _write(image: Image, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, colour, 1, cv2.LINE_AA)
