"""Factories of ours and of other packages are found by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
from fake_synthesizers import FakeSynthesizer

from anyview_ros.errors import MissingDependencyError, UnknownMethodError
from anyview_ros.synthesis import load_synthesizer, plugins, registry
from anyview_ros.synthesis.plugins import Plugins, missing_package_named

OURS = Plugins("group", {"b": "fake_synthesizers:FakeSynthesizer", "a": "nowhere:Method"}, "is here")


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other packages add "a", which is ours, and "c"."""
    points = [EntryPoint(name, "fake_synthesizers:FakeSynthesizer", "group") for name in ("c", "a")]
    monkeypatch.setattr(
        plugins, "entry_points", lambda *, group: [point for point in points if point.group == group]
    )


def test_ours_come_first_and_are_not_replaced_by_others(added: None) -> None:
    assert OURS.names() == ("a", "b", "c")
    assert OURS.factory("b") is OURS.factory("c") is FakeSynthesizer
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        OURS.factory("a")


@pytest.mark.parametrize("ask", [OURS.check, OURS.factory])
def test_an_unknown_name_is_answered_with_those_there_are(ask, added: None) -> None:
    with pytest.raises(UnknownMethodError, match="no method named 'd' is here; choose one of a, b, c"):
        ask("d")


def test_methods_of_other_packages_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("theirs", "fake_synthesizers:FakeSynthesizer", "anyview_ros.methods")
    monkeypatch.setattr(plugins, "entry_points", lambda *, group: [point] if group == point.group else [])
    assert registry.available_methods()[-1] == "theirs"
    assert isinstance(load_synthesizer("theirs", device="fake:1"), FakeSynthesizer)


def test_a_package_that_is_not_installed_is_named() -> None:
    with (
        pytest.raises(MissingDependencyError, match="method 'x' needs the Python package 'torch'"),
        missing_package_named("x"),
    ):
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")


@pytest.mark.parametrize("name", ["anyview_ros.methods.nowhere", None])
def test_a_module_of_ours_that_is_missing_is_no_missing_package(name: str | None) -> None:
    with pytest.raises(ModuleNotFoundError), missing_package_named("x"):
        raise ModuleNotFoundError("gone", name=name)
