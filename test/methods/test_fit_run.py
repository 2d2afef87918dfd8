"""Steps until there is a reason to stop, whatever is fitted."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
import torch
from torch import nn

from anyview_ros.errors import SynthesisError
from anyview_ros.methods import fit_run
from anyview_ros.methods.fit_run import fit_outcome, fit_provenance, run_fit, smoothed
from anyview_ros.synthesis.fitting import StopReason
from anyview_ros.synthesis.scene_file import FittedScene


class Counting:
    """Its one number is the count of steps; its loss is told beforehand."""

    def __init__(self, losses: list[float], ranks: list[float] | None = None) -> None:
        self.losses, self.ranks = losses, ranks
        self.step_count, self.smooth_loss = 0, math.nan
        self.number = nn.Linear(1, 1, bias=False)

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {"number": self.number}

    @property
    def rank(self) -> float:
        return self.smooth_loss if self.ranks is None else self.ranks[self.step_count - 1]

    def step(self) -> float:
        loss = self.losses[self.step_count]
        if math.isfinite(loss):
            self.step_count += 1
            self.smooth_loss = loss
            with torch.no_grad():
                self.number.weight.fill_(self.step_count)
        return loss

    def state(self) -> dict[str, Any]:
        return {"step": self.step_count}


def run(fit: Counting, steps: int, **others: Any) -> StopReason:
    chosen = {"began": time.monotonic(), "seconds": None, "remedy": "lower the rate", **others}
    return run_fit(fit, steps, **chosen)


@pytest.fixture(autouse=True)
def every_step_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_run, "_KEEP_EVERY", 1)


def test_it_ends_when_all_steps_are_done_and_keeps_the_last_state() -> None:
    states: list[dict[str, Any]] = []
    fit = Counting([3.0, 1.0, 2.0, 9.0])
    assert run(fit, 3, save=states.append) == "done"
    assert (fit.step_count, fit.smooth_loss, fit.number.weight.item()) == (3, 2.0, 3.0)
    assert states == [{"step": 3}]


def test_a_fit_that_diverges_goes_back_to_the_state_of_best_rank() -> None:
    states: list[dict[str, Any]] = []
    fit = Counting([3.0, 1.0, 2.0, math.nan])
    assert run(fit, 9, save=states.append) == "diverged"
    assert (fit.step_count, fit.smooth_loss, fit.number.weight.item()) == (2, 1.0, 2.0)
    assert states == []  # nothing to go on with
    later = Counting([3.0, 1.0, 2.0, math.inf], ranks=[0.0, -1.0, -2.0])
    assert run(later, 9) == "diverged"
    assert (later.step_count, later.smooth_loss) == (3, 2.0)


def test_a_fit_that_diverges_soon_after_it_was_resumed_keeps_what_it_was_resumed_from() -> None:
    fit = Counting([3.0, 1.0, math.nan])
    assert run(fit, 2) == "done"
    with torch.no_grad():
        before = fit.number.weight.clone()
    assert run(fit, 9) == "diverged"
    assert (fit.step_count, fit.smooth_loss) == (2, 1.0)
    assert torch.equal(fit.number.weight, before)


def test_parameters_that_are_no_longer_finite_at_the_end_count_as_diverged() -> None:
    class Breaking(Counting):
        def step(self) -> float:
            loss = super().step()
            if self.step_count == 3:
                with torch.no_grad():
                    self.number.weight.fill_(math.nan)
            return loss

    fit = Breaking([1.0, 1.0, 1.0])
    assert run(fit, 3) == "diverged"
    assert fit.number.weight.item() == 2.0


def test_a_fit_that_diverges_at_once_is_an_error_with_the_remedy() -> None:
    with pytest.raises(SynthesisError, match=r"diverged at step 0.*; lower the rate"):
        run(Counting([math.nan]), 3)


def test_time_counts_from_when_the_fit_was_asked_for() -> None:
    fit = Counting([1.0, 1.0, 1.0])
    assert run(fit, 3, began=time.monotonic() - 60, seconds=30) == "time"
    assert fit.step_count == 1  # so that every call gets on, however long it took to prepare
    assert run(fit, 3, began=time.monotonic() - 60, seconds=30) == "time"
    assert fit.step_count == 2
    assert run(fit, 3, seconds=30) == "done"


def test_the_first_step_is_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_run, "_KEEP_EVERY", 25)
    fit = Counting([3.0, 4.0, math.nan])
    assert run(fit, 9) == "diverged"
    assert (fit.step_count, fit.smooth_loss, fit.number.weight.item()) == (1, 3.0, 1.0)


def test_the_mean_of_a_loss_begins_with_its_first_value_and_follows_slowly() -> None:
    first = smoothed(math.nan, 4.0)
    assert first == 4.0
    assert smoothed(first, 2.0) == pytest.approx(3.9)


def test_a_scene_tells_of_its_fit_and_a_fit_without_a_step_has_no_loss() -> None:
    fit = Counting([2.0])
    begun = fit_provenance(fit, "cancelled", seed=3, options={"rate": 1}, key="k")
    assert (begun["steps"], begun["loss"], begun["stopped"]) == (0, None, "cancelled")
    run(fit, 1)
    told = fit_provenance(fit, "done", seed=3, options={"rate": 1}, key="k")
    assert (told["steps"], told["loss"], told["seed"]) == (1, 2.0, 3)
    assert (told["options"], told["clips_sha256"]) == ({"rate": 1}, "k")


def test_an_outcome_says_that_the_fit_diverged_and_what_to_do() -> None:
    fit = Counting([2.0, math.nan])
    scene = FittedScene("counting", 1, {}, (), {}, {})
    stopped = run(fit, 2)
    outcome = fit_outcome(
        fit, stopped, scene, began=time.monotonic() - 5, notes=["One."], remedy="lower the rate"
    )
    assert (outcome.stopped, outcome.steps, outcome.loss) == ("diverged", 1, 2.0)
    assert outcome.seconds == pytest.approx(5, abs=2)
    assert outcome.notes == ("One.", "The fit diverged; the scene is that of step 1; lower the rate.")
    assert fit_outcome(fit, "done", scene, began=0.0, notes=(), remedy="none").notes == ()
