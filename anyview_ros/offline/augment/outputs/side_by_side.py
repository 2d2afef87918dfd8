"""Outputs in which episodes lie side by side, and beside each the copies in which a view replaces its source camera.

::

    part      original/              output    <episode>/
              copies/<view>/                   <episode>__<view>/
                                               augmentation.json     which episode each copy was made of
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.output_format import Part
from anyview_ros.offline.augment.outputs.linking import link_or_copy_folder

ORIGINAL, COPIES = "original", "copies"
_AUGMENTATION = "augmentation.json"


def copy_name(episode: str, view: str) -> str:
    """The name of an episode's copy."""
    return f"{episode}__{view}"


def place_side_by_side(parts: Sequence[Part], output: Path, noun: str, *, appended: bool) -> None:
    """Put the originals and copies of all parts into an empty folder, under their names.

    Args:
        parts: of the output, in its order.
        output: the folder.
        noun: for one of them, such as "bag".
        appended: whether ``augmentation.json`` is to tell which copies there are.

    Raises:
        InvalidInputError: two of one name.
    """
    copies = []
    for part in parts:
        origin = part.record.episode
        _place(part.folder / ORIGINAL, output / origin, noun)
        for view in part.record.views:
            made, name = part.folder / COPIES / view.name, copy_name(origin, view.name)
            if made.is_dir():
                _place(made, output / name, noun)
                copies.append({"episode": name, "origin": origin, "replaced": view.source, "view": view.name})
    if appended:
        told = json.dumps({"synthesised": True, "copies": copies}, indent=2, sort_keys=True)
        (output / _AUGMENTATION).write_text(told + "\n", encoding="utf-8")


def _place(made: Path, target: Path, noun: str) -> None:
    if target.exists():
        raise InvalidInputError(f"two {noun}s would be named {target.name}; name the inputs apart")
    link_or_copy_folder(made, target)
