"""Settings of training runs, from YAML files."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml

from anyview_ros.errors import InvalidInputError

Settings = TypeVar("Settings")

_KINDS = {
    bool: "true or false",
    float: "a number; YAML wants a point in it: 1.0e-4",
    int: "a whole number",
    str: "a text",
    tuple: "a list",
}


def read_settings(kind: type[Settings], name: str) -> Settings:
    """Read settings from a YAML file, or from one of ours by its name ("cpu.yaml").

    Args:
        kind: the dataclass that holds them; parts that are dataclasses themselves are read from sections. Every setting
            has a default.
        name: path of the file, or name of one of ours.

    Raises:
        InvalidInputError: no such file, no YAML, a setting there is not, or one out of range.
    """
    path = Path(name)
    shipped = resources.files("anyview_ros.training") / "configs"
    if not path.is_file():
        candidate = Path(str(shipped)) / name
        if not candidate.is_file():
            ours = ", ".join(
                sorted(entry.name for entry in shipped.iterdir() if entry.name.endswith(".yaml"))
            )
            raise InvalidInputError(
                f"no configuration {name!r}; give the path of a YAML file, or one of {ours}"
            )
        path = candidate
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read as YAML: {error}") from error
    settings: Settings = _filled(kind, values, str(path))
    return settings


def _filled(kind: Any, values: Any, where: str) -> Any:
    """An instance of the dataclass ``kind`` with these values; what is left out keeps its default."""
    if not isinstance(values, dict):
        raise InvalidInputError(f"{where} is {values!r}; give settings by name")
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InvalidInputError(
            f"{where}: unknown setting {', '.join(map(repr, unknown))}; it knows {', '.join(sorted(known))}"
        )
    default = kind()
    given = {}
    for name, value in values.items():
        present = getattr(default, name)
        if is_dataclass(present):
            given[name] = _filled(type(present), value, f"{where}: {name}")
        elif isinstance(present, tuple):
            given[name] = tuple(value) if isinstance(value, list) else value
        elif isinstance(present, float) and isinstance(value, int) and not isinstance(value, bool):
            given[name] = float(value)
        else:
            given[name] = value
        if not is_dataclass(present) and type(given[name]) is not type(present):
            raise InvalidInputError(
                f"{where}: {name} is {value!r}; give {_KINDS.get(type(present), 'another kind')}"
            )
    return kind(**given)
