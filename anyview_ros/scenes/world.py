"""A world: bodies that hang from frames, and frames that move with time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, check_rigid
from anyview_ros.scenes.material import Light, Rgb
from anyview_ros.scenes.scene import WORLD, Body, Scene, in_order, instance_names
from anyview_ros.scenes.textures import TextureSet

FramePoses = Mapping[str, tuple[str, NDArray[np.float64]]]
"""Name of a frame → its parent's name and (..., 4, 4) from the frame's axes to the parent's, metres."""


@dataclass(frozen=True, eq=False)
class MountedCamera:
    """A camera that is fixed in a frame.

    Attributes:
        camera: its intrinsics.
        frame: the frame that carries it.
        optical_to_frame: float64 (4, 4), from the camera's OpenCV axes to ``frame``, metres.
    """

    camera: PinholeCamera
    frame: str
    optical_to_frame: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class World:
    """Bodies, lamps and moving frames.

    Attributes:
        bodies: what there is.
        motion: function of times (…,) in seconds that returns the frames that move, each (…, 4, 4).
        fixed: frames that never move in their parents, each (4, 4).
        lights: lamps.
        textures: images that the bodies' materials name.
        cameras: cameras that the world has a natural place for, by name.
        period_s: time after which everything is as before; None: never.
        focus: point in the world that cameras had better look at, metres.
        bounds: lower and upper corner of the space where cameras may be, metres.
        hidden_frames: frames that only carry bodies and are of no interest to a robot's frame tree.
        ambient: linear RGB of the light that comes from everywhere.
        background: sRGB of what no body covers.
    """

    bodies: tuple[Body, ...]
    motion: Callable[[NDArray[np.float64]], FramePoses]
    lights: tuple[Light, ...]
    textures: TextureSet
    fixed: FramePoses = field(default_factory=dict)
    cameras: Mapping[str, MountedCamera] = field(default_factory=dict)
    period_s: float | None = None
    focus: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bounds: tuple[tuple[float, float, float], tuple[float, float, float]] = ((-1.0,) * 3, (1.0,) * 3)
    hidden_frames: frozenset[str] = frozenset()
    ambient: Rgb = (0.35, 0.35, 0.38)
    background: Rgb = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bodies", in_order(self.bodies))

    @property
    def instances(self) -> tuple[str, ...]:
        """Names by instance id; id 0 is nothing."""
        return instance_names(self.bodies)

    def frames(self, time_s: float) -> dict[str, tuple[str, NDArray[np.float64]]]:
        """Return the robot's frames at ``time_s``: name → parent's name and float64 (4, 4) to the parent's axes."""
        tree = self._tree(np.asarray(time_s, np.float64))
        return {name: tree[name] for name in tree if name not in self.hidden_frames}

    def frame_to_world(self, frame: str, times_s: ArrayLike) -> NDArray[np.float64]:
        """Return where ``frame`` is at times (…,): float64 (…, 4, 4), from its axes to the world's.

        Raises:
            InvalidInputError: no such frame.
        """
        times = np.asarray(times_s, np.float64)
        return _chained(self._tree(times), frame, times.shape)

    def camera_to_world(self, name: str, times_s: ArrayLike) -> NDArray[np.float64]:
        """Return the poses of the world's camera ``name`` at times (…,): float64 (…, 4, 4).

        Raises:
            InvalidInputError: no such camera.
        """
        if name not in self.cameras:
            raise InvalidInputError(
                f"no camera {name!r} in this world; it has {', '.join(sorted(self.cameras)) or 'none'}"
            )
        mounted = self.cameras[name]
        return self.frame_to_world(mounted.frame, times_s) @ mounted.optical_to_frame

    def at(self, times_s: float | Sequence[float] | NDArray[np.float64]) -> Scene:
        """Return the scene at one time or at several, seconds."""
        times = np.atleast_1d(np.asarray(times_s, np.float64))
        tree = self._tree(times)
        frames = {body.frame for body in self.bodies}
        placed = {frame: _chained(tree, frame, times.shape) for frame in frames}
        local = {frame: [i for i, b in enumerate(self.bodies) if b.frame == frame] for frame in frames}
        poses = np.empty((len(times), len(self.bodies), 4, 4))
        for frame, members in local.items():
            offsets = np.stack([self.bodies[i].pose for i in members])
            poses[:, members] = placed[frame][:, None] @ offsets[None]
        return Scene(
            self.bodies, poses, self.lights, self.ambient, self.background, self.textures, self.instances
        )

    def _tree(self, times_s: NDArray[np.float64]) -> FramePoses:
        return {**self.fixed, **self.motion(times_s)}


def mounted(
    camera: PinholeCamera, frame: str, optical_to_frame: ArrayLike, name: str = "camera"
) -> MountedCamera:
    """Return a camera fixed in ``frame``.

    Raises:
        InvalidPoseError: a pose that is not rigid.
    """
    return MountedCamera(camera, frame, check_rigid(optical_to_frame, name=f"{name}: optical_to_frame"))


def _chained(tree: FramePoses, frame: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    pose = np.broadcast_to(np.eye(4), (*shape, 4, 4))
    current = frame
    while current != WORLD:
        if current not in tree:
            raise InvalidInputError(
                f"no frame {current!r} in this world; it has {', '.join(sorted({WORLD, *tree}))}"
            )
        current, to_parent = tree[current]
        pose = to_parent @ pose
    return pose
