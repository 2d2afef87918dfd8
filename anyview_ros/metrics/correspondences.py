"""Points of two pictures that show the same: by known depth, by looking near there, or by SIFT."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.pixel_transfer import PixelTransfer
from anyview_ros.geometry.warp import co_visible

Array = NDArray[np.float64]
UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

_LEAST_SCORE = 0.7  # correlation below which there is no match
_FLAT = 3.0  # grey levels: patches that vary less look alike everywhere


@dataclass(frozen=True, eq=False)
class Correspondences:
    """Matched points: float64 (N, 2) each, x and y in pixels, centres at integers."""

    points_a: Array
    points_b: Array

    def __post_init__(self) -> None:
        a, b = (np.asarray(points, np.float64).reshape(-1, 2) for points in (self.points_a, self.points_b))
        if len(a) != len(b):
            raise InvalidInputError(
                f"matches need as many points in both pictures, got {len(a)} and {len(b)}"
            )
        object.__setattr__(self, "points_a", a)
        object.__setattr__(self, "points_b", b)

    def __len__(self) -> int:
        return len(self.points_a)


def correspondences_from_depth(
    depth_a: Float32,
    camera_a: PinholeCamera,
    a_to_world: ArrayLike,
    camera_b: PinholeCamera,
    b_to_world: ArrayLike,
    *,
    depth_b: Float32 | None = None,
    stride: int = 4,
) -> Correspondences:
    """Where surfaces seen by camera a are in camera b, by the depth of a.

    Args:
        depth_a: float32 (H, W), metres; 0 = unknown.
        camera_a, camera_b: intrinsics.
        a_to_world, b_to_world: poses (4, 4), metres, OpenCV axes, in one world.
        depth_b: float32 (h, w), metres, of camera b, to leave out what something hides from it; None: nothing is
            left out.
        stride: every which pixel of a, in both directions.

    Returns:
        the matches whose points lie on both pictures.

    Raises:
        InvalidInputError: depth of another shape than its camera's, or a stride below 1.
        InvalidPoseError: a pose that is not one finite rigid transform.
    """
    if stride < 1:
        raise InvalidInputError(f"stride is {stride}; give 1 or more")
    depth = np.asarray(depth_a, np.float32)
    if depth.shape != (camera_a.height, camera_a.width):
        raise InvalidInputError(
            f"depth_a must be ({camera_a.height}, {camera_a.width}), as its camera says, got {depth.shape}"
        )
    known = (depth > 0) & np.isfinite(depth)
    transfer = PixelTransfer.between(camera_a, a_to_world, camera_b, b_to_world)
    x, y, ahead, _ = transfer.apply(np.divide(1, depth, out=np.zeros_like(depth), where=known))
    shown = known & (ahead > 0) & (x >= 0) & (x <= camera_b.width - 1) & (y >= 0) & (y <= camera_b.height - 1)
    if depth_b is not None:
        shown &= co_visible(depth, camera_a, a_to_world, depth_b, camera_b, b_to_world)
    rows, columns = (stride * index for index in np.nonzero(shown[::stride, ::stride]))
    return Correspondences(
        np.column_stack([columns, rows]), np.column_stack([x[rows, columns], y[rows, columns]])
    )


def sift_correspondences(image_a: UInt8, image_b: UInt8, *, ratio: float = 0.8) -> Correspondences:
    """Match two pictures, uint8 (H, W, 3) RGB, by SIFT features (Lowe, IJCV 2004).

    Kept are matches that are each other's nearest and whose second nearest is farther by ``ratio``.

    Raises:
        InvalidInputError: pictures of another type or rank, or a ratio outside (0, 1].
    """
    if not 0 < ratio <= 1:
        raise InvalidInputError(f"ratio is {ratio}; give more than 0 and at most 1")
    sift = cv2.SIFT.create(enable_precise_upscale=True)
    (keys_a, features_a), (keys_b, features_b) = (
        sift.detectAndCompute(_grey(name, image), None)
        for name, image in (("image_a", image_a), ("image_b", image_b))
    )
    if features_a is None or features_b is None or min(len(keys_a), len(keys_b)) < 2:
        return Correspondences(np.zeros((0, 2)), np.zeros((0, 2)))
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    back = {match.queryIdx: match.trainIdx for match in matcher.match(features_b, features_a)}
    kept = {
        (keys_a[best.queryIdx].pt, keys_b[best.trainIdx].pt)
        for best, second in matcher.knnMatch(features_a, features_b, k=2)
        if best.distance < ratio * second.distance and back[best.trainIdx] == best.queryIdx
    }
    pairs = sorted(kept)  # a place may carry several features
    return Correspondences(
        np.array([a for a, _ in pairs]).reshape(-1, 2), np.array([b for _, b in pairs]).reshape(-1, 2)
    )


def refined_correspondences(
    image_a: UInt8,
    image_b: UInt8,
    expected: Correspondences,
    *,
    radius_px: int = 5,
    search_px: int = 8,
) -> Correspondences:
    """Look in picture b, near where a match is expected, for what picture a shows there.

    With matches expected from true depth this tells where a synthesised picture has put what it should show, with no
    feature detector: it works on small and smooth pictures. The best place is that of the greatest normalised
    correlation of grey patches, to a part of a pixel by a parabola.

    Args:
        image_a, image_b: uint8 (H, W, 3), RGB.
        expected: where matches should be; see :func:`correspondences_from_depth`.
        radius_px: of the patches.
        search_px: how far from the expected place is looked, in each direction.

    Returns:
        the matches found; those at the border of a picture, of the search or on plain surfaces are left out.

    Raises:
        InvalidInputError: pictures of another type or rank, or sizes below 1.
    """
    if radius_px < 1 or search_px < 1:
        raise InvalidInputError(f"radius_px is {radius_px} and search_px is {search_px}; give 1 or more")
    a, b = _grey("image_a", image_a), _grey("image_b", image_b)
    found_a, found_b = [], []
    for point, guess in zip(expected.points_a, expected.points_b, strict=True):
        patch = _window(a, np.rint(point), radius_px)
        window = _window(b, np.rint(guess), radius_px + search_px)
        if patch is None or window is None or patch.std() < _FLAT:
            continue
        scores = cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED)
        row, column = np.unravel_index(int(np.argmax(scores)), scores.shape)
        inside = 0 < row < 2 * search_px and 0 < column < 2 * search_px
        if not inside or scores[row, column] < _LEAST_SCORE:
            continue
        near = scores.astype(np.float64)
        peak = np.array(
            [
                column + _peak(near[row, column - 1 : column + 2]),
                row + _peak(near[row - 1 : row + 2, column]),
            ]
        )
        found_a.append(point)
        found_b.append(np.rint(guess) + peak - search_px + (point - np.rint(point)))
    return Correspondences(np.array(found_a).reshape(-1, 2), np.array(found_b).reshape(-1, 2))


def _window(image: UInt8, middle: Array, radius: int) -> UInt8 | None:
    x, y = int(middle[0]), int(middle[1])
    if not (radius <= x < image.shape[1] - radius and radius <= y < image.shape[0] - radius):
        return None
    return image[y - radius : y + radius + 1, x - radius : x + radius + 1]


def _peak(scores: Array) -> float:
    """Where the parabola through three scores is highest, from the middle one, in [-0.5, 0.5]."""
    before, middle, after = (float(score) for score in scores)
    bend = before - 2 * middle + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


def _grey(name: str, image: UInt8) -> UInt8:
    checked = np.asarray(image)
    if checked.dtype != np.uint8 or checked.ndim != 3 or checked.shape[2] != 3:
        raise InvalidInputError(f"{name} must be uint8 (H, W, 3), RGB, got {checked.dtype} {checked.shape}")
    return np.asarray(cv2.cvtColor(checked, cv2.COLOR_RGB2GRAY), np.uint8)
