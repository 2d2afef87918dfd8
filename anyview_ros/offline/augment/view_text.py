"""Views as people write them: ``name:main,key=value,key=value``, or the same in YAML or JSON.

A part without ``=`` belongs to the value before it, so several numbers are written as they are:
``vista_arc:center=0.4,0,0.1,frame=base_link``. What follows the colon without a key is the sampler's main argument:
``orbit:30``, ``frame:wrist_link``, ``camera:overhead``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyview_ros.errors import InvalidInputError, ReadError

MAIN = ""
"""Key of the main argument."""

FILE_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class ViewText:
    """A view as written.

    Attributes:
        text: as the user wrote it; of a file's entry, what would be typed for it.
        name: of the sampler.
        values: texts by key; ``MAIN`` is the key of the main argument.
    """

    text: str
    name: str
    values: Mapping[str, str]


def read_view_texts(texts: Sequence[str]) -> list[ViewText]:
    """All views of texts, those of files in their place.

    Raises:
        InvalidInputError: a text that is no view, or a file's entry that is none.
        ReadError: a file that cannot be read.
    """
    return [view for text in texts for view in _views_of(text.strip())]


def parse_view_text(text: str) -> ViewText:
    """Take a view apart.

    Raises:
        InvalidInputError: no name, a key given twice, or a value without its key.
    """
    name, colon, rest = (part.strip() for part in text.partition(":"))
    if not name or (colon and not rest):
        raise InvalidInputError(
            f"view {text!r} has no {'arguments' if name else 'name'}; write name or name:key=value"
        )
    values: dict[str, str] = {}
    key = MAIN
    for part in rest.split(",") if rest else []:
        word, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign:
            values[key] = f"{values[key]},{word}" if key in values else word
            continue
        if word in values or not word or not value:
            fault = f"gives {word!r} twice" if word in values else f"has {part.strip()!r}"
            raise InvalidInputError(f"view {text!r} {fault}; write key=value once each")
        key = word
        values[key] = value
    return ViewText(text, name, values)


def _views_of(text: str) -> Iterator[ViewText]:
    if not text.endswith(FILE_SUFFIXES) or "=" in text:
        yield parse_view_text(text)
        return
    path = Path(text)
    content = _content(path)
    entries = content.get("views") if isinstance(content, dict) else content
    if (
        not isinstance(entries, list)
        or not entries
        or (isinstance(content, dict) and set(content) != {"views"})
    ):
        raise ReadError(
            f"{path} must hold a list of views, or an object with the one key views that holds it"
        )
    for index, entry in enumerate(entries):
        try:
            yield parse_view_text(entry) if isinstance(entry, str) else _from_mapping(entry)
        except InvalidInputError as error:
            raise InvalidInputError(f"{path}, view {index + 1}: {error}") from error


def _from_mapping(entry: Any) -> ViewText:
    if not isinstance(entry, dict) or not all(isinstance(key, str) for key in entry):
        raise InvalidInputError(
            f"{entry!r} is no view; write its text, or an object with its sampler and keys"
        )
    values = {key: _plain(key, value) for key, value in entry.items() if key not in ("sampler", "main")}
    name = str(entry.get("sampler", "fixed"))
    if "main" in entry:
        values = {MAIN: _plain("main", entry["main"]), **values}
    told = [values[MAIN]] if MAIN in values else []
    told += [f"{key}={value}" for key, value in values.items() if key != MAIN]
    return ViewText(f"{name}:{','.join(told)}" if told else name, name, values)


def _plain(key: str, value: Any) -> str:
    """A value of a file as it would be typed."""
    if isinstance(value, bool) or value is None:
        raise InvalidInputError(f"{key} is {value!r}; give numbers or text")
    if isinstance(value, list):
        return ",".join(_plain(key, each) for each in value)
    if isinstance(value, dict):  # intrinsics, by name
        known = ("fx", "fy", "cx", "cy", "width", "height")
        if key != "intrinsics" or set(value) != set(known):
            raise InvalidInputError(f"{key} is {value!r}; give {', '.join(known)} as intrinsics")
        return ",".join(_plain(key, value[name]) for name in known)
    return repr(value) if isinstance(value, float) else str(value)


def _content(path: Path) -> Any:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise ReadError(f"cannot read views {path}: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise ReadError(f"{path} is neither JSON nor YAML: {error}") from error


class ViewArguments:
    """The arguments of a view, taken one by one; what is left at the end is refused.

    Args:
        view: as written.
    """

    def __init__(self, view: ViewText) -> None:
        self._view = view
        self._left = dict(view.values)
        self._known: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether it was given and has not been taken."""
        self._known.add(key)
        return key in self._left

    def _take(self, key: str) -> str | None:
        self._known.add(key)
        return self._left.pop(key, None)

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        text = self._take(key)
        return default if text is None else text

    def choice(self, key: str, known: Sequence[str]) -> str:
        """One of some texts; the first if it was not given.

        Raises:
            InvalidInputError: another one.
        """
        value = self.text(key, known[0])
        if value not in known:
            raise self.error(f"{key} is {value!r}; choose one of {', '.join(known)}")
        return value

    def numbers(self, key: str, count: int) -> tuple[float, ...] | None:
        """So many finite numbers; None if they were not given.

        Raises:
            InvalidInputError: another count, or no numbers.
        """
        text = self._take(key)
        if text is None:
            return None
        told = "a number" if count == 1 else f"{count} numbers separated by commas"
        try:
            values = tuple(float(part) for part in text.split(","))
        except ValueError:
            raise self.error(f"{key or 'its argument'} is {text!r}; give {told}") from None
        if len(values) != count or not all(math.isfinite(value) for value in values):
            raise self.error(f"{key or 'its argument'} is {text!r}; give {told}")
        return values

    def number(self, key: str, default: float, *, least: float = -math.inf, most: float = math.inf) -> float:
        """A number.

        Raises:
            InvalidInputError: no number, or one out of range.
        """
        values = self.numbers(key, 1)
        if values is None:
            return default
        if not least <= values[0] <= most:
            bounds = f"{least:g} or more" if most == math.inf else f"{least:g} to {most:g}"
            raise self.error(f"{key or 'its argument'} is {values[0]:g}; give {bounds}")
        return values[0]

    def count(self, key: str) -> int | None:
        """A whole number, 1 or more; None if it was not given.

        Raises:
            InvalidInputError: another one.
        """
        values = self.numbers(key, 1)
        if values is None:
            return None
        if values[0] < 1 or values[0] != int(values[0]):
            raise self.error(f"{key} is {values[0]:g}; give a whole number, 1 or more")
        return int(values[0])

    def vector(self, key: str) -> tuple[float, float, float] | None:
        """Three numbers; None if they were not given."""
        values = self.numbers(key, 3)
        return None if values is None else (values[0], values[1], values[2])

    def size(self, key: str) -> tuple[int, int] | None:
        """Width and height, as ``640x480`` or ``640,480``; None if they were not given.

        Raises:
            InvalidInputError: no size.
        """
        text = self._take(key)
        if text is None:
            return None
        sides = text.lower().replace("x", ",").split(",")
        if len(sides) != 2 or not all(side.strip().isdecimal() and int(side) > 0 for side in sides):
            raise self.error(f"{key} is {text!r}; give width and height such as 640x480")
        return int(sides[0]), int(sides[1])

    def error(self, fault: str) -> InvalidInputError:
        """An error that names this view."""
        return InvalidInputError(f"view {self._view.text!r}: {fault}")

    def end(self) -> None:
        """Refuse what nobody asked for.

        Raises:
            InvalidInputError: something is left.
        """
        if self._left:
            unknown = next(iter(self._left))
            told = (
                f"takes no {unknown!r}"
                if unknown
                else f"takes no argument {self._left[MAIN]!r} without a key"
            )
            raise self.error(f"{self._view.name} {told}; it takes {', '.join(sorted(self._known - {MAIN}))}")
