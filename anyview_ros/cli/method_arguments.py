"""Arguments of commands that take several methods, each with weights and options of its own."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyview_ros.cli.arguments import add_device, add_sampling
from anyview_ros.errors import InvalidInputError

if TYPE_CHECKING:
    from anyview_ros.synthesis import Synthesizer


@dataclass(frozen=True, eq=False)
class LoadedMethod:
    """A method, its options as parsed, and the seconds that it took to load."""

    name: str
    synthesizer: Synthesizer
    options: Any
    load_s: float


def add_method_arguments(group: argparse._ArgumentGroup) -> None:
    """Add what every such command takes."""
    group.add_argument(
        "--weights",
        action="append",
        default=[],
        metavar="METHOD=PATH",
        help="weights of a method, which need not be named where it is the only one; may be repeated",
    )
    group.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="METHOD.NAME=VALUE",
        help="option of a method, likewise; may be repeated",
    )
    add_device(group)
    add_sampling(group)


def load_methods(arguments: argparse.Namespace) -> list[LoadedMethod]:
    """Load ``arguments.method``, each once.

    Raises:
        InvalidInputError: weights or options that do not say for which method they are.
        AnyViewError: a method that cannot be loaded.
    """
    from anyview_ros.offline.synthesize import parse_options
    from anyview_ros.synthesis import check_method, load_synthesizer

    names = list(dict.fromkeys(arguments.method))
    for name in names:
        check_method(name)
    weights = dict(_assigned("--weights", text, names, "=") for text in arguments.weights)
    options: dict[str, list[str]] = {name: [] for name in names}
    for text in arguments.option:
        name, assignment = _assigned("--option", text, names, ".")
        options[name].append(assignment)
    loaded = []
    for name in names:
        begun = time.perf_counter()
        synthesizer = load_synthesizer(name, device=arguments.device, weights=weights.get(name))
        load_s = time.perf_counter() - begun
        parsed = parse_options(options[name], synthesizer.describe().options_type, name)
        loaded.append(LoadedMethod(name, synthesizer, parsed, load_s))
    return loaded


def _assigned(flag: str, text: str, names: Sequence[str], sign: str) -> tuple[str, str]:
    """Split METHOD=… or METHOD.…; a single method need not be named."""
    name, found, rest = text.partition(sign)
    if found and name in names:
        return name, rest
    if len(names) == 1:
        return names[0], text
    raise InvalidInputError(
        f"{flag} is {text!r}; begin it with the method it is for, one of {', '.join(names)}, and {sign!r}"
    )
