"""TF as it was recorded: which frames hang from which, and where they were when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import interpolate_poses, invert_rigid

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Edge:
    """All transforms seen from one parent to one child.

    Attributes:
        parent, child: frames, without a leading slash.
        static: whether they came on /tf_static.
        stamps_ns: int64 (N,), increasing.
        receipts_ns: int64 (N,), when each was received or logged.
        poses: float64 (N, 4, 4), from the child's axes to the parent's, metres.
        invalid: why transforms of this edge could not be used; "" if all could.
    """

    parent: str
    child: str
    static: bool
    stamps_ns: NDArray[np.int64]
    receipts_ns: NDArray[np.int64]
    poses: Array
    invalid: str = ""

    def at(self, stamp_ns: int) -> Array | None:
        """The child's pose (4, 4) in its parent, interpolated; None before the first or after the last stamp."""
        if len(self.poses) == 0:
            return None
        if self.static:
            return np.asarray(self.poses[-1])
        if not self.stamps_ns[0] <= stamp_ns <= self.stamps_ns[-1]:
            return None
        after = min(int(np.searchsorted(self.stamps_ns, stamp_ns, side="right")), len(self.stamps_ns) - 1)
        around = slice(max(after - 1, 0), after + 1)  # of hours of transforms, all else is dead weight
        return interpolate_poses(self.stamps_ns[around], self.poses[around], np.int64(stamp_ns))

    def known_at(self, stamps_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """At which of some instants (N,) :meth:`at` gives a pose."""
        if len(self.poses) == 0 or self.static:
            return np.full(len(stamps_ns), len(self.poses) > 0)
        return np.asarray((stamps_ns >= self.stamps_ns[0]) & (stamps_ns <= self.stamps_ns[-1]))

    def at_all(self, stamps_ns: NDArray[np.int64]) -> Array:
        """As :meth:`at` for many instants (N,) at once, (N, 4, 4); nan where there is no pose."""
        poses = np.full((len(stamps_ns), 4, 4), np.nan)
        known = self.known_at(stamps_ns)
        if self.static and known.all():
            poses[:] = self.poses[-1:]
        elif known.any():
            poses[known] = interpolate_poses(self.stamps_ns, self.poses, stamps_ns[known])
        return poses

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.parent} → {self.child}"


class TransformTree:
    """The frames of a robot; where a frame has two parents, the one seen last counts."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self.edges = tuple(edges)
        latest = sorted(
            self.edges, key=lambda edge: int(edge.receipts_ns[-1]) if len(edge.receipts_ns) else 0
        )
        self._above = {edge.child: edge for edge in latest}

    @cached_property
    def frames(self) -> frozenset[str]:
        """Every frame that is named."""
        return frozenset(name for edge in self.edges for name in (edge.parent, edge.child))

    def above(self, frame: str) -> Edge | None:
        """The edge that hangs a frame from its parent; None for a root or an unknown frame."""
        return self._above.get(frame)

    def below(self, frame: str) -> tuple[Edge, ...]:
        """The edges of the frames that hang directly from a frame."""
        return tuple(edge for edge in self._above.values() if edge.parent == frame)

    def chain(self, frame: str) -> tuple[Edge, ...]:
        """The edges from a frame up to its root; a loop ends where it closes."""
        found: list[Edge] = []
        seen = {frame}
        edge = self._above.get(frame)
        while edge is not None:
            found.append(edge)
            if edge.parent in seen:
                break
            seen.add(edge.parent)
            edge = self._above.get(edge.parent)
        return tuple(found)

    def root(self, frame: str) -> str:
        """The frame from which all hangs that holds this one."""
        chain = self.chain(frame)
        return chain[-1].parent if chain else frame

    def loop(self) -> tuple[str, ...]:
        """The frames of a closed loop, or none."""
        for frame in sorted(self.frames):
            chain = self.chain(frame)
            if chain and chain[-1].parent in {frame, *(edge.parent for edge in chain[:-1])}:
                return tuple(sorted({edge.child for edge in self.chain(chain[-1].parent)}))
        return ()

    @cached_property
    def trees(self) -> dict[str, frozenset[str]]:
        """The frames that hang together, by their root, the largest first."""
        members: dict[str, set[str]] = {}
        for frame in sorted(self.frames):
            members.setdefault(self.root(frame), set()).add(frame)
        by_size = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
        return {root: frozenset(frames) for root, frames in by_size}

    def between(self, frame: str, fixed_frame: str) -> tuple[Edge, ...] | None:
        """The edges on the way from one frame to another; None if they are not connected."""
        ways = self._ways(frame, fixed_frame)
        return None if ways is None else (*ways[0], *ways[1])

    def lookup(self, frame: str, fixed_frame: str, stamp_ns: int) -> Array | None:
        """The pose (4, 4) of a frame in another at an instant; None if they are not connected then."""
        if frame == fixed_frame:
            return np.eye(4)
        ways = self._ways(frame, fixed_frame)
        if ways is None:
            return None
        pose, fixed_pose = (_product(way, stamp_ns) for way in ways)
        if pose is None or fixed_pose is None:
            return None
        return np.asarray(invert_rigid(fixed_pose) @ pose)

    def lookup_all(self, frame: str, fixed_frame: str, stamps_ns: NDArray[np.int64]) -> Array | None:
        """As :meth:`lookup` for many instants (N,) at once, (N, 4, 4); nan at those where a pose is not known.

        None if the frames are not connected at any time.
        """
        stamps = np.asarray(stamps_ns, np.int64)
        if frame == fixed_frame:
            return np.tile(np.eye(4), (len(stamps), 1, 1))
        ways = self._ways(frame, fixed_frame)
        if ways is None:
            return None
        pose, fixed_pose = (_products(way, stamps) for way in ways)
        return np.asarray(invert_rigid(fixed_pose) @ pose)

    def _ways(self, frame: str, fixed_frame: str) -> tuple[list[Edge], list[Edge]] | None:
        """From each of both frames up to where the ways meet; None if they do not."""
        if frame not in self.frames or self.root(frame) != self.root(fixed_frame):
            return None
        up, down = self.chain(frame), self.chain(fixed_frame)
        shared = {edge.child for edge in up} & {edge.child for edge in down}
        return [e for e in up if e.child not in shared], [e for e in down if e.child not in shared]


def _product(way: list[Edge], stamp_ns: int) -> Array | None:
    pose = np.eye(4)
    for edge in way:
        step = edge.at(stamp_ns)
        if step is None:
            return None
        pose = step @ pose
    return pose


def _products(way: list[Edge], stamps_ns: NDArray[np.int64]) -> Array:
    poses = np.tile(np.eye(4), (len(stamps_ns), 1, 1))
    for edge in way:
        poses = edge.at_all(stamps_ns) @ poses
    return poses
