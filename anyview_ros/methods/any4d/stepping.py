"""The optimisation of a scene as a fit: what it is judged by, when it has diverged, and how it goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from anyview_ros.methods.any4d.optimisation import Optimisation
from anyview_ros.methods.fit_run import smoothed

_DIVERGED = 3.0  # times the first loss


class SceneFit(Optimisation):
    """An optimisation under way to a scene; see :class:`anyview_ros.methods.fit_run.SteppedFit`.

    It has diverged, too, once its loss is several times what it was at first.
    """

    smooth_loss = math.nan
    _first_loss = math.nan

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """What is fitted, by name."""
        return {"scene": self.scene}

    @property
    def rank(self) -> float:
        """How good the present state is: the lower the better."""
        return self.smooth_loss

    def step(self) -> float:
        """Do one step and return its loss, which is not finite if the fit has diverged."""
        loss = super().step()
        if not math.isfinite(loss):
            return loss
        if math.isnan(self._first_loss):
            self._first_loss = loss
        self.smooth_loss = smoothed(self.smooth_loss, loss)
        return math.nan if self.smooth_loss > _DIVERGED * self._first_loss + 0.1 else loss

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        drawn = json.dumps(self._random.bit_generator.state).encode()
        return {
            "scene": self.scene.state_dict(),
            "optimiser": self.adam.state_dict(),
            "generator": torch.frombuffer(bytearray(drawn), dtype=torch.uint8),
            "step": self.step_count,
            "smooth_loss": self.smooth_loss,
            "first_loss": self._first_loss,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what :meth:`state` gave."""
        self.scene.load_state_dict(state["scene"])
        self.adam.load_state_dict(state["optimiser"])
        self._random.bit_generator.state = json.loads(bytes(state["generator"].tolist()))
        self.step_count = int(state["step"])
        self.smooth_loss, self._first_loss = float(state["smooth_loss"]), float(state["first_loss"])
