"""Options of a method as people type them: ``name=value``, read as the type that the method's option has."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from anyview_ros.errors import InvalidRequestError
from anyview_ros.synthesis.request import resolve_options

_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def parse_options(assignments: Sequence[str], options_type: type | None, method: str) -> Any:
    """The method's options.

    Args:
        assignments: each ``name=value``; several numbers are separated by commas, ``none`` is no value.
        options_type: the method's dataclass of options, or None.
        method: its name, for messages.

    Returns:
        An instance of ``options_type``; None if the method has no options.

    Raises:
        InvalidRequestError: no such option, one given twice, or a value of another type.
    """
    texts = split_assignments(assignments, "option")
    if options_type is None or not is_dataclass(options_type):
        return resolve_options(texts, options_type, method)
    known = {field.name for field in fields(options_type)}
    if set(texts) - known:
        return resolve_options(texts, options_type, method)  # which names those there are
    hints = get_type_hints(options_type)
    values = {name: _parse(name, text, hints[name]) for name, text in texts.items()}
    return resolve_options(values, options_type, method)


def split_assignments(assignments: Sequence[str], what: str) -> dict[str, str]:
    """The texts of ``name=text``, by name; a text may be empty.

    Args:
        assignments: each ``name=text``; blanks around either are left out.
        what: they are, for messages.

    Raises:
        InvalidRequestError: another form, or a name given twice.
    """
    texts: dict[str, str] = {}
    for assignment in assignments:
        name, sign, text = (piece.strip() for piece in assignment.partition("="))
        if not (name and sign):
            raise InvalidRequestError(f"{what} is {assignment!r}; give NAME=VALUE")
        if name in texts:
            raise InvalidRequestError(f"{what} {name} is given twice; give it once")
        texts[name] = text
    return texts


def _parse(name: str, text: str, hint: Any) -> Any:
    for kind in _kinds(hint):
        try:
            return _as(kind, text)
        except ValueError:
            continue
    raise InvalidRequestError(f"option {name} is {text!r}; give {' or '.join(map(_told, _kinds(hint)))}")


def _kinds(hint: Any) -> list[Any]:
    """The types that a value may have, text and paths last, since every value is one."""
    kinds = list(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else [hint]
    return sorted(kinds, key=lambda kind: kind in (str, Path))


def _as(kind: Any, text: str) -> Any:
    if kind is type(None):
        return _member({"none": None}, text)
    if kind is bool:
        return _member(_TRUTHS, text)
    if kind in (int, float, str, Path):
        return kind(text)
    if get_origin(kind) is Literal:
        return _member({str(value).lower(): value for value in get_args(kind)}, text)
    if get_origin(kind) is tuple:
        return _as_tuple(get_args(kind), text)
    raise ValueError(kind)


def _member(values: dict[str, Any], text: str) -> Any:
    if text.lower() not in values:
        raise ValueError(text)
    return values[text.lower()]


def _as_tuple(kinds: tuple[Any, ...], text: str) -> tuple[Any, ...]:
    parts = [part.strip() for part in text.strip("()[]").split(",")]
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(parts)
    return tuple(_as(kind, part) for kind, part in zip(kinds, parts, strict=True))


def _told(kind: Any) -> str:
    if kind is type(None):
        return "none"
    if kind is bool:
        return "true or false"
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return ",".join(getattr(part, "__name__", "...") for part in get_args(kind))
    return {int: "a whole number", float: "a number", str: "text", Path: "a file"}.get(kind, str(kind))
