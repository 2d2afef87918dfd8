"""ZeroNVS (arXiv 2310.17994): one picture, any camera, by an image-conditioned diffusion model."""

from __future__ import annotations

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.zeronvs.distillation import DistilledViews
from anyview_ros.methods.zeronvs.method import ZeroNVS

__all__ = ["DistilledViews", "ZeroNVS", "load"]


def load(
    *, device: str | None = None, weights: str | None = None, scene: str | None = None
) -> ZeroNVS | DistilledViews:
    """The method that draws each view anew, or with a scene the one that shows what was distilled from a picture.

    Args:
        device: torch device; None takes CUDA where there is one.
        weights: as of :class:`ZeroNVS`.
        scene: as of :class:`DistilledViews`.

    Raises:
        InvalidInputError: both weights and a scene.
        AnyViewError: as the classes do.
    """
    if scene is None:
        return ZeroNVS(device=device, weights=weights)
    if weights is not None:
        raise InvalidInputError(
            "method 'zeronvs' takes weights to draw views, or a scene to show one that was distilled, not both; leave "
            "weights out"
        )
    return DistilledViews(scene=scene, device=device)
