"""A sliding window over a live camera: the last posed frames, in the order of their stamps."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from threading import Condition
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips.clip import PosedClip
from anyview_ros.clips.outcomes import AddOutcome, DropReason, RestartReason, WindowStatistics
from anyview_ros.clips.owned import owned
from anyview_ros.clips.sampling import run_start, select
from anyview_ros.clips.thinning import CLOSEST, Thinning
from anyview_ros.clips.window_settings import resolve_settings
from anyview_ros.errors import (
    ClipNotReadyError,
    InvalidClipError,
    InvalidInputError,
    WindowClosedError,
)
from anyview_ros.geometry import PinholeCamera, check_pose


@dataclass(frozen=True, eq=False, slots=True)
class _Frame:
    image: NDArray[np.uint8]
    camera_to_world: NDArray[np.float64]
    depth: NDArray[np.float32] | None

    @property
    def nbytes(self) -> int:
        depth = 0 if self.depth is None else self.depth.nbytes
        return self.image.nbytes + self.camera_to_world.nbytes + depth


@dataclass(frozen=True, eq=False, slots=True)
class _Chosen:
    """Frames picked under the lock, to be copied into a clip after it is released."""

    camera: PinholeCamera
    stamps_ns: list[int]
    frames: list[_Frame]

    def clip(self) -> PosedClip:
        depths = [frame.depth for frame in self.frames if frame.depth is not None]
        return PosedClip(
            frames=np.stack([frame.image for frame in self.frames]),
            camera=self.camera,
            camera_to_world=np.stack([frame.camera_to_world for frame in self.frames]),
            stamps_ns=np.array(self.stamps_ns, dtype=np.int64),
            depth=np.stack(depths) if len(depths) == len(self.frames) else None,
        )


class SlidingWindow:
    """The last frames of one camera, ordered by stamp and thinned to a rate, from which clips are read.

    Frames may come in any order and on any thread. Time is that of the stamps; the clock of this machine is
    used only to wait. Three reads:

    - ``next`` waits for the next instant not read yet: every instant once, in order;
    - ``latest`` gives the newest clip there is now, any number of times;
    - ``latest_within`` does so unless that clip is too old.

    **Ownership.** ``add`` keeps the arrays it is given, without a copy, where they are contiguous and not
    views of something larger; whoever adds a frame no longer writes to it. Clips are copies: they stay as
    they are.

    **Memory.** The window keeps at most ``capacity`` frames, each once, and at most 1.2 times their bytes.

    Args:
        length_frames: frames of a full clip. Exactly one of this and ``length_s`` is given.
        length_s: seconds of video in a full clip; with ``rate_hz``, ``round(length_s * rate_hz)`` frames.
        rate_hz: target rate; frames above it are dropped (of a source up to four thirds as fast, none), clips are
            resampled to it. None takes every frame.
        tolerance: how far from its instant a frame of a clip may be, in periods of ``rate_hz``, 0 to 0.5. The instants
            are one period apart; the last is the newest frame's own stamp, or as near to it as lets every instant have
            a frame. Stamps stay those of the frames.
        max_gap_s: no clip spans a larger gap; None for three periods of ``rate_hz``, or 1 s without a rate.
        rewind_s: a stamp earlier than the newest by more than this means that the clock was set back (a
            looped bag): the window restarts. Frames late by less are put in their place or dropped as late.
        max_frames: with ``length_s`` and no rate, the most frames held; None for what 60 Hz brings.

    Raises:
        InvalidInputError: an argument out of range, or arguments that exclude each other.
    """

    def __init__(
        self,
        *,
        length_frames: int | None = None,
        length_s: float | None = None,
        rate_hz: float | None = None,
        tolerance: float = 0.5,
        max_gap_s: float | None = None,
        rewind_s: float = 1.0,
        max_frames: int | None = None,
    ) -> None:
        """Make an empty window; see the class for the arguments."""
        self._settings = resolve_settings(
            length_frames=length_frames,
            length_s=length_s,
            rate_hz=rate_hz,
            tolerance=tolerance,
            max_gap_s=max_gap_s,
            rewind_s=rewind_s,
            max_frames=max_frames,
        )
        self._condition = Condition()
        self._camera: PinholeCamera | None = None
        self._stamps: list[int] = []
        self._frames: list[_Frame] = []
        self._nbytes = 0
        self._thinning = None if self._settings.period_ns is None else Thinning(self._settings.period_ns)
        self._read_ns: int | None = None
        self._gone_ns: int | None = None
        self._closed = False
        self._received = self._evicted = self._cleared = self._gaps = 0
        self._dropped: Counter[DropReason] = Counter()
        self._restarts: Counter[RestartReason] = Counter()

    # --- writing

    def add(
        self,
        frame: NDArray[np.uint8],
        camera: PinholeCamera,
        camera_to_world: NDArray[np.float64],
        stamp_ns: int,
        depth: NDArray[np.float32] | None = None,
    ) -> AddOutcome:
        """Give the window a frame, which it takes or drops, and says so.

        Args:
            frame: uint8 (H, W, 3), RGB; not written to any more by the caller.
            camera: intrinsics, size (H, W). A newer frame with others restarts the window.
            camera_to_world: (4, 4), metres, OpenCV axes.
            stamp_ns: when the frame was taken, nanoseconds, above zero.
            depth: float32 (H, W), metres, 0 = unknown; or None. A clip has depth if all its frames have.

        Raises:
            InvalidClipError: a frame or depth of another shape or type, or of another size than its camera.
            InvalidPoseError: a pose that is not a finite rigid transform.
        """
        try:
            _check_frame(frame, camera, depth)
            pose = check_pose(camera_to_world, name="camera_to_world")
        except InvalidInputError:
            with self._condition:
                self._received += 1
                self._dropped[DropReason.INVALID] += 1
            raise
        with self._condition:
            self._received += 1
            dropped, restarted = self._judge(camera, stamp_ns)
            if dropped is not None:
                self._dropped[dropped] += 1
                return AddOutcome(dropped=dropped)
            if restarted is not None:
                self._restart(restarted)
            gap_s = self._insert(camera, _Frame(owned(frame), pose, _owned_depth(depth)), stamp_ns)
            self._condition.notify_all()
            return AddOutcome(restarted=restarted, gap_s=gap_s)

    def _judge(self, camera: PinholeCamera, stamp_ns: int) -> tuple[DropReason | None, RestartReason | None]:
        if self._closed:
            return DropReason.CLOSED, None
        if stamp_ns <= 0:
            return DropReason.ZERO_STAMP, None
        if not self._stamps:
            return None, None
        newest_ns = self._stamps[-1]
        if stamp_ns < newest_ns - self._settings.rewind_ns:
            return None, RestartReason.CLOCK_WENT_BACK
        if camera != self._camera:
            if stamp_ns <= newest_ns:
                return DropReason.MISMATCHED, None
            assert self._camera is not None  # noqa: S101 - set with the first frame
            resized = camera.size != self._camera.size
            return None, RestartReason.SIZE_CHANGED if resized else RestartReason.INTRINSICS_CHANGED
        if stamp_ns > newest_ns:
            due = self._thinning is None or self._thinning.is_due(stamp_ns)
            return (None if due else DropReason.TOO_SOON), None
        return self._judge_late(stamp_ns), None

    def _is_close(self, stamp_ns: int, other_ns: int) -> bool:
        return (
            self._settings.period_ns is not None
            and abs(stamp_ns - other_ns) < CLOSEST * self._settings.period_ns
        )

    def _judge_late(self, stamp_ns: int) -> DropReason | None:
        at = bisect_left(self._stamps, stamp_ns)
        if self._stamps[at] == stamp_ns:
            return DropReason.DUPLICATE
        too_old = self._settings.keep_ns is not None and stamp_ns <= self._stamps[-1] - self._settings.keep_ns
        no_room = at == 0 and len(self._stamps) == self._settings.capacity
        already_read = self._read_ns is not None and stamp_ns <= self._read_ns
        if too_old or no_room or already_read:
            return DropReason.LATE
        if any(self._is_close(stamp_ns, other_ns) for other_ns in self._stamps[max(at - 1, 0) : at + 1]):
            return DropReason.TOO_SOON
        return None

    def _insert(self, camera: PinholeCamera, frame: _Frame, stamp_ns: int) -> float:
        gap_ns = 0
        if not self._stamps or stamp_ns > self._stamps[-1]:
            if self._thinning is not None:
                self._thinning.keep(stamp_ns)
            if self._stamps and stamp_ns - self._stamps[-1] > self._settings.max_gap_ns:
                gap_ns = stamp_ns - self._stamps[-1]
                self._gaps += 1
        self._camera = camera
        at = bisect_left(self._stamps, stamp_ns)
        self._stamps.insert(at, stamp_ns)
        self._frames.insert(at, frame)
        self._nbytes += frame.nbytes
        self._evict()
        return gap_ns / 1e9

    def _evict(self) -> None:
        while len(self._stamps) > self._settings.capacity or (
            self._settings.keep_ns is not None
            and self._stamps[0] <= self._stamps[-1] - self._settings.keep_ns
        ):
            self._gone_ns = self._stamps.pop(0)
            self._nbytes -= self._frames.pop(0).nbytes
            self._evicted += 1

    def _restart(self, reason: RestartReason) -> None:
        self._restarts[reason] += 1
        self._forget()
        if reason is RestartReason.CLOCK_WENT_BACK:
            self._read_ns = None

    def _forget(self) -> None:
        self._cleared += len(self._stamps)
        self._stamps.clear()
        self._frames.clear()
        self._nbytes = 0
        self._camera = None
        self._gone_ns = None
        if self._thinning is not None:
            self._thinning.reset()

    def clear(self) -> None:
        """Forget all frames and what has been read, as if new; the counters go on."""
        with self._condition:
            self._forget()
            self._read_ns = None

    def close(self) -> None:
        """Free the frames and wake whoever waits in ``next``; reads raise from now on. Harmless twice."""
        with self._condition:
            self._forget()
            self._closed = True
            self._condition.notify_all()

    # --- reading

    def next(self, timeout_s: float | None, *, frames: int | None = None) -> PosedClip:
        """Wait for the next instant not read yet and return the clip that ends there.

        Instants come in order, each once, however late they are read, as long as the window still holds what
        their clip needs; those that cannot end a clip (after a gap, at the beginning) are passed over. A
        frame older than the instant returned is dropped as late from now on, so that consecutive clips never
        contradict each other.

        Args:
            timeout_s: how long to wait; None for ever.
            frames: frames of the clip, at most the window's length; None for the window's length.

        Raises:
            ClipNotReadyError: none came in time; the message says what is missing.
            WindowClosedError: the window is or was closed, while waiting too.
            InvalidInputError: ``frames`` that the window can never hold.
        """
        self._check_count(frames)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._condition:
            while (end := self._next_end(frames)) is None:
                remaining = None if deadline is None else deadline - time.monotonic()
                if remaining is not None and remaining <= 0:
                    raise ClipNotReadyError(f"no new clip within {timeout_s:g} s: {self._missing(frames)}")
                self._condition.wait(remaining)
            self._read_ns = self._stamps[end]
            chosen = self._chosen(self._select(end, frames))
        return chosen.clip()

    def latest(self, *, frames: int | None = None) -> PosedClip:
        """Return the clip that ends at the newest frame, without waiting.

        Args:
            frames: as in :meth:`next`.

        Raises:
            ClipNotReadyError: there is none yet; the message says what is missing.
            WindowClosedError: the window has been closed.
            InvalidInputError: ``frames`` that the window can never hold.
        """
        self._check_count(frames)
        with self._condition:
            chosen = self._latest(frames)
        return chosen.clip()

    def latest_within(self, max_age_s: float, now_ns: int, *, frames: int | None = None) -> PosedClip:
        """Return what :meth:`latest` returns, unless its newest frame is too old.

        Args:
            max_age_s: how old the newest frame may be.
            now_ns: the time now, on the clock of the stamps.
            frames: as in :meth:`next`.

        Raises:
            ClipNotReadyError: no clip, one that is too old, or one stamped further in the future than
                ``max_age_s``.
            WindowClosedError: the window has been closed.
            InvalidInputError: ``frames`` that the window can never hold.
        """
        self._check_count(frames)
        with self._condition:
            if self._stamps:
                _check_age((now_ns - self._stamps[-1]) / 1e9, max_age_s)
            chosen = self._latest(frames)
        return chosen.clip()

    def _latest(self, frames: int | None) -> _Chosen:
        self._check_open()
        if not self._stamps:
            raise ClipNotReadyError(self._missing(frames))
        return self._chosen(self._select(len(self._stamps) - 1, frames))

    def _next_end(self, frames: int | None) -> int | None:
        self._check_open()
        for end, stamp_ns in enumerate(self._stamps):
            if self._read_ns is not None and stamp_ns <= self._read_ns:
                continue
            try:
                self._select(end, frames)
            except ClipNotReadyError:
                continue
            return end
        return None

    def _select(self, end: int, frames: int | None) -> list[int]:
        """Indices of the clip that ends at index ``end``."""
        return select(self._stamps, end, frames, self._settings, gone_ns=self._gone_ns)

    def _missing(self, frames: int | None) -> str:
        """What a clip that ends at the newest frame lacks, for people."""
        if self._stamps:
            try:
                self._select(len(self._stamps) - 1, frames)
            except ClipNotReadyError as err:
                return str(err)
            return "no frame since the last one read"
        count = self._settings.length_frames if frames is None else frames
        wanted = f"{(self._settings.length_ns or 0) / 1e9:g} s" if count is None else f"{count} frames"
        rate = "" if self._settings.period_ns is None else f" at {1e9 / self._settings.period_ns:g} Hz"
        dropped = ", ".join(f"{n} dropped as {reason.value}" for reason, n in self._dropped.most_common())
        return f"no frame yet; {wanted}{rate} needed" + (f" ({dropped})" if dropped else "")

    def _chosen(self, indices: list[int]) -> _Chosen:
        assert self._camera is not None  # noqa: S101 - set with the first frame
        stamps = [self._stamps[index] for index in indices]
        return _Chosen(self._camera, stamps, [self._frames[index] for index in indices])

    def _check_open(self) -> None:
        if self._closed:
            raise WindowClosedError("the sliding window has been closed; make a new one")

    def _check_count(self, frames: int | None) -> None:
        most = (
            self._settings.capacity if self._settings.length_frames is None else self._settings.length_frames
        )
        if frames is not None and not 1 <= frames <= most:
            raise InvalidInputError(f"frames is {frames} but the window gives clips of 1 to {most} frames")

    # --- being looked at

    def __len__(self) -> int:
        """Frames held now."""
        with self._condition:
            return len(self._stamps)

    @property
    def length_frames(self) -> int | None:
        """Frames of a full clip; None if the window takes every frame of a time span."""
        return self._settings.length_frames

    @property
    def capacity(self) -> int:
        """The most frames the window ever holds."""
        return self._settings.capacity

    @property
    def nbytes(self) -> int:
        """Bytes of the frames, depths and poses held now."""
        with self._condition:
            return self._nbytes

    @property
    def stamps_ns(self) -> tuple[int, ...]:
        """Stamps of the frames held now, strictly increasing."""
        with self._condition:
            return tuple(self._stamps)

    @property
    def camera(self) -> PinholeCamera | None:
        """Intrinsics of the frames held now; None if there are none."""
        with self._condition:
            return self._camera

    def run_length(self) -> int:
        """Frames held since the last gap above ``max_gap_s``; 0 if there are none."""
        with self._condition:
            end = len(self._stamps) - 1
            return 0 if end < 0 else end - run_start(self._stamps, end, self._settings.max_gap_ns) + 1

    def problem(self, *, frames: int | None = None) -> str:
        """Say what :meth:`latest` still lacks, for people; "" if it would return a clip."""
        self._check_count(frames)
        with self._condition:
            try:
                self._check_open()
                if self._stamps:
                    self._select(len(self._stamps) - 1, frames)
                    return ""
            except ClipNotReadyError as err:
                return str(err)
            return self._missing(frames)

    def statistics(self) -> WindowStatistics:
        """A snapshot of all counters."""
        with self._condition:
            return WindowStatistics(
                received=self._received,
                held=len(self._stamps),
                evicted=self._evicted,
                cleared=self._cleared,
                dropped={reason: self._dropped[reason] for reason in DropReason},
                restarts={reason: self._restarts[reason] for reason in RestartReason},
                gaps=self._gaps,
                nbytes=self._nbytes,
            )


def _check_age(age_s: float, max_age_s: float) -> None:
    if age_s > max_age_s:
        raise ClipNotReadyError(
            f"the newest frame is {age_s:.2f} s old, {max_age_s:g} s are allowed; has the camera stopped?"
        )
    if age_s < -max_age_s:
        raise ClipNotReadyError(
            f"the newest frame is stamped {-age_s:.2f} s in the future; synchronise the clocks, "
            "or set use_sim_time alike everywhere"
        )


def _check_frame(frame: Any, camera: PinholeCamera, depth: Any) -> None:
    size = (camera.height, camera.width)
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.shape != (*size, 3):
        raise InvalidClipError(
            f"frame must be uint8 {(*size, 3)} RGB, the size of its camera, got {_told(frame)}; "
            "convert it, or scale the camera with it"
        )
    if depth is not None and (
        not isinstance(depth, np.ndarray)
        or depth.shape != size
        or not np.issubdtype(depth.dtype, np.floating)
    ):
        raise InvalidClipError(
            f"depth must be float32 {size} in metres, aligned with its frame, got {_told(depth)}; "
            "convert 16UC1 millimetres by dividing by 1000"
        )


def _owned_depth(depth: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    return None if depth is None else owned(depth.astype(np.float32, copy=False))


def _told(value: Any) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
