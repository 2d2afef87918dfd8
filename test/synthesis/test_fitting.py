"""Fitters are found by their method's name, and budgets are checked."""

from __future__ import annotations

import sys

import pytest

from anyview_ros.errors import InvalidRequestError, MissingDependencyError, UnknownMethodError
from anyview_ros.synthesis.fitting import FitBudget, available_fitters, load_fitter


def test_methods_that_fit_no_scene_are_refused_with_those_that_do() -> None:
    with pytest.raises(
        UnknownMethodError, match="'copy_source' fits scenes; choose one of any4d, ddr, zeronvs"
    ):
        load_fitter("copy_source")
    assert {"any4d", "ddr", "zeronvs"} <= set(available_fitters())


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name="torch.nn")

    monkeypatch.setattr("anyview_ros.synthesis.fitting._factory", refuse)
    with pytest.raises(MissingDependencyError, match="needs the Python package 'torch'"):
        load_fitter("ddr")


def test_a_missing_module_of_ours_is_not_called_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anyview_ros.methods.ddr", None)
    with pytest.raises(ModuleNotFoundError, match=r"anyview_ros\.methods\.ddr") as raised:
        load_fitter("ddr")
    assert not isinstance(raised.value, MissingDependencyError)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_seconds_must_be_positive(seconds: float) -> None:
    with pytest.raises(InvalidRequestError, match="seconds is"):
        FitBudget(seconds=seconds)


def test_steps_must_be_positive() -> None:
    assert FitBudget(steps=1, seconds=0.1) == FitBudget(1, 0.1)
    assert FitBudget() == FitBudget(None, None)
    with pytest.raises(InvalidRequestError, match="steps is 0"):
        FitBudget(steps=0)
