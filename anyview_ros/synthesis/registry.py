"""Methods by name: ours, and those that other packages add through the entry-point group ``anyview_ros.methods``."""

from __future__ import annotations

import importlib
import importlib.util
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from anyview_ros.errors import InvalidInputError, MissingDependencyError, UnknownMethodError
from anyview_ros.synthesis.protocol import Synthesizer
from anyview_ros.synthesis.scene_file import scene_method

ENTRY_POINT_GROUP = "anyview_ros.methods"

# name -> "module:factory". Listed in code because a colcon install writes no entry-point metadata; imported on demand.
_BUILT_IN = {
    "any4d": "anyview_ros.methods.any4d:Any4D",
    "anyview": "anyview_ros.methods.anyview:AnyView",
    "anyview_small": "anyview_ros.methods.anyview_small:AnyViewSmall",
    "copy_source": "anyview_ros.methods.copy_source:CopySource",
    "ddr": "anyview_ros.methods.ddr:Ddr",
    "look_beyond": "anyview_ros.methods.look_beyond:LookBeyond",
    "reprojection": "anyview_ros.methods.reprojection:Reprojection",
    "zeronvs": "anyview_ros.methods.zeronvs:load",
}
_DEFAULT, _DEFAULT_NEEDS = "anyview_small", ("torch", "safetensors")
_DEFAULT_OTHERWISE = "reprojection"


def default_method() -> str:
    """The name of the method used where the user names none.

    ``anyview_small``, which takes sources with depth and without; where PyTorch or safetensors is not installed,
    ``reprojection``, which needs neither. Answers say in their provenance which it was. Nothing is imported.
    """
    there = all(importlib.util.find_spec(package) is not None for package in _DEFAULT_NEEDS)
    return _DEFAULT if there else _DEFAULT_OTHERWISE


def available_methods() -> tuple[str, ...]:
    """The names of all registered methods, ours first, then those of other packages, each sorted."""
    return (*sorted(_BUILT_IN), *sorted(set(_added()) - set(_BUILT_IN)))


def check_method(name: str) -> None:
    """See that a method of this name is registered, without importing it.

    Raises:
        UnknownMethodError: no such method; the message lists those there are.
    """
    if name not in available_methods():
        raise UnknownMethodError(
            f"no method named '{name}' is registered; choose one of {', '.join(available_methods())}"
        )


def load_synthesizer(
    name: str | None = None,
    *,
    device: str | None = None,
    weights: str | None = None,
    scene: str | None = None,
) -> Synthesizer:
    """Load a method by name.

    Args:
        name: a name of :func:`available_methods`; None for that of the scene, or :func:`default_method`.
        device: a torch device such as "cpu" or "cuda:0"; None lets the method choose the best present.
        weights: path of the weights, for methods that need them.
        scene: path of a fitted scene, for methods that render one.

    Raises:
        UnknownMethodError: no such method; the message lists those there are.
        InvalidInputError: an argument that this method does not take.
        WeightsError: weights that are missing or unfit.
        SceneFileError: a scene that is missing, or of another method or version.
        MissingDependencyError: a package that the method needs is not installed.
    """
    if name is None:
        name = default_method() if scene is None else scene_method(scene)
    try:
        return _load(name, device=device, weights=weights, scene=scene)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or missing == __name__.partition(".")[0]:
            raise
        raise MissingDependencyError(
            f"method '{name}' needs the Python package '{missing}', which is not installed: "
            "pip install 'anyview_ros[all]', or see docs/install.md for robots"
        ) from error


def _load(name: str, *, device: str | None, weights: str | None, scene: str | None) -> Synthesizer:
    given: dict[str, Any] = {
        key: value
        for key, value in (("device", device), ("weights", weights), ("scene", scene))
        if value is not None
    }
    factory = _resolve(name)
    accepted: frozenset[str] = getattr(factory, "load_arguments", frozenset({"device", "weights", "scene"}))
    surplus = sorted(set(given) - accepted - {"device"})
    if surplus:
        raise InvalidInputError(f"method '{name}' takes no {' or '.join(surplus)}; leave it out")
    synthesizer: Synthesizer = factory(**{key: value for key, value in given.items() if key in accepted})
    return synthesizer


def _resolve(name: str) -> Any:
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    check_method(name)
    return _added()[name].load()


def _added() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
