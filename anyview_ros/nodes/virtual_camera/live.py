"""One virtual camera at work: when it is due, what it last showed, why it shows nothing."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from anyview_ros.nodes.declared_camera import VirtualCamera
from anyview_ros.nodes.virtual_camera.outputs import CameraOutputs
from anyview_ros.nodes.virtual_camera.problems import ProblemBoard
from anyview_ros.nodes.virtual_camera.rate import DueClock

_RATE_SPAN_S = 5.0


@dataclass(frozen=True)
class Showing:
    """What a virtual camera has shown.

    Attributes:
        published: views in all.
        rate_hz: of views, over the last seconds.
        age_ms: of the last view when it was published; NaN before the first or without a clock.
        mean_confidence: of the last view; NaN before the first.
        silent_s: since the last view; infinite before the first.
        fallback: whether the last view was made by the fallback.
        outdated: views dropped because the camera had been changed while they were made.
    """

    published: int = 0
    rate_hz: float = 0.0
    age_ms: float = math.nan
    mean_confidence: float = math.nan
    silent_s: float = math.inf
    fallback: bool = False
    outdated: int = 0


class LiveCamera:
    """A declared virtual camera with its publishers. Safe between threads.

    Attributes:
        outputs: its publishers.
        problems: its own troubles: where it is, what the engine said of it.
    """

    def __init__(self, camera: VirtualCamera, outputs: CameraOutputs) -> None:
        self.outputs = outputs
        self.problems = ProblemBoard()
        self._lock = threading.Lock()
        self._camera = camera
        self._views = DueClock(camera.rate_hz)
        self._asks = DueClock(camera.rate_hz)
        self._shown_ns = 0
        self._pushed_ns = 0  # the newest instant of which a view was asked for
        self._outdated_ns = 0  # the newest of which that was of the camera as it was before
        self._outdated = 0
        self._times_s: deque[float] = deque(maxlen=1024)
        self._last = Showing()

    @property
    def camera(self) -> VirtualCamera:
        """The camera as it is now."""
        return self._camera

    def change(self, camera: VirtualCamera) -> None:
        """Put another camera of the same name in its place.

        Views that are asked for already are of the camera as it was, and are dropped. Not so while others wait for that
        since an earlier change: a camera that is moved faster than views are made shows where it was a moment ago.
        """
        with self._lock:
            if camera.rate_hz != self._camera.rate_hz:
                self._views = DueClock(camera.rate_hz)
                self._asks = DueClock(camera.rate_hz)
            if not camera.sees_as(self._camera) and self._outdated_ns <= self._shown_ns:
                self._outdated_ns = self._pushed_ns
                self._asks.reset()
            self._camera = camera

    def is_due(self, stamp_ns: int) -> bool:
        """Whether a view of this instant is wanted: somebody subscribes, and the rate allows it.

        A camera stays due until a view of it comes: a frame that was pushed for it may give way to a newer one.
        """
        with self._lock:
            due = self._views.is_due(stamp_ns)
        return due and self.outputs.wanted()

    def may_ask(self, stamp_ns: int) -> bool:
        """Whether a frame of this instant is to be pushed for this camera's sake, while it is due.

        Once in a period, so that views that fail or come late are not asked for with every frame.
        """
        with self._lock:
            return self._asks.is_due(stamp_ns)

    def pushing(self, stamp_ns: int, camera: VirtualCamera) -> None:
        """Note that a view of this instant is about to be asked for, of ``camera``: ours as it was a moment ago."""
        with self._lock:
            self._pushed_ns = max(self._pushed_ns, stamp_ns)
            if not camera.sees_as(self._camera):
                self._outdated_ns = max(self._outdated_ns, stamp_ns)

    def drops_outdated(self, stamp_ns: int) -> bool:
        """Whether the view of this instant is of the camera as it was before a change; such a view is counted."""
        with self._lock:
            is_outdated = stamp_ns <= self._outdated_ns
            self._outdated += is_outdated
            return is_outdated

    def asked(self, stamp_ns: int) -> None:
        """Note that a frame of this instant was pushed, for this camera's sake or another's, and asks for its view."""
        with self._lock:
            if self._asks.is_due(stamp_ns):
                self._asks.take(stamp_ns)

    def accept(self, stamp_ns: int, is_current: Callable[[], bool]) -> bool:
        """Whether a view of this instant may be published: an instant is shown once, and never an earlier one.

        Nor one that is not due any more: while views are late, more of them are asked for than the rate allows.

        Args:
            stamp_ns: the instant.
            is_current: whether the view is of the present stream. One that :meth:`rewound` overtakes is late, and must
                not keep earlier instants from being shown.
        """
        with self._lock:
            if stamp_ns <= self._shown_ns or not self._views.is_due(stamp_ns) or not is_current():
                return False
            self._shown_ns = stamp_ns
            self._views.take(stamp_ns)
            return True

    def note(self, *, age_ms: float, mean_confidence: float, fallback: bool) -> None:
        """Note that a view was published."""
        with self._lock:
            self._times_s.append(time.monotonic())
            self._last = Showing(
                published=self._last.published + 1,
                age_ms=age_ms,
                mean_confidence=mean_confidence,
                fallback=fallback,
            )

    def rewound(self) -> None:
        """The stamps went back: earlier instants are new again."""
        with self._lock:
            self._views.reset()
            self._asks.reset()
            self._shown_ns = self._pushed_ns = self._outdated_ns = 0

    def showing(self) -> Showing:
        """What it has shown so far."""
        now = time.monotonic()
        with self._lock:
            last, times = self._last, [moment for moment in self._times_s if moment > now - _RATE_SPAN_S]
            outdated = self._outdated
            silent_s = now - self._times_s[-1] if self._times_s else math.inf
        rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
        return replace(last, rate_hz=rate, silent_s=silent_s, outdated=outdated)
