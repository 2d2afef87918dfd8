"""any4d as a fitter of scenes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anyview_ros.clips import PosedClip
from anyview_ros.methods.any4d.options import Any4DFitOptions
from anyview_ros.methods.devices import torch_device
from anyview_ros.synthesis.fitting import FitBudget, FitOutcome, FitProgress
from anyview_ros.synthesis.protocol import CancelToken
from anyview_ros.synthesis.request import check_seed, resolve_options


class Any4DFitter:
    """Fits moving Gaussians to what cameras saw; see ``SceneFitter``.

    Args:
        device: torch device; None takes CUDA where there is one.

    Raises:
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """

    name = "any4d"
    options_type = Any4DFitOptions

    def __init__(self, *, device: str | None = None) -> None:
        """Choose the device."""
        self.device = torch_device(device)

    def fit(
        self,
        clips: Sequence[PosedClip],
        *,
        budget: FitBudget | None = None,
        seed: int = 0,
        options: Any = None,
        progress: FitProgress | None = None,
        cancel: CancelToken | None = None,
        checkpoint: Path | None = None,
    ) -> FitOutcome:
        """Fit one scene to what one or several cameras saw; see ``SceneFitter.fit``."""
        from anyview_ros.methods.any4d.fitting import fit_scene

        check_seed(seed)
        return fit_scene(
            clips,
            resolve_options(options, Any4DFitOptions, self.name),
            budget=budget or FitBudget(),
            seed=seed,
            device=self.device,
            progress=progress,
            cancel=cancel,
            checkpoint=checkpoint,
        )
