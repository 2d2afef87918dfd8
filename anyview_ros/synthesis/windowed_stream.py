"""The face of a stream for methods that only know clips: a window slides over the last frames."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import SlidingWindow
from anyview_ros.errors import EngineClosedError, InvalidRequestError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.protocol import CancelToken, Synthesizer
from anyview_ros.synthesis.pushed_frames import check_order, check_target_poses
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import Provenance, SynthesizedView
from anyview_ros.synthesis.step_budget import StepBudget

_MOST_FRAMES = 16


class WindowedStream:
    """A SynthesisStream that asks its synthesizer anew for every instant, with a window of the last frames.

    Only the newest instant is synthesised: each target is one pose at the stamp of the newest frame. A method
    that can do with one frame gets one; another gets as many as there are, up to the most it takes (at most
    16). Until it has the fewest it takes, and again after a gap above 1 s, ``push``
    raises ClipNotReadyError: frames are never made up by repeating others.

    Args:
        synthesizer: stays the caller's; closing the stream leaves it open.
        source: intrinsics of the source camera.
        targets: intrinsics of the virtual cameras.
        steps, seed, options: as in SynthesisRequest.
        rate_hz: where no steps are given, as many are chosen for each push as this rate leaves time for, at most the
            method's default; None for the default always.
        cancel: when set, the synthesis of a push stops between two steps.

    Raises:
        InvalidRequestError: no target, or a method that needs several sources.
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
        rate_hz: float | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        """Make the stream; see the class for the arguments."""
        description = synthesizer.describe()
        if not targets:
            raise InvalidRequestError("targets is empty; give at least one PinholeCamera")
        if description.source_count[0] > 1:
            raise InvalidRequestError(
                f"method '{description.name}' needs {description.source_count[0]} sources but a stream has "
                "one; send requests instead"
            )
        self._synthesizer = synthesizer
        self._source = source
        self._targets = tuple(targets)
        self._steps, self._seed, self._options, self._cancel = steps, seed, options, cancel
        self._description = description
        adapts = steps is None and rate_hz is not None and description.default_steps > 1
        self._budget = StepBudget(rate_hz, description.default_steps) if adapts and rate_hz else None
        self._window = SlidingWindow(length_frames=_window_frames(description))
        self._last_stamp_ns = 0
        self._closed = False
        self._provenance = Provenance(
            description.name,
            weights_hash=str(getattr(synthesizer, "weights_hash", "")),
            seed=seed,
            steps=description.default_steps if steps is None else steps,
        )

    @property
    def provenance(self) -> Provenance:
        """What the views of this stream were made by; what the method says itself from the first views on."""
        return self._provenance

    @property
    def frames_before(self) -> int:
        """How many frames before the newest a clip of this stream may have."""
        return self._window.length_frames - 1

    def remember(
        self,
        frame: NDArray[np.uint8],
        camera_to_world: NDArray[np.float64],
        *,
        stamp_ns: int,
        depth: NDArray[np.float32] | None = None,
    ) -> None:
        """Keep a frame of which no view is wanted, for the clips of later ones; see :meth:`push`.

        A clip then has the source's own rhythm, however seldom views are asked for and however long each takes.
        """
        self._check_turn(stamp_ns)
        self._window.add(frame, self._source, camera_to_world, stamp_ns, depth)
        self._last_stamp_ns = stamp_ns

    def push(
        self,
        frame: NDArray[np.uint8],
        camera_to_world: NDArray[np.float64],
        *,
        target_camera_to_world: Sequence[NDArray[np.float64] | None],
        stamp_ns: int,
        depth: NDArray[np.float32] | None = None,
    ) -> tuple[SynthesizedView | None, ...]:
        """Give the next source frame and get the same instant from every target; see SynthesisStream.

        The window keeps ``frame`` and ``depth``; the caller no longer writes to them.

        Raises:
            ClipNotReadyError: the method needs more frames yet; this one is kept.
            InvalidRequestError: another number of targets, or a stamp that does not increase.
            InvalidClipError: a frame or depth of another size or type than the stream's.
            InvalidPoseError: a pose that is not a finite rigid transform.
            SynthesisCancelled: ``cancel`` was set.
            EngineClosedError: the stream has been closed.
        """
        self._check_turn(stamp_ns)
        poses = check_target_poses(target_camera_to_world, len(self._targets))
        self.remember(frame, camera_to_world, stamp_ns=stamp_ns, depth=depth)
        stamps_ns = np.array([stamp_ns], dtype=np.int64)
        trajectories = tuple(
            CameraTrajectory(camera, pose[None], stamps_ns)
            for camera, pose in zip(self._targets, poses, strict=True)
            if pose is not None
        )
        if not trajectories:
            return tuple(None for _ in poses)
        fewest = self._description.clip_frames[0]
        usable = self._description.usable_frames(max(fewest, self._window.run_length()))
        clip = self._window.latest(frames=usable)
        steps = self._steps if self._budget is None else self._budget.steps
        request = SynthesisRequest((clip,), trajectories, steps, self._seed, self._options)
        begun_s = time.monotonic()
        result = self._synthesizer.synthesize(request, cancel=self._cancel)
        if self._budget is not None:
            self._budget.spent(time.monotonic() - begun_s)
        self._provenance = result.provenance
        views = iter(result.views)
        return tuple(None if pose is None else next(views) for pose in poses)

    def _check_turn(self, stamp_ns: int) -> None:
        if self._closed:
            raise EngineClosedError("the stream has been closed; open another")
        check_order(stamp_ns, self._last_stamp_ns)

    def close(self) -> None:
        """Free the window. Closing twice is harmless."""
        self._closed = True
        self._window.close()

    def __enter__(self) -> WindowedStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


def _window_frames(description: MethodDescription) -> int:
    fewest, most = description.clip_frames
    return fewest if fewest == 1 else max(fewest, min(most, _MOST_FRAMES))
