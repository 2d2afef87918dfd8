"""A live stream to the server."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from anyview_ros.errors import AnyViewError, EngineClosedError, EngineUnavailableError, InvalidRequestError
from anyview_ros.msg import StreamFrame as StreamFrameMsg
from anyview_ros.msg import StreamViews, TargetCamera
from anyview_ros.nodes.conversions.interfaces import (
    intrinsics_from_camera,
    posed_image_to_msg,
    provenance_from_msg,
    view_from_msgs,
)
from anyview_ros.nodes.conversions.poses import matrix_to_pose
from anyview_ros.nodes.remote_engine.job import error_of
from anyview_ros.synthesis.by_products import ByProduct
from anyview_ros.synthesis.client import StreamFrame, StreamOutcome, StreamSpec
from anyview_ros.synthesis.pushed_frames import check_stream_frame

_OPENING = "the stream is still being opened"
_MAX_UNANSWERED = 4096  # stamps kept of frames that may still be answered; two minutes at 30 Hz


class RemoteStream:
    """The StreamHandle of a server elsewhere.

    Args:
        spec: what was asked for.
        on_outcome: called on the node's executor.
        publisher: of ``stream_frames``.
        closed: called with the stream once, when ``close`` was called or the stream was lost.
    """

    def __init__(
        self,
        spec: StreamSpec,
        on_outcome: Callable[[StreamOutcome], None],
        publisher: Any,
        closed: Callable[[RemoteStream], None],
    ) -> None:
        self.stream_id = ""
        self._spec = spec
        self._on_outcome = on_outcome
        self._publisher = publisher
        self._closed = closed
        self._problem = _OPENING
        self._over = False
        self._idle_timeout_s = float("inf")
        # or asked to be opened, which is no later than the server did so
        self._last_push_s = time.monotonic()
        self._sequence = 0
        self._stamp_ns: int | None = None  # of the frame before
        self._asked: frozenset[ByProduct] = frozenset()  # besides views, which is never made elsewhere
        self._stamps: OrderedDict[int, int] = OrderedDict()  # by sequence, of frames not answered yet
        self._lock = threading.Lock()

    @property
    def over(self) -> bool:
        """Whether the stream was closed or lost."""
        return self._over

    def problem(self) -> str:
        """ "" when frames can be pushed, else why not."""
        if self._problem:
            return self._problem
        if self._publisher.get_subscription_count() == 0:
            return f"nobody subscribes to {self._publisher.topic_name} yet; waiting for the server"
        return ""

    def push(self, frame: StreamFrame) -> int:
        """Publish a frame and return its sequence number.

        Raises:
            EngineClosedError: the stream is closed or lost.
            EngineUnavailableError: ``problem()`` is not empty for another reason.
            InvalidRequestError: an unknown target, another size or type, no depth though the stream was opened with it,
                or a stamp that does not increase.
            InvalidPoseError: a pose of the source that is not a finite rigid transform.
        """
        problem = self.problem()
        if problem:
            raise (EngineClosedError if self._over else EngineUnavailableError)(problem)
        self._check(frame)
        msg = StreamFrameMsg(
            stream_id=self.stream_id,
            source=posed_image_to_msg(
                frame.frame, frame.camera_to_world, frame.stamp_ns, depth_m=frame.depth
            ),
            targets=[self._target(name, pose) for name, pose in frame.targets.items()],
        )
        with self._lock:
            sequence = self._sequence
            self._sequence += 1
            self._stamp_ns = frame.stamp_ns
            self._asked |= frame.by_products
            self._stamps[sequence] = frame.stamp_ns
            while len(self._stamps) > _MAX_UNANSWERED:
                self._stamps.popitem(last=False)
        msg.sequence = sequence
        self._last_push_s = time.monotonic()
        self._publisher.publish(msg)
        return sequence

    def close(self) -> None:
        """End the stream; no outcome follows. Closing twice is harmless."""
        self._finish("the stream is closed")

    def opened(self, response: Any) -> None:
        """Take the server's answer to ``open_stream``."""
        self.stream_id = response.stream_id
        if not response.success:
            self.lose(str(error_of(response.error_type, response.error)))
            return
        self._idle_timeout_s = float(response.idle_timeout_s)
        if not self._over:
            self._problem = ""

    def lose(self, reason: str, *, rested: bool = False) -> None:
        """End the stream because it is no longer served, and tell its owner."""
        if self._finish(reason):
            self._on_outcome(StreamOutcome(sequence=-1, stamp_ns=0, error=reason, rested=rested))

    def answered(self, msg: Any) -> None:
        """Take what the server made of a frame, or why it ended the stream."""
        if self._over:
            return
        if msg.sequence == StreamViews.WHOLE_STREAM:
            self.lose(msg.error, rested=time.monotonic() - self._last_push_s > self._idle_timeout_s)
            return
        stamp_ns = self._stamp_of(int(msg.sequence))
        error, views = msg.error, {}
        try:
            views = {view.name: view_from_msgs([view]) for view in msg.views}
        except AnyViewError as problem:
            error = str(problem)
        self._on_outcome(
            StreamOutcome(
                sequence=int(msg.sequence),
                stamp_ns=stamp_ns,
                views={} if error else views,
                provenance=None if error else provenance_from_msg(msg.provenance),
                synthesis_ms=float(msg.synthesis_ms),
                dropped=int(msg.dropped),
                error=error,
                asked=self._asked,
            )
        )

    def _finish(self, problem: str) -> bool:
        with self._lock:
            if self._over:
                return False
            self._over = True
            self._problem = problem
        self._closed(self)
        return True

    def _check(self, frame: StreamFrame) -> None:
        check_stream_frame(frame, self._spec, after_ns=self._stamp_ns)
        if self._spec.source_has_depth and frame.depth is None:
            raise InvalidRequestError(
                "the stream was opened with source_has_depth but the frame has no depth"
            )

    def _target(self, name: str, pose: Any) -> TargetCamera:
        camera = self._spec.targets[name]
        return TargetCamera(
            name=name, intrinsics=intrinsics_from_camera(camera), camera_to_world=matrix_to_pose(pose)
        )

    def _stamp_of(self, sequence: int) -> int:
        with self._lock:
            stamp_ns = self._stamps.pop(sequence, 0)
            for other in list(self._stamps):
                if other > sequence:
                    break
                del self._stamps[other]  # replaced by the frame that was answered
        return stamp_ns
