"""New Gaussians from pictures with depth: one disc per pixel, as large as the pixel sees and as flat as a surface."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera, matrix_from_quaternion, quaternion_from_matrix

Float = NDArray[np.float64]

_WIDTH = 0.4  # standard deviation of a disc, in steps between discs
_FLATNESS = 0.2  # thickness, as part of that
_GRAZING = 0.35  # discs seen at a lower sine than this are not drawn out further


@dataclass(frozen=True, eq=False)
class Births:
    """N new Gaussians.

    Attributes:
        means: (N, 3), world, metres.
        quaternions: (N, 4), w first, from the Gaussian's axes to the world's.
        scales: (N, 3), standard deviations along its axes, metres.
        colours: (N, 3), RGB in [0, 1].
        support: (N,) in [0, 1], how far a real camera saw them: less than 1 where their depth was guessed.
    """

    means: Float
    quaternions: Float
    scales: Float
    colours: Float
    support: Float

    def __len__(self) -> int:
        return len(self.means)

    @classmethod
    def empty(cls, count: int) -> Births:
        """``count`` Gaussians that stand for nothing yet."""
        turned = np.tile((1.0, 0.0, 0.0, 0.0), (count, 1))
        return cls(np.zeros((count, 3)), turned, np.ones((count, 3)), np.zeros((count, 3)), np.zeros(count))

    @classmethod
    def together(cls, parts: list[Births]) -> Births:
        """All of several."""
        names = ("means", "quaternions", "scales", "colours", "support")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Births:
        """Some of them."""
        return Births(
            self.means[which],
            self.quaternions[which],
            self.scales[which],
            self.colours[which],
            self.support[which],
        )

    def moved(self, back: Float) -> Births:
        """Each moved by its own rigid motion (N, 4, 4)."""
        means = np.einsum("nij,nj->ni", back[:, :3, :3], self.means) + back[:, :3, 3]
        axes = back[:, :3, :3] @ _rotations(self.quaternions)
        return Births(means, _quaternions(axes), self.scales, self.colours, self.support)


def born(
    image: NDArray[np.float32],
    depth: NDArray[np.float32],
    camera: PinholeCamera,
    camera_to_world: Float,
    pixels: NDArray[np.int64],
    *,
    step: float,
    support: NDArray[np.float32] | float,
) -> Births:
    """Gaussians at pixels (N, 2) (column, row) whose depth is known.

    Args:
        image: float32 (H, W, 3) in [0, 1].
        depth: float32 (H, W), metres.
        camera: intrinsics.
        camera_to_world: (4, 4), metres.
        pixels: (N, 2), whole pixels.
        step: pixels between one Gaussian and the next.
        support: (N,) in [0, 1], how far a real camera saw them; or one for all.
    """
    column, row = pixels[:, 0], pixels[:, 1]
    z = depth[row, column].astype(np.float64)
    local = camera.unproject(pixels, z)
    rotation = camera_to_world[:3, :3]
    normal = _normals(depth, camera)[row, column]
    sight = local / np.linalg.norm(local, axis=1, keepdims=True)
    tilted = np.cross(normal, sight)
    length = np.linalg.norm(tilted, axis=1, keepdims=True)
    level = np.where(length > 1e-6, tilted / np.maximum(length, 1e-12), _across(normal))
    along = np.cross(normal, level)
    facing = np.maximum(np.abs((normal * sight).sum(1)), _GRAZING)
    width = _WIDTH * step * z / np.sqrt(camera.fx * camera.fy)
    scales = np.stack([width, width / facing, _FLATNESS * width], 1)
    axes = rotation @ np.stack([level, along, normal], -1)
    means = local @ rotation.T + camera_to_world[:3, 3]
    shares = np.broadcast_to(np.asarray(support, np.float64), (len(pixels),)).copy()
    return Births(means, _quaternions(axes), scales, image[row, column].astype(np.float64), shares)


def unexplained(
    points: Float,
    depth: NDArray[np.float32],
    camera: PinholeCamera,
    camera_to_world: Float,
    *,
    reach: int,
    tolerance: float = 0.05,
) -> NDArray[np.bool_]:
    """Which pixels (H, W) with depth show a surface on which none of the points (N, 3) lies.

    A point explains the pixels within ``reach`` of it whose depth is its own to one part in twenty.
    """
    local = (points - camera_to_world[:3, 3]) @ camera_to_world[:3, :3]
    pixels, z = camera.project(local)
    inside = (z > 0) & camera.contains(pixels)
    column, row = np.rint(pixels[inside]).astype(int).T
    column, row = np.minimum(column, camera.width - 1), np.minimum(row, camera.height - 1)
    seen = depth[row, column]
    close = np.abs(seen - z[inside]) < tolerance * np.maximum(seen, 1e-6)
    covered = np.zeros(depth.shape, np.uint8)
    covered[row[close], column[close]] = 1
    grown = cv2.dilate(covered, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    return np.asarray((grown == 0) & (depth > 0))


def on_grid(mask: NDArray[np.bool_], step: float) -> NDArray[np.int64]:
    """The pixels (N, 2) (column, row) that the mask (H, W) holds of columns and rows ``step`` apart, 1 or more."""
    rows, columns = (np.arange(step / 2, size, step).astype(np.int64) for size in mask.shape)
    row, column = np.nonzero(mask[rows[:, None], columns])
    return np.stack([columns[column], rows[row]], 1)


def grid_step(pixels: int, room: float) -> float:
    """How far apart Gaussians of so many pixels are when there is room for so many of them; 1 or more."""
    return max(1.0, float(np.sqrt(pixels / max(room, 1.0))))


def _normals(depth: NDArray[np.float32], camera: PinholeCamera) -> Float:
    """Unit normals (H, W, 3) in camera axes, towards the camera; along the line of sight where depth jumps."""
    grid = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), -1)
    points = camera.unproject(grid, depth.astype(np.float64))
    across = _slope(points, depth, 1)
    down = _slope(points, depth, 0)
    normal = np.cross(down, across)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    sight = points / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), 1e-9)
    normal = np.where(length > 1e-12, normal / np.maximum(length, 1e-12), -sight)
    return np.asarray(np.where((normal * sight).sum(-1, keepdims=True) > 0, -normal, normal))


def _slope(points: Float, depth: NDArray[np.float32], axis: int) -> Float:
    """The change of place along an axis, towards the neighbour whose depth is nearer to the pixel's own."""
    ahead, behind = np.roll(points, -1, axis) - points, points - np.roll(points, 1, axis)
    jump_ahead, jump_behind = (np.abs(np.roll(depth, s, axis) - depth) for s in (-1, 1))
    first, last = [slice(None)] * 2, [slice(None)] * 2
    first[axis], last[axis] = slice(0, 1), slice(-1, None)
    jump_behind[tuple(first)], jump_ahead[tuple(last)] = np.inf, np.inf
    return np.asarray(np.where((jump_ahead <= jump_behind)[..., None], ahead, behind))


def _across(normal: Float) -> Float:
    """Unit vectors square to others."""
    other = np.where(np.abs(normal[:, :1]) < 0.9, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    made = np.cross(normal, other)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True))


def _quaternions(rotations: Float) -> Float:
    return np.asarray(np.roll(quaternion_from_matrix(rotations), 1, axis=-1))


def _rotations(quaternions: Float) -> Float:
    return matrix_from_quaternion(np.roll(quaternions, -1, axis=-1))
