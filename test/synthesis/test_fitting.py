"""Fitters are found by their method's name, and budgets are checked."""

from __future__ import annotations

import pytest

from anyview_ros.errors import InvalidRequestError, MissingDependencyError, UnknownMethodError
from anyview_ros.synthesis.fitting import FITTERS, FitBudget, load_fitter


def test_methods_that_fit_no_scene_are_refused_with_those_that_do() -> None:
    with pytest.raises(
        UnknownMethodError, match="'copy_source' fits scenes; choose one of any4d, ddr, zeronvs"
    ):
        load_fitter("copy_source")


def test_ours_are_registered_by_a_module_and_a_factory_that_exist() -> None:
    for name in FITTERS.built_in:
        assert callable(FITTERS.factory(name))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyview_ros.methods.ddr.DdrFitter", _without_torch)
    with pytest.raises(MissingDependencyError, match="'ddr' needs the Python package 'torch'"):
        load_fitter("ddr")


def _without_torch(*, device: str | None) -> None:
    raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_seconds_must_be_positive(seconds: float) -> None:
    with pytest.raises(InvalidRequestError, match="seconds is"):
        FitBudget(seconds=seconds)


def test_steps_must_be_positive() -> None:
    assert FitBudget(steps=1, seconds=0.1) == FitBudget(1, 0.1)
    assert FitBudget() == FitBudget(None, None)
    with pytest.raises(InvalidRequestError, match="steps is 0"):
        FitBudget(steps=0)
