"""The buffer that nodes use: lookups that wait, futures, and a clock that may jump back."""

from __future__ import annotations

import time as system_time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import TransformStamped
from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.task import Future
from tf2_msgs.srv import FrameGraph

from .buffer_core import BufferCore
from .conversions import nanoseconds
from .exceptions import TransformException
from .waits import Wait, Waits

if TYPE_CHECKING:
    from rclpy.node import Node


NO_TIMEOUT = Duration()


class Buffer(BufferCore):
    """Transforms of the last cache_time, from a listener or set by hand.

    With a node, the buffer follows that node's clock: it is cleared when the clock jumps back by a second or
    more (a bag that starts over) or changes its source, and the node answers the service `tf2_frames`.

    A lookup with a timeout blocks its thread. Within a callback prefer the asynchronous forms: a blocked
    single-threaded executor cannot receive what the lookup waits for.
    """

    def __init__(self, cache_time: Duration | None = None, node: Node | None = None) -> None:
        super().__init__(cache_time)
        self._waits = Waits(self._lock)
        if node is not None:
            self.srv = node.create_service(FrameGraph, "tf2_frames", self._answer_frames)
            self.clock = node.get_clock()
            threshold = JumpThreshold(
                min_forward=None, min_backward=Duration(seconds=-1), on_clock_change=True
            )
            self.jump_handle = self.clock.create_jump_callback(
                threshold, post_callback=self.time_jump_callback
            )

    def time_jump_callback(self, time_jump: TimeJump) -> None:
        """Clear the buffer: what it holds belongs to another run of the clock."""
        get_logger("tf2_buffer").warning("Detected jump back in time. Clearing tf buffer.")
        self.clear()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Add a transform of a moving link, and complete what waited for it."""
        super().set_transform(transform, authority)
        self._waits.settle()

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Add a transform that holds at all times, and complete what waited for it."""
        super().set_transform_static(transform, authority)
        self._waits.settle()

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Any, timeout: Duration = NO_TIMEOUT
    ) -> TransformStamped:
        """Return source_to_target at an instant (0: the latest), waiting for it for at most timeout.

        Raises LookupException, ConnectivityException, ExtrapolationException or InvalidArgumentException.
        """
        self.can_transform(target_frame, source_frame, time, timeout)
        return self.lookup_transform_core(target_frame, source_frame, time)

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
        timeout: Duration = NO_TIMEOUT,
    ) -> TransformStamped:
        """Return the source frame at source_time as seen from the target frame at target_time.

        fixed_frame is the one in which the world stands still in between. Raises as lookup_transform does.
        """
        self.can_transform_full(target_frame, target_time, source_frame, source_time, fixed_frame, timeout)
        return self.lookup_transform_full_core(
            target_frame, target_time, source_frame, source_time, fixed_frame
        )

    async def lookup_transform_async(
        self, target_frame: str, source_frame: str, time: Any
    ) -> TransformStamped:
        """Return source_to_target at an instant, once it is there."""
        return await self.wait_for_transform_async(target_frame, source_frame, time)

    async def lookup_transform_full_async(
        self, target_frame: str, target_time: Any, source_frame: str, source_time: Any, fixed_frame: str
    ) -> TransformStamped:
        """Return the transform between two instants, once it is there."""
        return await self.wait_for_transform_full_async(
            target_frame, target_time, source_frame, source_time, fixed_frame
        )

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Any,
        timeout: Duration = NO_TIMEOUT,
        return_debug_tuple: bool = False,
    ) -> bool | tuple[bool, str]:
        """Return whether the lookup succeeds within timeout; with return_debug_tuple also why not."""
        answer = self._poll(lambda: self.can_transform_core(target_frame, source_frame, time), timeout)
        return answer if return_debug_tuple else answer[0]

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
        timeout: Duration = NO_TIMEOUT,
        return_debug_tuple: bool = False,
    ) -> bool | tuple[bool, str]:
        """Return whether the lookup between two instants succeeds within timeout."""
        answer = self._poll(
            lambda: self.can_transform_full_core(
                target_frame, target_time, source_frame, source_time, fixed_frame
            ),
            timeout,
        )
        return answer if return_debug_tuple else answer[0]

    def wait_for_transform_async(self, target_frame: str, source_frame: str, time: Any) -> Future:
        """Return a future of the transform.

        Cancel it when it is no longer wanted. It fails when waiting is vain: with ExtrapolationException once
        the instant has fallen out of the cache, with InvalidArgumentException for a name that no frame has.
        """
        return self._waits.add(
            Wait(
                lambda: self.lookup_transform_core(target_frame, source_frame, time),
                lambda: self._expired(target_frame, source_frame, time),
            )
        )

    def wait_for_transform_full_async(
        self, target_frame: str, target_time: Any, source_frame: str, source_time: Any, fixed_frame: str
    ) -> Future:
        """Return a future of the transform between two instants, as wait_for_transform_async does."""
        return self._waits.add(
            Wait(
                lambda: self.lookup_transform_full_core(
                    target_frame, target_time, source_frame, source_time, fixed_frame
                ),
                lambda: (
                    self._expired(fixed_frame, source_frame, source_time)
                    or self._expired(target_frame, fixed_frame, target_time)
                ),
            )
        )

    def _poll(self, answer: Callable[[], tuple[bool, str]], timeout: Duration) -> tuple[bool, str]:
        """Ask again after each new transform until the answer is yes or the time is over."""
        deadline_s = system_time.monotonic() + nanoseconds(timeout) / 1e9
        with self._waits.news:
            while True:
                result = answer()
                left_s = deadline_s - system_time.monotonic()
                if result[0] or left_s <= 0.0:
                    return result
                self._waits.news.wait(left_s)

    def _expired(self, target_frame: str, source_frame: str, time: Any) -> bool:
        stamp_ns = nanoseconds(time)
        if stamp_ns == 0 or target_frame == source_frame:
            return False
        try:
            latest_ns = nanoseconds(self.get_latest_common_time(target_frame, source_frame))
        except TransformException:
            return False  # not connected yet: a transform that connects them may still come
        return latest_ns != 0 and stamp_ns < latest_ns - self._cache_time_ns

    def _answer_frames(self, _: FrameGraph.Request, response: FrameGraph.Response) -> FrameGraph.Response:
        response.frame_yaml = self.all_frames_as_yaml()
        return response
