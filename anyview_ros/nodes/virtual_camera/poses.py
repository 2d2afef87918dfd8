"""Where frames were at an instant, told by TF; never waits."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time
from tf2_ros import (
    Buffer,
    ConnectivityException,
    ExtrapolationException,
    LookupException,
    TransformException,
    TransformListener,
)

from anyview_ros.errors import InvalidPoseError
from anyview_ros.nodes.conversions import time_to_ns, transform_to_matrix

_CLAIMS = 64  # poses of a frame that may be on their way to TF and back
_SETTLED_S = 1.0  # after which the latched transforms of a graph have come, as a rule
_SAME = 1e-6
_QUEUED_S = 2.0  # how long after a jump messages from before it may come
_POSTDATED_NS = 10**9  # localisation postdates its transforms, by up to a second as a rule


class Trouble(Enum):
    """Why TF gives no pose; the value names the reason under which a frame is dropped."""

    NOT_YET = "tf_late"
    NO_FRAME = "tf_no_such_frame"
    TWO_TREES = "tf_two_trees"
    INVALID = "tf_invalid"


@dataclass(frozen=True, eq=False)
class Placement:
    """A pose, or the trouble with it.

    Attributes:
        to_fixed: (4, 4), takes points in the frame to the fixed frame, metres; None if TF does not tell.
        trouble: what kind of trouble; None if there is none.
        problem: "" or the sentence for people.
    """

    to_fixed: NDArray[np.float64] | None
    trouble: Trouble | None = None
    problem: str = ""


class WakingBuffer(Buffer):  # type: ignore[misc]
    """A TF buffer that tells when transforms arrive, and is not misled by those that a jump of the clock overtook."""

    def __init__(self, cache_time: Duration, node: Node, on_news: Callable[[], None]) -> None:
        self._on_news = on_news
        self._clock = node.get_clock()
        self._jumped_s = -math.inf
        super().__init__(cache_time, node=node)

    def time_jump_callback(self, time_jump: Any) -> None:
        """Clear the buffer: the clock jumped back."""
        self._jumped_s = time.monotonic()
        super().time_jump_callback(time_jump)

    def set_transform(self, transform: Any, authority: str) -> None:
        """Add a transform of a moving link, and tell; for a while after a jump not one from before it.

        One transform that was still queued would shadow those of the new time until that has caught up with it.
        """
        if time.monotonic() - self._jumped_s < _QUEUED_S and self._is_ahead(transform):
            return
        super().set_transform(transform, authority)
        self._on_news()

    def _is_ahead(self, transform: Any) -> bool:
        ahead_ns = time_to_ns(transform.header.stamp) - self._clock.now().nanoseconds
        return bool(ahead_ns > _POSTDATED_NS)

    def set_transform_static(self, transform: Any, authority: str) -> None:
        """Add a transform that holds at all times, and tell."""
        super().set_transform_static(transform, authority)
        self._on_news()


class TfFollower:
    """Follows TF for as long as it lives.

    Args:
        node: whose clock and executor are used.
        cache_s: seconds of TF kept.
        on_news: called from an executor's thread when transforms arrive; must return at once.
    """

    def __init__(self, node: Node, *, cache_s: float, on_news: Callable[[], None]) -> None:
        self._buffer = WakingBuffer(Duration(seconds=cache_s), node, on_news)
        self._listener = TransformListener(self._buffer, node, spin_thread=False)
        self._claimed: dict[str, deque[NDArray[np.float64]]] = {}
        self._placed: dict[str, deque[tuple[str, NDArray[np.float64]]]] = {}
        self._settled_at_s = time.monotonic() + _SETTLED_S

    def locate(self, fixed_frame: str, frame: str, stamp_ns: int) -> Placement:
        """Where ``frame`` was in ``fixed_frame`` at ``stamp_ns`` (0: the latest known)."""
        if frame == fixed_frame:
            return Placement(np.eye(4))
        waiting = f"waiting for TF {fixed_frame} -> {frame}"
        try:
            transform = self._buffer.lookup_transform(fixed_frame, frame, Time(nanoseconds=stamp_ns))
            return Placement(transform_to_matrix(transform.transform, name=f"TF {fixed_frame} -> {frame}"))
        except ExtrapolationException as error:
            return Placement(None, Trouble.NOT_YET, f"{waiting}: none at the image's stamp yet ({error})")
        except LookupException as error:
            return Placement(None, Trouble.NO_FRAME, f"{waiting}: no such frame ({error})")
        except ConnectivityException as error:
            return Placement(
                None,
                Trouble.TWO_TREES,
                f"{waiting}: they are in two separate trees; publish the transform that joins them ({error})",
            )
        except (TransformException, InvalidPoseError) as error:
            return Placement(None, Trouble.INVALID, f"TF {fixed_frame} -> {frame} cannot be used: {error}")

    def claim(self, fixed_frame: str, frame: str, to_fixed: NDArray[np.float64]) -> str:
        """Whether this node may broadcast that ``frame`` is at ``to_fixed`` (4, 4); "" or why not.

        The first time, TF must not know the frame; later, what TF has of it must be what was claimed before.
        """
        claimed = self._claimed.get(frame)
        known = self.locate(fixed_frame, frame, 0)
        if claimed is None and known.trouble is not Trouble.NO_FRAME:
            return f"TF has a frame '{frame}' already, which is not overwritten; name another"
        if claimed is not None and known.to_fixed is not None and not _is_one_of(claimed, known.to_fixed):
            return f"somebody else broadcasts the frame '{frame}' too; name another"
        self._claimed.setdefault(frame, deque(maxlen=_CLAIMS)).append(to_fixed)
        return ""

    @property
    def is_settled(self) -> bool:
        """Whether it has listened for so long that what was on TF before is known."""
        return time.monotonic() >= self._settled_at_s

    def claim_static(self, parent: str, frame: str, to_parent: NDArray[np.float64]) -> str:
        """Whether this node may broadcast that ``frame`` stays at ``to_parent`` (4, 4) in ``parent``; "" or why not.

        TF must not know the frame, or have it where this node has put it, or is about to: a bag may hold it from a
        former life of the node.
        """
        claimed = self._placed.get(frame, deque(maxlen=_CLAIMS))
        is_new = not claimed or claimed[-1][0] != parent or not np.array_equal(claimed[-1][1], to_parent)
        places = [*([(parent, to_parent)] if is_new else []), *reversed(claimed)]
        known = self.locate(parent, frame, 0)
        if known.trouble is not Trouble.NO_FRAME and not any(self._is_at(frame, *place) for place in places):
            return (
                f"TF has a frame '{frame}' of somebody else's, which is not overwritten; give the virtual camera "
                "another name, or set publish_tf to false if that frame is meant for it, and start this node again"
            )
        if is_new:
            claimed.append((parent, to_parent))
            self._placed[frame] = claimed
        return ""

    def _is_at(self, frame: str, parent: str, to_parent: NDArray[np.float64]) -> bool:
        known = self.locate(parent, frame, 0).to_fixed
        return known is not None and _is_one_of([to_parent], known)

    def forget(self) -> None:
        """Forget moving transforms, as after a jump of the clock; static ones stay."""
        self._buffer.clear()

    def close(self) -> None:
        """Stop listening."""
        self._listener.unregister()


def _is_one_of(poses: Iterable[NDArray[np.float64]], pose: NDArray[np.float64]) -> bool:
    return any(np.abs(one - pose).max() < _SAME for one in poses)
