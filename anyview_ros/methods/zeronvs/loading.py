"""Finding out what weights are given, and loading the denoiser that they are of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anyview_ros.methods.network_files import weights_path
from anyview_ros.methods.zeronvs.denoiser import Denoiser
from anyview_ros.methods.zeronvs.reliability import Reliability
from anyview_ros.methods.zeronvs.weights_file import SHIPPED, load_weights

SMALL_STEPS = 10
SMALL_GUIDANCE = 1.0
PUBLISHED = "zeronvs_published.json"
"""By which a folder of the published model, converted, is known."""

_FEW_STEPS = 20_000
_PUBLISHED_STEPS = 50
_PUBLISHED_GUIDANCE = 3.0


@dataclass(frozen=True, eq=False)
class LoadedDenoiser:
    """A denoiser, and what is known of it.

    Attributes:
        denoiser: ready to be asked.
        mode: what its 19 numbers are.
        steps: that suit it.
        guidance: that suits it.
        reliability: of its pictures.
        sha256: of its weights, hex.
        limits: what it cannot do, one sentence each.
        anchor_steps: of anchors of a distillation: the paper's 500, unless it draws worse by so many.
    """

    denoiser: Denoiser
    mode: str
    steps: int
    guidance: float
    reliability: Reliability
    sha256: str
    limits: tuple[str, ...]
    anchor_steps: int = 500


def load_denoiser(weights: str | None, device: str) -> LoadedDenoiser:
    """Load the denoiser of a file of ours, of a folder that holds one, or of the published model as converted.

    Args:
        weights: its path; None for what is shipped.
        device: torch device.

    Raises:
        WeightsError: weights that are missing or unfit.
        MissingDependencyError: a package that they need is not installed.
    """
    if weights is not None and (Path(weights) / PUBLISHED).is_file():
        return _published(Path(weights), device)
    loaded = load_weights(weights_path(weights, SHIPPED), device)
    side = loaded.network.side
    return LoadedDenoiser(
        loaded.network,
        loaded.network.config.mode,
        SMALL_STEPS,
        SMALL_GUIDANCE,
        loaded.reliability,
        loaded.sha256,
        (
            f"Draws at {side}x{side} pixels, whatever size is asked for: larger views are soft.",
            "Trained on computed rooms of 3 to 7 m and simulated robots only; not for real pictures.",
            *_trained_little(loaded.about.get("steps", "")),
        ),
        SMALL_STEPS,
    )


def _trained_little(steps: str) -> tuple[str, ...]:
    """A sentence on weights that saw few samples."""
    if not steps.isdecimal() or int(steps) >= _FEW_STEPS:
        return ()
    return (
        f"These weights were trained for {int(steps)} steps only: soft fields of colour, hardly any things; train on.",
    )


def _published(folder: Path, device: str) -> LoadedDenoiser:
    from anyview_ros.methods.zeronvs.published import load_published

    denoiser, sha256 = load_published(folder, device)
    return LoadedDenoiser(
        denoiser,
        "viewer",
        _PUBLISHED_STEPS,
        _PUBLISHED_GUIDANCE,
        Reliability(),
        sha256,
        (
            f"Draws at {denoiser.side}x{denoiser.side} pixels, whatever size is asked for: larger views are soft.",
            "How far its pictures can be trusted has not been measured: confidence is 0.1 at most.",
        ),
    )
