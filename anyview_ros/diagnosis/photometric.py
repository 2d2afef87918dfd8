"""How well one picture, carried into another by depth and poses, fits it; and whether other poses fit better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import BODY_FROM_OPTICAL, PinholeCamera, invert_rigid, opengl_to_opencv
from anyview_ros.geometry.warp import inverse_warp

Array = NDArray[np.float64]

_WIDTH = 240
_TELLING = 8.0  # grey levels by which the fit with and without moving must differ
_FEWEST = 100  # pixels


@dataclass(frozen=True, eq=False)
class View:
    """A small grey picture of a pinhole camera, with its depth and pose.

    Attributes:
        grey: uint8 (h, w, 3), grey in every channel, blurred.
        depth_m: float32 (h, w); or None.
        camera: its intrinsics.
        camera_to_world: (4, 4), as given.
    """

    grey: NDArray[np.uint8]
    depth_m: NDArray[np.float32] | None
    camera: PinholeCamera
    camera_to_world: Array


def make_view(
    rgb: NDArray[np.uint8],
    depth_m: NDArray[np.float32] | None,
    camera: PinholeCamera,
    camera_to_world: Array,
) -> View:
    """Reduce a rectified picture uint8 (H, W, 3), its depth float32 (H, W) and its camera to a comparable size."""
    import cv2

    scale = max(camera.width / _WIDTH, 1.0)
    size = (round(camera.width / scale), max(round(camera.height / scale), 1))
    grey = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.0)
    if depth_m is not None:
        depth_m = np.asarray(cv2.resize(depth_m, size, interpolation=cv2.INTER_NEAREST_EXACT), np.float32)
    return View(
        np.repeat(np.asarray(grey, np.uint8)[..., None], 3, axis=2),
        depth_m,
        camera.resized(*size),
        camera_to_world,
    )


@dataclass(frozen=True)
class Hypothesis:
    """Another meaning that the poses may have.

    Attributes:
        name: key.
        meaning: what is wrong if it holds.
        remedy: what to do then.
    """

    name: str
    meaning: str
    remedy: str

    def pose(self, given: Array) -> Array:
        """camera_to_world (4, 4), OpenCV axes, if a given pose has this meaning."""
        pose = invert_rigid(given) if self.name.startswith("inverted") else given
        if self.name.endswith("opengl"):
            return opengl_to_opencv(pose)
        return np.asarray(pose @ BODY_FROM_OPTICAL) if self.name == "body" else pose


GIVEN = Hypothesis("given", "the poses are right", "")
HYPOTHESES = (
    Hypothesis(
        "inverted",
        "the poses are inverted: world_to_camera is given as camera_to_world",
        "invert them (in TF, exchange parent and child)",
    ),
    Hypothesis(
        "opengl",
        "the camera has OpenGL axes (y up, z back) instead of OpenCV's (y down, z forward)",
        "convert with opengl_to_opencv (flip y and z of the camera), or fix the optical frame",
    ),
    Hypothesis(
        "inverted_opengl",
        "the poses are inverted and of OpenGL axes",
        "invert them, then convert with opengl_to_opencv",
    ),
    Hypothesis(
        "body",
        "the poses are those of the camera's body (x forward), not of its optical frame (z forward)",
        "stamp the pictures with the optical frame, or let it hang with rpy = -π/2 0 -π/2",
    ),
)


def misfit(a: View, b: View, a_to_world: Array, b_to_world: Array, *, depth_scale: float = 1.0) -> float:
    """Mean grey difference, of 255, between ``a`` and what ``b`` shows of it, by the depth of ``a``.

    Brightness and contrast are matched first. Pixels that fall outside ``b`` count as if nothing were known of
    them, with the mean deviation of ``a``: so poses that carry everything out of the picture do not win.
    """
    depth = _depth(a, depth_scale)
    carried, valid = inverse_warp(b.grey, depth, b.camera, b_to_world, a.camera, a_to_world)
    known = depth > 0
    here = a.grey[..., 0].astype(np.float32)
    ignorance = float(np.abs(here[known] - here[known].mean()).mean())
    valid &= known
    if valid.sum() < 0.1 * known.sum():
        return ignorance
    there, inside = carried[..., 0].astype(np.float32)[valid], here[valid]
    spread = float(there.std())
    if spread > 0:
        there = (there - there.mean()) * min(float(inside.std()) / spread, 2.0) + inside.mean()
    difference = float(np.abs(there - inside).sum())
    return (difference + ignorance * float(known.sum() - valid.sum())) / float(known.sum())


def vote(a: View, b: View, a_to_world: Array, b_to_world: Array) -> float:
    """Of the pixels that tell, the part at which ``b`` carried into ``a`` fits better than ``b`` as if nothing moved.

    Robust where much of the picture moves with the camera (a gripper) or by itself. Wrong poses stay below a half,
    right ones above it; nan if too few pixels tell.
    """
    depth = _depth(a, 1.0)
    carried, valid = inverse_warp(b.grey, depth, b.camera, b_to_world, a.camera, a_to_world)
    unmoved, seen = inverse_warp(b.grey, depth, b.camera, np.eye(4), a.camera, np.eye(4))
    here = a.grey[..., 0].astype(np.float32)
    moved, still = np.abs(carried[..., 0] - here), np.abs(unmoved[..., 0] - here)
    telling = valid & seen & (np.abs(moved - still) > _TELLING)
    return float((moved < still)[telling].mean()) if telling.sum() > _FEWEST else float("nan")


def contrast(view: View) -> float:
    """Mean deviation of the brightness where depth is known, of 255: the misfit of knowing nothing."""
    known = _depth(view, 1.0) > 0
    values = view.grey[..., 0][known].astype(np.float32)
    return float(np.abs(values - values.mean()).mean()) if len(values) else 0.0


def motion_px(a: View, b: View, a_to_world: Array, b_to_world: Array) -> float:
    """Median way that pixels of ``a`` with depth move until ``b``, in pixels; inf if most leave its front."""
    depth = _depth(a, 1.0)
    rows, columns = np.nonzero(depth > 0)
    if not len(rows):
        return 0.0
    pixels = np.stack([columns, rows], axis=-1).astype(np.float64)
    points = a.camera.unproject(pixels, depth[rows, columns])
    pose = invert_rigid(b_to_world) @ a_to_world
    moved, _ = b.camera.project(points @ pose[:3, :3].T + pose[:3, 3])
    way = np.linalg.norm(moved - pixels, axis=-1)
    return float(np.median(np.where(np.isfinite(way), way, np.inf)))


def _depth(view: View, scale: float) -> NDArray[np.float32]:
    if view.depth_m is None:
        return np.zeros(view.grey.shape[:2], np.float32)
    return view.depth_m * np.float32(scale)
