"""A method's own options as JSON: on the wire, and in parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from anyview_ros.errors import InvalidRequestError


def options_from_json(text: str) -> dict[str, Any] | None:
    """The options of a JSON object by name; None if the text is empty.

    Raises:
        InvalidRequestError: text that is no JSON, or no object.
    """
    if not text.strip():
        return None
    try:
        options = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise InvalidRequestError(f"options_json cannot be parsed: {err}; give a JSON object") from err
    if not isinstance(options, dict):
        raise InvalidRequestError(
            f'options_json is a {type(options).__name__}; give a JSON object such as {{"scale": 1.0}}'
        )
    return options


def options_to_json(options: Any) -> str:
    """The JSON object of options: None, a mapping, or the method's dataclass.

    Raises:
        InvalidRequestError: options of another kind, or values that JSON does not have.
    """
    named = options_by_name(options)
    try:
        return "" if named is None else json.dumps(named)
    except (TypeError, ValueError) as err:
        raise InvalidRequestError(f"options {named!r} cannot be written as JSON: {err}") from err


def options_by_name(options: Any) -> dict[str, Any] | None:
    """Options, None, a mapping or the method's dataclass, as a plain dictionary; None stays None.

    Raises:
        InvalidRequestError: options of another kind.
    """
    if options is None:
        return None
    if is_dataclass(options) and not isinstance(options, type):
        return asdict(options)
    if not isinstance(options, Mapping):
        raise InvalidRequestError(f"options must be a mapping or a dataclass, got {type(options).__name__}")
    return dict(options)
