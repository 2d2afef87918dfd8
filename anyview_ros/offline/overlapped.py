"""Reading ahead and writing behind: threads of their own, bounded, that hand errors over and end when told to."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")

DEFAULT_DEPTH = 4
"""Items that wait between two threads: enough to smooth their paces, few enough to hold."""


class _Handoff(Generic[T]):
    """A bounded queue between one giver and one taker, either of whom may leave."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = self._left = False
        self._error: BaseException | None = None

    def put(self, item: T) -> bool:
        """Give an item, waiting for room; False if the taker has left."""
        with self._changed:
            self._changed.wait_for(lambda: self._left or len(self._items) < self._depth)
            if self._left:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def end(self, error: BaseException | None = None) -> None:
        """Give no more; the taker meets ``error`` after the last item."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def items(self) -> Iterator[T]:
        """Take what is given, until the end."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended)
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item

    def leave(self) -> None:
        """Take no more; the giver is told at once."""
        with self._changed:
            self._left = True
            self._items.clear()
            self._changed.notify_all()


@contextmanager
def read_ahead(items: Iterable[T], depth: int = DEFAULT_DEPTH) -> Iterator[Iterator[T]]:
    """Take items from ``items`` in a thread, up to ``depth`` ahead of the user.

    The iterator is used and closed in that thread alone. What it raises is raised to the user after the items before
    it. When the block ends, however it ends, the thread has ended too: at the latest after the item under way.
    """
    handoff: _Handoff[T] = _Handoff(depth)
    thread = threading.Thread(target=_give_all, args=(items, handoff), daemon=True)
    thread.start()
    try:
        yield handoff.items()
    finally:
        handoff.leave()
        thread.join()


def _give_all(items: Iterable[T], handoff: _Handoff[T]) -> None:
    error: BaseException | None = None
    iterator = iter(items)
    try:
        for item in iterator:
            if not handoff.put(item):
                break
    except BaseException as caught:  # noqa: BLE001 - raised again where the items are taken
        error = caught
    try:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    except BaseException as caught:  # noqa: BLE001 - raised again where the items are taken
        error = error or caught
    handoff.end(error)


@contextmanager
def write_behind(write: Callable[[T], object], depth: int = DEFAULT_DEPTH) -> Iterator[Callable[[T], None]]:
    """Have ``write`` called in a thread with each item put, up to ``depth`` of which wait.

    What it raises is raised by the next put, or at the end of the block, and nothing is written after it. When the
    block ends well, everything has been written; when it ends with an error, what waits is dropped. The thread has
    ended either way.
    """
    handoff: _Handoff[T] = _Handoff(depth)
    errors: list[BaseException] = []
    thread = threading.Thread(target=_write_all, args=(write, handoff, errors), daemon=True)
    thread.start()

    def put(item: T) -> None:
        if not handoff.put(item):
            raise errors[0]

    try:
        yield put
    except BaseException:
        handoff.leave()
        raise
    finally:
        handoff.end()
        thread.join()
    if errors:
        raise errors[0]


def _write_all(write: Callable[[T], object], handoff: _Handoff[T], errors: list[BaseException]) -> None:
    try:
        for item in handoff.items():
            write(item)
    except BaseException as error:  # noqa: BLE001 - raised again where the items are put
        errors.append(error)
        handoff.leave()
