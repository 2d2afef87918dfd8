from __future__ import annotations

import builtins
import importlib.util
import sys

import pytest

from anyview_ros.errors import InvalidInputError, MissingDependencyError, UnknownMethodError
from anyview_ros.synthesis import available_methods, check_method, default_method, load_synthesizer, registry


def test_ours_are_registered_by_a_module_and_a_factory_that_exist():
    assert set(available_methods()) >= {"anyview", "anyview_small", "copy_source", "reprojection"}
    assert default_method() in available_methods()
    for name in registry.METHODS.built_in:
        assert callable(registry.METHODS.factory(name))


@pytest.mark.parametrize("missing", [None, "torch", "safetensors"])
def test_the_small_network_is_the_default_where_it_can_run(monkeypatch, missing):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else real(name))
    assert default_method() == ("anyview_small" if missing is None else "reprojection")


def test_a_method_is_loaded_by_its_name():
    assert load_synthesizer("copy_source", device="cpu").describe().name == "copy_source"
    assert load_synthesizer().describe().name == default_method()


@pytest.mark.parametrize("name", sorted(set(registry.METHODS.built_in) - {"anyview"}))
def test_methods_tell_the_device_that_they_work_on(name):
    """All but the one whose weights are not shipped."""
    method = load_synthesizer(name, device="cpu:0")
    assert method.device == ("cpu" if name in {"copy_source", "reprojection"} else "cpu:0")
    assert isinstance(method.device, str)
    method.close()


@pytest.mark.parametrize("ask", [check_method, load_synthesizer])
def test_an_unknown_name_is_answered_with_those_there_are(ask):
    with pytest.raises(UnknownMethodError, match=r"no method named 'zero'.*copy_source"):
        ask("zero")


def test_arguments_that_a_method_does_not_take_are_named():
    with pytest.raises(InvalidInputError, match="method 'copy_source' takes no weights"):
        load_synthesizer("copy_source", weights="somewhere")


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    real = builtins.__import__

    def without_torch(name, *arguments, **keywords):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return real(name, *arguments, **keywords)

    for name in [name for name in sys.modules if name.startswith("anyview_ros.methods.anyview")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_torch)
    with pytest.raises(MissingDependencyError, match="method 'anyview' needs the Python package 'torch'"):
        load_synthesizer("anyview")
