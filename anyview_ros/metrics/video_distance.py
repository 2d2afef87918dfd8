"""How far two sets of pictures in motion are apart, pixel by pixel or not: distances between distributions."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError

UInt8 = NDArray[np.uint8]
Array = NDArray[np.float64]

_SIDE = 7  # pixels of a patch
_LEVELS, _PATCHES, _DIRECTIONS = 3, 2048, 48


def sliced_wasserstein(a: UInt8, b: UInt8, *, seed: int = 0) -> float:
    """The distance between the patches of two videos, which needs no network: lower is nearer, 0 is the same.

    Patches of 7 x 7 pixels, and their changes to the next frame, are drawn at three scales. The sets of both videos
    are compared by the sliced Wasserstein distance: they are projected on random directions of unit length, where the
    distance is the mean difference of the sorted values (Rabin et al., Wasserstein Barycenter and its Application to
    Texture Mixing, 2011; on patches of several scales: Karras et al., Progressive Growing of GANs, ICLR 2018). It
    judges textures, sharpness and motion, not places.

    Args:
        a, b: uint8 (T, H, W, 3), RGB, of one shape; 7 x 7 pixels or more. Of a single frame there are no changes.
        seed: of the places and directions.

    Returns:
        grey levels of 255, the mean over directions, scales, and patches and changes.

    Raises:
        InvalidInputError: videos of different shape, or too small.
    """
    if a.shape != b.shape or a.dtype != np.uint8 or b.dtype != np.uint8 or a.ndim != 4 or not len(a):
        raise InvalidInputError(
            f"videos must be uint8 (T, H, W, 3) of one shape, got {a.dtype} {a.shape}, {b.dtype} {b.shape}"
        )
    if min(a.shape[1:3]) < _SIDE:
        raise InvalidInputError(f"videos are {a.shape[1:3]}; patches need {_SIDE} x {_SIDE} pixels or more")
    rng = np.random.default_rng(seed)
    apart = []
    for _ in range(_LEVELS):
        places = _places(rng, a.shape)
        for first, second in zip(_patch_sets(a, places), _patch_sets(b, places), strict=True):
            directions = rng.normal(size=(first.shape[1], _DIRECTIONS))
            directions /= np.linalg.norm(directions, axis=0)
            apart.append(_mean_distance(first @ directions, second @ directions))
        if min(a.shape[1:3]) < 2 * _SIDE:
            break
        a, b = _halved(a), _halved(b)
    return float(np.mean(apart))


def _mean_distance(a: Array, b: Array) -> float:
    """The Wasserstein distance of each column of two sets of one size, and its mean over columns."""
    return float(np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).mean())


def _places(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int64]:
    room = (max(shape[0] - 2, 0), shape[1] - _SIDE, shape[2] - _SIDE)
    return rng.integers(0, np.array(room) + 1, (_PATCHES, 3))


def _patch_sets(video: UInt8, places: NDArray[np.int64]) -> list[Array]:
    """Patches and, where there is a next frame, their changes, each (P, 147)."""
    cut = np.stack([video[t : t + 2, y : y + _SIDE, x : x + _SIDE] for t, y, x in places]).astype(np.float64)
    sets = [cut[:, 0]] if len(video) == 1 else [cut[:, 0], cut[:, 1] - cut[:, 0]]
    return [each.reshape(len(places), -1) for each in sets]


def _halved(video: UInt8) -> UInt8:
    return np.stack([np.asarray(cv2.pyrDown(frame), np.uint8) for frame in video])


def frechet_distance(a: Array, b: Array) -> float:
    """The Fréchet distance between Gaussians fitted to two sets of features (N, D) and (M, D).

    |mean_a - mean_b|² + tr(C_a + C_b - 2 (C_a C_b)^½) with sample covariances (Heusel et al., NeurIPS 2017). With few
    samples it is biased upwards: compare only sets of one size, and tell the size.

    Raises:
        InvalidInputError: sets of different width, or of fewer than two.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise InvalidInputError(
            f"features must be (N, D) and (M, D), N and M at least 2, got {a.shape}, {b.shape}"
        )
    first, second = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (a, b))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    mixed = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    gap = a.mean(axis=0) - b.mean(axis=0)
    return float(max(0.0, gap @ gap + np.trace(first) + np.trace(second) - 2 * mixed))
