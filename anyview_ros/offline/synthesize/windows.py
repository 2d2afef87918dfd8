"""A long film cut into the clips that a method takes, read one after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm
from anyview_ros.synthesis import MethodDescription

LONGEST_WINDOW = 48
"""Frames per window of methods that would take more: they are all held in memory."""

_MEMORY = 16
"""Earlier frames that a method with a memory is shown anew at the start of a window, at most a third of it."""


@dataclass(frozen=True)
class Window:
    """Frames ``first`` to ``stop`` (exclusive) of a film, of which those from ``shown`` on are new.

    The frames before ``shown`` belong to the window before and are there for the method alone.
    """

    first: int
    stop: int
    shown: int

    def __len__(self) -> int:
        return self.stop - self.first


def plan_windows(count: int, description: MethodDescription, longest: int = LONGEST_WINDOW) -> list[Window]:
    """Cut a film into windows that together show every frame once, in order.

    Windows are as long as the method takes, ``longest`` at most; the last one begins earlier instead of being
    shorter. Windows of methods that remember earlier frames overlap by up to 16 frames, so that views do not jump.

    Args:
        count: frames of the film.
        description: of the method.
        longest: frames per window at most, unless the method needs more.

    Raises:
        InvalidRequestError: the film is shorter than the shortest clip of the method, or ``longest`` is not positive.
    """
    length = _length(count, description, longest)
    memory = min(_MEMORY, length // 3) if description.streams and length < count else 0
    windows = [Window(0, length, 0)]
    while windows[-1].stop < count:
        shown = windows[-1].stop
        first = min(shown - memory, count - length)
        windows.append(Window(first, first + length, shown))
    return windows


def window_at(
    index: int, count: int, description: MethodDescription, longest: int = LONGEST_WINDOW
) -> Window:
    """The window for views of the one instant of frame ``index``: the fewest frames that the method takes, which end
    there; for methods with a memory, up to 16 frames before it too.

    Raises:
        InvalidRequestError: as :func:`plan_windows`.
    """
    fewest = description.clip_frames[0]
    wanted = max(fewest, min(_MEMORY + 1, index + 1) if description.streams else 1)
    length = _length(min(count, wanted), description, longest)
    first = max(0, index + 1 - length)
    return Window(first, first + length, index)


def _length(count: int, description: MethodDescription, longest: int) -> int:
    if longest < 1:
        raise InvalidRequestError(f"window is {longest} frames; give 1 or more")
    fewest = description.clip_frames[0]
    if count < fewest:
        raise InvalidRequestError(
            f"the film has {count} frames but method '{description.name}' takes clips of {fewest} or more; give a "
            "longer film, fewer frames left out, or another method"
        )
    return description.usable_frames(min(count, max(longest, fewest)))


def read_windows(film: PosedFilm, windows: Sequence[Window]) -> Iterator[PosedClip]:
    """Read the windows' clips in order; each frame is read once, and no more than one window is held."""
    frames = film.frames(range(windows[0].first, windows[-1].stop))
    held: deque[FilmFrame] = deque()
    first = windows[0].first
    for window in windows:
        while first < window.first:
            held.popleft()
            first += 1
        while first + len(held) < window.stop:
            held.append(next(frames))
        yield film.clip(list(held), first)
