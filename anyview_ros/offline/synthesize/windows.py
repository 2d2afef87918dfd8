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

DEFAULT_OVERLAP = 8
"""Frames over which the windows of methods that imagine go over into each other."""

_MEMORY = 16
"""Earlier frames that a method with a memory is shown anew at the start of a window, at most a third of it."""


@dataclass(frozen=True)
class Window:
    """Frames ``first`` to ``stop`` (exclusive) of a film, of which those from ``shown`` on are new.

    The frames before ``shown`` belong to the window before: the last ``blended`` of them are made again, to go over
    from one window to the next; those before are there for the method alone.
    """

    first: int
    stop: int
    shown: int
    blended: int = 0

    def __len__(self) -> int:
        return self.stop - self.first

    @property
    def made(self) -> int:
        """The first frame of which a view is made."""
        return self.shown - self.blended


def goes_on(description: MethodDescription) -> bool:
    """Whether a method goes from frame to frame by its own memory, without windows.

    Methods that stream do, but for those that fit a scene to each clip: live they show what they have come to so far,
    and a clip that is at hand as a whole is better fitted as a whole.
    """
    return description.streams and not description.fits_each_clip


def plan_windows(
    count: int,
    description: MethodDescription,
    longest: int = LONGEST_WINDOW,
    overlap: int = DEFAULT_OVERLAP,
) -> list[Window]:
    """Cut a film into windows that together show every frame once, in order.

    Windows are as long as the method takes, ``longest`` at most; the last one begins earlier instead of being
    shorter. Windows of methods that go on by themselves (see :func:`goes_on`) overlap by up to 16 frames, so that
    views do not jump. Those of methods that imagine, or fit a scene to each window, overlap by ``overlap`` frames,
    which both make and which are blended, since no two windows come out the same.

    Args:
        count: frames of the film.
        description: of the method.
        longest: frames per window at most, unless the method needs more.
        overlap: frames to blend over, 0 for hard cuts; half a window at most.

    Raises:
        InvalidRequestError: the film is shorter than the shortest clip of the method, ``longest`` is not positive, or
            ``overlap`` is negative.
    """
    if overlap < 0:
        raise InvalidRequestError(f"overlap is {overlap} frames; give 0 or more")
    length = _length(count, description, longest)
    remembers = goes_on(description)
    differ = not remembers and (description.generative or description.fits_each_clip)
    memory = min(_MEMORY, length // 3) if remembers else 0
    blended = min(overlap, length // 2) if differ else 0
    windows = [Window(0, length, 0)]
    while windows[-1].stop < count:
        shown = windows[-1].stop
        first = min(shown - max(memory, blended), count - length)
        windows.append(Window(first, first + length, shown, blended))
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


def read_windows(
    film: PosedFilm, windows: Sequence[Window], frames: Iterator[FilmFrame] | None = None
) -> Iterator[PosedClip]:
    """Read the windows' clips in order; each frame is read once, and no more than one window is held.

    Args:
        film: that the windows are of.
        windows: in order.
        frames: the film's frames from the first window's first to the last one's last; None reads them here.
    """
    if frames is None:
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
