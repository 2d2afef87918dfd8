"""Methods by name: ours, and those that other packages add through the entry-point group ``anyview_ros.methods``."""

from __future__ import annotations

import importlib.util

from anyview_ros.errors import InvalidInputError
from anyview_ros.synthesis.plugins import Plugins, missing_package_named
from anyview_ros.synthesis.protocol import Synthesizer
from anyview_ros.synthesis.scene_file import scene_method

METHODS = Plugins(
    "anyview_ros.methods",
    {
        "any4d": "anyview_ros.methods.any4d:Any4D",
        "anyview": "anyview_ros.methods.anyview:AnyView",
        "anyview_small": "anyview_ros.methods.anyview_small:AnyViewSmall",
        "copy_source": "anyview_ros.methods.copy_source:CopySource",
        "ddr": "anyview_ros.methods.ddr:Ddr",
        "look_beyond": "anyview_ros.methods.look_beyond:LookBeyond",
        "reprojection": "anyview_ros.methods.reprojection:Reprojection",
        "zeronvs": "anyview_ros.methods.zeronvs:load",
    },
    "is registered",
)
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
    return METHODS.names()


def check_method(name: str) -> None:
    """See that a method of this name is registered, without importing it.

    Raises:
        UnknownMethodError: no such method; the message lists those there are.
    """
    METHODS.check(name)


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
    given = {
        key: value
        for key, value in (("device", device), ("weights", weights), ("scene", scene))
        if value is not None
    }
    with missing_package_named(name):
        factory = METHODS.factory(name)
        accepted: frozenset[str] = getattr(
            factory, "load_arguments", frozenset({"device", "weights", "scene"})
        )
        surplus = sorted(set(given) - accepted - {"device"})
        if surplus:
            raise InvalidInputError(f"method '{name}' takes no {' or '.join(surplus)}; leave it out")
        synthesizer: Synthesizer = factory(**{key: value for key, value in given.items() if key in accepted})
    return synthesizer
