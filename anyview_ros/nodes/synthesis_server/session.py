"""One open stream of the server: frames in, views out."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from anyview_ros.errors import AnyViewError, InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.msg import StreamViews, TargetCamera
from anyview_ros.nodes.conversions.interfaces import (
    camera_from_intrinsics,
    posed_image_from_msg,
    provenance_to_msg,
    view_to_msgs,
)
from anyview_ros.nodes.conversions.poses import pose_to_matrix
from anyview_ros.synthesis.client import EngineClient, StreamFrame, StreamOutcome, StreamSpec
from anyview_ros.synthesis.option_json import options_from_json

_MAX_UNANSWERED = 4096  # sequence numbers kept for frames that may still be answered; two minutes at 30 Hz


class Session:
    """A stream between one client and the engine.

    Args:
        stream_id: what its messages carry.
        spec: what was asked for.
        client: the way to the engine.
        publish: called with each StreamViews, on the engine's callback thread.
        server: name of the server.
        with_depth: tells whether views carry depth now.

    Raises:
        AnyViewError: the engine refuses.
    """

    def __init__(
        self,
        stream_id: str,
        spec: StreamSpec,
        client: EngineClient,
        publish: Callable[[Any], None],
        *,
        server: str,
        with_depth: Callable[[], bool],
    ) -> None:
        self.stream_id = stream_id
        self.spec = spec
        self._publish = publish
        self._server = server
        self._with_depth = with_depth
        self._heard_s = time.monotonic()  # of the last frame or answer
        # stamps of the newest frame that asks for views, and of that answered
        self._asked_ns = self._answered_ns = 0
        self._sequences: OrderedDict[int, int] = OrderedDict()  # by stamp, of frames not answered yet
        self._next = 0  # sequence number of the frame after the newest
        self._missed = 0  # frames that newer ones replaced in the subscription's queue
        self._lock = threading.Lock()
        self._handle = client.open_stream(spec, self._answer)

    def silent_s(self) -> float:
        """Seconds since the last frame or answer, or since opening; 0 while views are being made, however long."""
        with self._lock:
            is_busy = self._asked_ns > self._answered_ns
            return 0.0 if is_busy else time.monotonic() - self._heard_s

    def push(self, msg: Any) -> None:
        """Hand a StreamFrame to the engine.

        Raises:
            AnyViewError: a frame that does not fit the stream, or a stream that the engine has lost.
        """
        with self._lock:
            self._heard_s = time.monotonic()
            self._missed += max(int(msg.sequence) - self._next, 0)
            self._next = int(msg.sequence) + 1
        source = posed_image_from_msg(msg.source, name="the stream's frame", size=self.spec.source.size)
        if self.spec.source_has_depth and source.depth_m is None:
            raise InvalidRequestError(
                "the stream was opened with source_has_depth but the frame has no depth"
            )
        targets = {target.name: self._target_pose(target) for target in msg.targets}
        with self._lock:
            self._sequences[source.stamp_ns] = int(msg.sequence)
            while len(self._sequences) > _MAX_UNANSWERED:
                self._sequences.popitem(last=False)
        self._handle.push(
            StreamFrame(source.rgb, source.camera_to_world, source.stamp_ns, targets, depth=source.depth_m)
        )
        if targets:
            with self._lock:
                self._asked_ns = source.stamp_ns

    def close(self) -> None:
        """End the stream; nothing is published for it any more."""
        self._handle.close()

    def _target_pose(self, target: TargetCamera) -> Any:
        camera = self.spec.targets.get(target.name)
        if camera is None:
            known = ", ".join(self.spec.targets)
            raise InvalidRequestError(f"target '{target.name}' was not opened with the stream, only {known}")
        asked = target.intrinsics
        if asked.width and camera_from_intrinsics(asked, name=f"target '{target.name}'") != camera:
            raise InvalidRequestError(
                f"intrinsics of target '{target.name}' changed since the stream was opened; open another stream"
            )
        return pose_to_matrix(target.camera_to_world, name=f"camera_to_world of target '{target.name}'")

    def _answer(self, outcome: StreamOutcome) -> None:
        with self._lock:
            missed = self._missed
        msg = StreamViews(
            stream_id=self.stream_id,
            sequence=self._sequence(outcome),
            synthesis_ms=float(outcome.synthesis_ms),
            dropped=outcome.dropped + missed,
            error=outcome.error,
        )
        try:
            msg.views = [
                picture
                for name, view in outcome.views.items()
                for picture in view_to_msgs(view, name=name, with_depth=self._with_depth())
            ]
        except AnyViewError as error:
            msg.error = str(error)
        if outcome.provenance is not None:
            msg.provenance = provenance_to_msg(
                outcome.provenance, server=self._server, source_stamp_ns=outcome.stamp_ns
            )
        self._publish(msg)

    def _sequence(self, outcome: StreamOutcome) -> int:
        with self._lock:
            self._heard_s = time.monotonic()
            if outcome.sequence < 0:
                self._answered_ns = self._asked_ns  # no other answer will come
                return int(StreamViews.WHOLE_STREAM)
            self._answered_ns = outcome.stamp_ns
            sequence = self._sequences.pop(outcome.stamp_ns, 0)
            for stamp_ns in list(self._sequences):
                if stamp_ns > outcome.stamp_ns:
                    break
                del self._sequences[stamp_ns]  # replaced by the frame that was answered
        return sequence


def spec_from_request(request: Any) -> StreamSpec:
    """What an OpenStream.Request asks for.

    Raises:
        InvalidInputError: no targets, two of one name, a rate below zero, or values that no camera has.
    """
    if not request.targets:
        raise InvalidRequestError(
            "targets is empty; name at least one virtual camera that the stream may ask for"
        )
    if not 0 <= request.rate_hz < float("inf"):
        raise InvalidRequestError(f"rate_hz is {request.rate_hz}; give views per second, or 0 for none")
    targets: dict[str, PinholeCamera] = {}
    for target in request.targets:
        if target.name in targets:
            raise InvalidRequestError(f"two targets are named '{target.name}'; give each a name of its own")
        targets[target.name] = camera_from_intrinsics(target.intrinsics, name=f"target '{target.name}'")
    return StreamSpec(
        camera_from_intrinsics(request.source, name="source"),
        targets,
        source_has_depth=bool(request.source_has_depth),
        steps=int(request.steps) or None,
        seed=int(request.seed),
        options=options_from_json(request.options_json),
        client=request.client,
        rate_hz=float(request.rate_hz) or None,
    )
