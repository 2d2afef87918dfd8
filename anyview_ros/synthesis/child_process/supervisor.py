"""When a child that has ended is replaced by another."""

from __future__ import annotations

import threading
import time

from anyview_ros.errors import EngineClosedError, EngineUnavailableError, SynthesisError
from anyview_ros.synthesis.child_process.messages import Begin, Loaded
from anyview_ros.synthesis.child_process.process import ChildProcess

_FIRST_PAUSE_S = 1.0  # after a child that could not load, or crashed again; then twice as long each time
_LONGEST_PAUSE_S = 60.0


class Supervisor:
    """Keeps one child, and begins another when it has ended.

    After a child that died the next is begun at once. After a new one that could not load, or died before it had made
    a single view, the next is begun by the first call a second later; after each further one the pause is twice as
    long, up to a minute, until views are made again.

    One thread at a time calls; ``restarts``, ``process_id`` and ``close`` are for any.

    Args:
        begin: what each child is to load.
        longest_load_s: a child that has not loaded it after so long is killed.

    Raises:
        AnyViewError: what loading raised in the first child.
        EngineUnavailableError: the first child ended while it loaded, or took too long.
    """

    loaded: Loaded
    """What the first child told of the method."""

    def __init__(self, begin: Begin, *, longest_load_s: float) -> None:
        """Begin a child and wait until it has loaded."""
        self._begin, self._longest_load_s = begin, longest_load_s
        self._lock = threading.Lock()
        self._closed = False
        self._restarts = 0
        self._generation = 0
        self._could_not_load = 0  # children in a row
        self._crashed = 0  # children in a row, none of which made a view
        self._pause_s = 0.0  # after the last of either
        self._not_before_s = 0.0
        self._reason = ""
        child = ChildProcess(begin)
        self._child: ChildProcess | None = child
        try:
            self.loaded = child.wait_until_loaded(longest_load_s)
        except BaseException:
            child.close()
            raise

    @property
    def restarts(self) -> int:
        """How many children have died and been replaced."""
        return self._restarts

    @property
    def generation(self) -> int:
        """Changes when a child is given up: what it remembered is gone."""
        return self._generation

    @property
    def process_id(self) -> int:
        """Of the child as it is now; 0 if there is none."""
        with self._lock:
            return 0 if self._child is None else self._child.process_id

    def close(self) -> None:
        """End the child, for good. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            child, self._child = self._child, None
        if child is not None:
            child.close()

    def living(self) -> ChildProcess:
        """The child, which has loaded; waits for it, and begins it where there is none.

        Raises:
            EngineClosedError: closed.
            EngineUnavailableError: the new child ended while it loaded or took too long, or it is too early to begin
                another.
            AnyViewError: what loading raised in the new child.
        """
        with self._lock:
            if self._closed:
                raise EngineClosedError("the method's process has been closed; load the method anew")
            if self._child is None:
                self._check_pause()
                self._child = ChildProcess(self._begin)
                self._restarts += 1
            child = self._child
        try:
            child.wait_until_loaded(self._longest_load_s)
        except Exception as error:
            self._give_up(child, str(error))
            raise
        self._could_not_load = 0
        return child

    def made_views(self) -> None:
        """Note that the child made views: if it dies, the next is begun at once."""
        self._crashed, self._pause_s = 0, 0.0

    def replace_killed(self, killed: ChildProcess) -> None:
        """Begin a new child after one that was killed since it did not stop, which is no crash."""
        killed.close()
        with self._lock:
            if not self._closed and self._child is killed:
                self._begin_anew()

    def replace_dead(self, dead: ChildProcess, when: str) -> SynthesisError:
        """Begin a new child, or have none for a while after one that crashed as the one before it did.

        Args:
            dead: the child that ended.
            when: did it, for people.

        Returns:
            the error that tells of its end.
        """
        told = f"the process of the method {dead.told_end()} {when}"
        dead.close()
        with self._lock:
            if self._closed or self._child is not dead:
                return SynthesisError(f"{told}; the method has been closed")
            self._crashed += 1
            if self._crashed > 1:
                self._generation += 1
                self._child = None
                self._wait_longer(f"{told}, {self._crashed} times in a row without a view between")
                return SynthesisError(
                    f"{self._reason}; it is started again in {self._pause_s:.0f} s: ask then"
                )
            self._begin_anew()
        return SynthesisError(f"{told}; a new one is being started: ask again")

    def _begin_anew(self) -> None:
        """Called with the lock held."""
        self._generation += 1
        self._child = ChildProcess(self._begin)
        self._restarts += 1

    def _check_pause(self) -> None:
        left_s = self._not_before_s - time.monotonic()
        if left_s > 0:
            raise EngineUnavailableError(f"{self._reason}; it is tried again in {left_s:.0f} s")

    def _give_up(self, child: ChildProcess, reason: str) -> None:
        """Have no child for a while, since one could not load."""
        child.close()
        with self._lock:
            if self._child is child:
                self._child = None
                self._generation += 1
            self._could_not_load += 1
            self._wait_longer(f"the method could not be loaded anew {self._could_not_load} time(s): {reason}")

    def _wait_longer(self, reason: str) -> None:
        """Begin no child before a pause that is twice the last one."""
        self._pause_s = min(max(_FIRST_PAUSE_S, 2 * self._pause_s), _LONGEST_PAUSE_S)
        self._not_before_s, self._reason = time.monotonic() + self._pause_s, reason
