"""The worker between the subscriptions and the engine: waits for TF, converts, fills the window, pushes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import SlidingWindow
from anyview_ros.clips.thinning import Thinning
from anyview_ros.errors import AnyViewError, InvalidCameraError
from anyview_ros.nodes.declared_camera import VirtualCamera
from anyview_ros.nodes.virtual_camera.ledger import Ledger
from anyview_ros.nodes.virtual_camera.picture import Picture, PictureMaker
from anyview_ros.nodes.virtual_camera.poses import Placement, TfFollower, Trouble
from anyview_ros.nodes.virtual_camera.problems import ProblemBoard, Stage
from anyview_ros.nodes.virtual_camera.source import Arrival

_RETRY_S = 0.05


class Consumer(Protocol):
    """Who wants what, and takes it. Called on the pipeline's thread."""

    def wanted(self, stamp_ns: int) -> Sequence[VirtualCamera]:
        """The virtual cameras whose view of this instant is wanted."""
        ...

    def misplaced(self, camera: VirtualCamera, problem: str) -> None:
        """Where this virtual camera was at the instant is not known ("" if it is)."""
        ...

    def sizes(self) -> Sequence[tuple[int, int]]:
        """Sizes at which the method works; empty if it takes any."""
        ...

    def take(
        self, picture: Picture, pose: NDArray[np.float64], stamp_ns: int, targets: Mapping[VirtualCamera, Any]
    ) -> None:
        """Take a frame that entered the window, and the poses of the wanted virtual cameras."""
        ...

    def rewound(self) -> None:
        """The stamps went back: whatever is under way belongs to another time."""
        ...


@dataclass(frozen=True)
class Limits:
    """How much may wait, and for how long; the functions follow parameters that change."""

    max_pending: int
    rate_hz: float
    fixed_frame: str
    tf_timeout_s: Callable[[], float]
    needed: Callable[[], bool]


class FramePipeline:
    """Runs in a thread of its own; :meth:`offer` never waits.

    Each frame offered ends in the window or is dropped with a reason; both are entered in the ledger.

    Args:
        tf: where frames were.
        maker: converts messages.
        window: what is filled.
        consumer: who wants views.
        ledger, problems: where frames and troubles are accounted for.
        limits: bounds.
    """

    def __init__(
        self,
        *,
        tf: TfFollower,
        maker: PictureMaker,
        window: SlidingWindow,
        consumer: Consumer,
        ledger: Ledger,
        problems: ProblemBoard,
        limits: Limits,
    ) -> None:
        self._tf = tf
        self._maker = maker
        self._window = window
        self._consumer = consumer
        self._ledger = ledger
        self._problems = problems
        self._limits = limits
        self._due = Thinning(round(1e9 / limits.rate_hz))  # as the window does, of frames not made yet
        self._condition = threading.Condition()
        self._pending: list[Arrival] = []
        self._news = self._rewind = self._closed = False
        self._late = ""  # what TF lacks of the frame last looked at, while that may still come
        self._thread = threading.Thread(target=self._run, name="virtual_camera frames")
        self._thread.start()

    def offer(self, arrival: Arrival) -> None:
        """Take a frame, or drop it: above the window's rate, not needed, or too many waiting."""
        with self._condition:
            if self._closed:
                self._ledger.drop("deactivated")
                return
            if not self._limits.needed():
                self._ledger.drop("idle")
                return
            if not self._due.is_due(arrival.stamp_ns):
                self._ledger.drop("above_window_rate")
                return
            self._due.keep(arrival.stamp_ns)
            self._pending.append(arrival)
            if len(self._pending) > self._limits.max_pending:
                del self._pending[0]
                self._ledger.drop("too_many_pending")
                self._tell_crowd()
            self._news = True
            self._condition.notify_all()

    def _tell_crowd(self) -> None:
        """State that frames give way to newer ones before TF can be too late for them."""
        limits = self._limits
        if self._late:
            self._problems.set(
                Stage.TF,
                f"{self._late}; frames may wait {limits.tf_timeout_s():g} s for it (tf_timeout_s) but only "
                f"{limits.max_pending} at once (max_pending), and the oldest are dropped; raise max_pending, or "
                "lower tf_timeout_s",
            )

    def wake(self) -> None:
        """TF has news; called from its listener."""
        with self._condition:
            if self._pending:
                self._news = True
                self._condition.notify_all()

    def rewind(self) -> None:
        """Forget everything, as after a jump of the clock; the pipeline's thread does the rest."""
        with self._condition:
            self._ledger.drop("clock_jump", len(self._pending))
            self._pending.clear()
            self._due.reset()
            self._rewind = True
            self._condition.notify_all()

    def close(self) -> None:
        """End the thread; frames that still wait are dropped."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._thread.join()
        self._ledger.drop("deactivated", len(self._pending))
        self._pending.clear()

    def _run(self) -> None:
        while True:
            with self._condition:
                if not (self._closed or self._news or self._rewind):
                    self._condition.wait(_RETRY_S if self._pending else None)
                if self._closed:
                    return
                rewind, self._rewind, self._news = self._rewind, False, False
                arrivals = list(self._pending)
            if rewind:
                self._window.clear()
                self._consumer.rewound()
            for arrival in arrivals:
                try:
                    self._try(arrival)
                except Exception as error:  # noqa: BLE001 - whatever one frame does, the thread goes on and says so
                    self._problems.set(Stage.PICTURE, f"a frame failed: {type(error).__name__}: {error}")
                    if self._claim(arrival):
                        self._ledger.drop("failed")

    def _try(self, arrival: Arrival) -> None:
        """Finish one frame if TF allows; otherwise leave it where it is."""
        limits = self._limits
        expired = time.monotonic() - arrival.arrived_s > limits.tf_timeout_s()
        source = self._tf.locate(limits.fixed_frame, arrival.frame, arrival.stamp_ns)
        may_come = not expired and source.trouble is Trouble.NOT_YET
        self._late = source.problem if may_come else ""
        if not may_come:
            self._problems.set(Stage.TF, source.problem)
        if source.to_fixed is None:
            if expired and self._claim(arrival):
                assert source.trouble is not None  # noqa: S101 - no pose without a trouble
                self._ledger.drop(source.trouble.value)
            return
        wanted = self._consumer.wanted(arrival.stamp_ns)
        placements = {
            camera: self._tf.locate(limits.fixed_frame, camera.parent_frame, arrival.stamp_ns)
            for camera in wanted
        }
        late = any(placement.trouble is Trouble.NOT_YET for placement in placements.values())
        for camera, placement in placements.items():
            self._consumer.misplaced(camera, placement.problem)
        if (expired or not late) and self._claim(arrival):
            self._finish(arrival, source.to_fixed, placements)

    def _claim(self, arrival: Arrival) -> bool:
        """Take a frame out of those pending; False if it has been dropped in the meantime."""
        with self._condition:
            if arrival in self._pending:
                self._pending.remove(arrival)
                return True
            return False

    def _finish(
        self, arrival: Arrival, pose: NDArray[np.float64], placements: Mapping[VirtualCamera, Placement]
    ) -> None:
        # Until it is pushed or dropped for a reason, a claimed frame counts as held.
        try:
            picture = self._maker.make(arrival.image, arrival.info, arrival.depth, self._consumer.sizes())
            dropped = self._window.add(picture.frame, picture.camera, pose, arrival.stamp_ns, picture.depth)
        except AnyViewError as error:
            calibration = isinstance(error, InvalidCameraError)
            self._ledger.drop("unfit_camera_info" if calibration else "unreadable_image")
            self._problems.set(Stage.PICTURE, str(error))
            return
        except Exception:
            self._ledger.drop("failed")
            raise
        self._problems.clear(Stage.PICTURE)
        if dropped is not None:
            self._ledger.drop(dropped.value)
            return
        self._ledger.push()
        targets = {
            camera: placement.to_fixed @ camera.camera_to_parent
            for camera, placement in placements.items()
            if placement.to_fixed is not None
        }
        self._consumer.take(picture, pose, arrival.stamp_ns, targets)
