"""A sliding window over a live camera: the last posed frames, in the order of their stamps."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips.clip import PosedClip
from anyview_ros.clips.drop_reason import DropReason
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

    Frames may come in any order and on any thread. Time is that of the stamps: whoever sees that the clock was set back
    calls ``clear``, or earlier frames are dropped as late. ``latest`` gives the newest clip there is now, any number of
    times; ``latest_within`` does so unless that clip is too old.

    **Ownership.** ``add`` keeps the arrays it is given, without a copy, where they are contiguous and not
    views of something larger; whoever adds a frame no longer writes to it. Clips are copies: they stay as
    they are.

    **Memory.** The window keeps at most ``capacity`` frames, each once, and at most 1.2 times their bytes.

    Args:
        length_frames: frames of a full clip. Exactly one of this and ``length_s`` is given.
        length_s: seconds of video in a full clip at ``rate_hz``: ``round(length_s * rate_hz)`` frames.
        rate_hz: target rate; frames above it are dropped (of a source up to four thirds as fast, none), clips are
            resampled to it: each frame of a clip is the nearest to its instant, no further from it than half a period.
            The instants are one period apart; the last is the newest frame's own stamp, or as near to it as lets every
            instant have a frame. Stamps stay those of the frames. None takes every frame.
        max_gap_s: no clip spans a larger gap; None for three periods of ``rate_hz``, or 1 s without a rate.

    Raises:
        InvalidInputError: an argument out of range, or arguments that exclude each other.
    """

    def __init__(
        self,
        *,
        length_frames: int | None = None,
        length_s: float | None = None,
        rate_hz: float | None = None,
        max_gap_s: float | None = None,
    ) -> None:
        """Make an empty window; see the class for the arguments."""
        self._settings = resolve_settings(
            length_frames=length_frames, length_s=length_s, rate_hz=rate_hz, max_gap_s=max_gap_s
        )
        self._lock = Lock()
        self._camera: PinholeCamera | None = None
        self._stamps_ns: list[int] = []
        self._frames: list[_Frame] = []
        self._nbytes = 0
        self._thinning = None if self._settings.period_ns is None else Thinning(self._settings.period_ns)
        self._closed = False
        self._dropped: Counter[DropReason] = Counter()

    # --- writing

    def add(
        self,
        frame: NDArray[np.uint8],
        camera: PinholeCamera,
        camera_to_world: NDArray[np.float64],
        stamp_ns: int,
        depth: NDArray[np.float32] | None = None,
    ) -> DropReason | None:
        """Give the window a frame, which it takes or drops.

        Args:
            frame: uint8 (H, W, 3), RGB; not written to any more by the caller.
            camera: intrinsics, size (H, W). A newer frame with others restarts the window.
            camera_to_world: (4, 4), metres, OpenCV axes.
            stamp_ns: when the frame was taken, nanoseconds, above zero.
            depth: float32 (H, W), metres, 0 = unknown; or None. A clip has depth if all its frames have.

        Returns:
            why the frame was dropped, or None if the window took it.

        Raises:
            InvalidClipError: a frame or depth of another shape or type, or of another size than its camera.
            InvalidPoseError: a pose that is not a finite rigid transform.
        """
        try:
            _check_frame(frame, camera, depth)
            pose = check_pose(camera_to_world, name="camera_to_world")
        except InvalidInputError:
            with self._lock:
                self._dropped[DropReason.INVALID] += 1
            raise
        with self._lock:
            dropped = self._judge(camera, stamp_ns)
            if dropped is not None:
                self._dropped[dropped] += 1
                return dropped
            if camera != self._camera:
                self._forget()
            self._insert(camera, _Frame(owned(frame), pose, _owned_depth(depth)), stamp_ns)
            return None

    def _judge(self, camera: PinholeCamera, stamp_ns: int) -> DropReason | None:
        if self._closed:
            return DropReason.CLOSED
        if stamp_ns <= 0:
            return DropReason.ZERO_STAMP
        if not self._stamps_ns:
            return None
        newer = stamp_ns > self._stamps_ns[-1]
        if camera != self._camera:
            return None if newer else DropReason.MISMATCHED
        if not newer:
            return self._judge_late(stamp_ns)
        due = self._thinning is None or self._thinning.is_due(stamp_ns)
        return None if due else DropReason.TOO_SOON

    def _is_close(self, stamp_ns: int, other_ns: int) -> bool:
        return (
            self._settings.period_ns is not None
            and abs(stamp_ns - other_ns) < CLOSEST * self._settings.period_ns
        )

    def _judge_late(self, stamp_ns: int) -> DropReason | None:
        at = bisect_left(self._stamps_ns, stamp_ns)
        if self._stamps_ns[at] == stamp_ns:
            return DropReason.DUPLICATE
        too_old = (
            self._settings.keep_ns is not None and stamp_ns <= self._stamps_ns[-1] - self._settings.keep_ns
        )
        no_room = at == 0 and len(self._stamps_ns) == self._settings.capacity
        if too_old or no_room:
            return DropReason.LATE
        if any(self._is_close(stamp_ns, other_ns) for other_ns in self._stamps_ns[max(at - 1, 0) : at + 1]):
            return DropReason.TOO_SOON
        return None

    def _insert(self, camera: PinholeCamera, frame: _Frame, stamp_ns: int) -> None:
        if self._thinning is not None and (not self._stamps_ns or stamp_ns > self._stamps_ns[-1]):
            self._thinning.keep(stamp_ns)
        self._camera = camera
        at = bisect_left(self._stamps_ns, stamp_ns)
        self._stamps_ns.insert(at, stamp_ns)
        self._frames.insert(at, frame)
        self._nbytes += frame.nbytes
        self._evict()

    def _evict(self) -> None:
        while len(self._stamps_ns) > self._settings.capacity or (
            self._settings.keep_ns is not None
            and self._stamps_ns[0] <= self._stamps_ns[-1] - self._settings.keep_ns
        ):
            self._stamps_ns.pop(0)
            self._nbytes -= self._frames.pop(0).nbytes

    def _forget(self) -> None:
        self._stamps_ns.clear()
        self._frames.clear()
        self._nbytes = 0
        self._camera = None
        if self._thinning is not None:
            self._thinning.reset()

    def clear(self) -> None:
        """Forget all frames, as if new."""
        with self._lock:
            self._forget()

    def close(self) -> None:
        """Free the frames; reads raise from now on. Harmless twice."""
        with self._lock:
            self._forget()
            self._closed = True

    # --- reading

    def latest(self, *, frames: int | None = None) -> PosedClip:
        """Return the clip that ends at the newest frame, without waiting.

        Args:
            frames: frames of the clip, at most the window's length; None for the window's length.

        Raises:
            ClipNotReadyError: there is none yet; the message says what is missing.
            WindowClosedError: the window has been closed.
            InvalidInputError: ``frames`` that the window can never hold.
        """
        self._check_count(frames)
        with self._lock:
            chosen = self._latest(frames)
        return chosen.clip()

    def latest_within(self, max_age_s: float, now_ns: int, *, frames: int | None = None) -> PosedClip:
        """Return what :meth:`latest` returns, unless its newest frame is too old.

        Args:
            max_age_s: how old the newest frame may be.
            now_ns: the time now, on the clock of the stamps.
            frames: as in :meth:`latest`.

        Raises:
            ClipNotReadyError: no clip, one that is too old, or one stamped further in the future than
                ``max_age_s``.
            WindowClosedError: the window has been closed.
            InvalidInputError: ``frames`` that the window can never hold.
        """
        self._check_count(frames)
        with self._lock:
            if self._stamps_ns:
                _check_age((now_ns - self._stamps_ns[-1]) / 1e9, max_age_s)
            chosen = self._latest(frames)
        return chosen.clip()

    def _latest(self, frames: int | None) -> _Chosen:
        self._check_open()
        indices = self._select(frames)
        assert self._camera is not None  # noqa: S101 - set with the first frame
        stamps_ns = [self._stamps_ns[index] for index in indices]
        return _Chosen(self._camera, stamps_ns, [self._frames[index] for index in indices])

    def _select(self, frames: int | None) -> list[int]:
        """Indices of the clip that ends at the newest frame."""
        count = self._settings.length_frames if frames is None else frames
        if not self._stamps_ns:
            raise ClipNotReadyError(self._needed(count))
        return select(self._stamps_ns, count, self._settings)

    def _needed(self, count: int) -> str:
        """What an empty window needs for a clip of ``count`` frames, for people."""
        rate = "" if self._settings.period_ns is None else f" at {1e9 / self._settings.period_ns:g} Hz"
        dropped = ", ".join(f"{n} dropped as {reason.value}" for reason, n in self._dropped.most_common())
        return f"no frame yet; {count} frames{rate} needed" + (f" ({dropped})" if dropped else "")

    def _check_open(self) -> None:
        if self._closed:
            raise WindowClosedError("the sliding window has been closed; make a new one")

    def _check_count(self, frames: int | None) -> None:
        most = self._settings.length_frames
        if frames is not None and not 1 <= frames <= most:
            raise InvalidInputError(f"frames is {frames} but the window gives clips of 1 to {most} frames")

    # --- being looked at

    def __len__(self) -> int:
        """Frames held now."""
        with self._lock:
            return len(self._stamps_ns)

    @property
    def length_frames(self) -> int:
        """Frames of a full clip."""
        return self._settings.length_frames

    @property
    def capacity(self) -> int:
        """The most frames the window ever holds."""
        return self._settings.capacity

    @property
    def nbytes(self) -> int:
        """Bytes of the frames, depths and poses held now."""
        with self._lock:
            return self._nbytes

    @property
    def stamps_ns(self) -> tuple[int, ...]:
        """Stamps of the frames held now, strictly increasing."""
        with self._lock:
            return tuple(self._stamps_ns)

    def run_length(self) -> int:
        """Frames held since the last gap above ``max_gap_s``; 0 if there are none."""
        with self._lock:
            return len(self._stamps_ns) - run_start(self._stamps_ns, self._settings.max_gap_ns)

    def problem(self, *, frames: int | None = None) -> str:
        """Say what :meth:`latest` still lacks, for people; "" if it would return a clip."""
        self._check_count(frames)
        with self._lock:
            try:
                self._check_open()
                self._select(frames)
            except ClipNotReadyError as err:
                return str(err)
            return ""


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
