"""What the cameras see at each instant of a loop: rendered when asked, or all beforehand. Knows no ROS."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros import __version__
from anyview_ros.errors import ReadError
from anyview_ros.messages import depth_in_millimetres
from anyview_ros.offline.unfinished import made_beside
from anyview_ros.scenes import MountedCamera, World, film

Progress = Callable[[int, int], None]
"""Told after each instant how many are done and how many there are; raises to stop."""


@dataclass(frozen=True)
class DepthSensor:
    """How depth is measured.

    Attributes:
        noise: standard deviation at one metre, metres; it grows with the square of the depth, as stereo's does.
        millimetres: whether depth is uint16 millimetres (16UC1) instead of float32 metres (32FC1).
        seed: of the noise.
    """

    noise: float = 0.0
    millimetres: bool = False
    seed: int = 0

    def measure(self, depth_m: NDArray[np.float32], instant: int) -> NDArray[Any]:
        """Return what the sensor tells of true depth (H, W): float32 metres or uint16 millimetres, 0 unknown."""
        measured = depth_m
        if self.noise > 0:
            rng = np.random.default_rng((self.seed, instant))
            error = rng.standard_normal(depth_m.shape, dtype=np.float32) * np.float32(self.noise)
            measured = np.where(depth_m > 0, np.maximum(depth_m + error * depth_m**2, np.float32(1e-3)), 0)
        if self.millimetres:
            return depth_in_millimetres(measured)
        return measured.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Picture:
    """What one camera sees: uint8 (H, W, 3) and its depth (H, W) as ``DepthSensor.measure`` returns it, or None."""

    image: NDArray[np.uint8]
    depth: NDArray[Any] | None


@dataclass(frozen=True, eq=False)
class Viewpoint:
    """A camera of the world, and how it measures depth: None for none."""

    mounted: MountedCamera
    depth: DepthSensor | None


class Studio:
    """Renders viewpoints of a world at instants of its loop.

    Args:
        world: a world with a period.
        period_s: that period.
        instants: number of instants in a loop.
        viewpoints: cameras by name.
        supersampling: s×s rays per pixel for the colour.
    """

    def __init__(
        self,
        world: World,
        period_s: float,
        instants: int,
        viewpoints: Mapping[str, Viewpoint],
        supersampling: int,
    ) -> None:
        self.viewpoints = dict(viewpoints)
        self.instants = instants
        self._world, self._period_s, self._supersampling = world, period_s, supersampling

    def time_s(self, instant: int) -> float:
        """The world's time at an instant; instants go round."""
        return (instant % self.instants) * self._period_s / self.instants

    def shoot(self, name: str, instant: int) -> Picture:
        """Return what the camera ``name`` sees at an instant."""
        viewpoint = self.viewpoints[name]
        mounted = viewpoint.mounted
        time_s = self.time_s(instant)
        pose = self._world.frame_to_world(mounted.frame, time_s) @ mounted.optical_to_frame
        rendering, _ = film(self._world, mounted.camera, pose, [time_s], supersampling=self._supersampling)
        depth = None
        if viewpoint.depth is not None:
            depth = viewpoint.depth.measure(rendering.depth[0], instant % self.instants)
        return Picture(rendering.frames[0], depth)

    def fingerprint(self, world_settings: Mapping[str, Any]) -> str:
        """Return a name for the pictures that these settings make."""
        cameras = {
            name: {
                "camera": asdict(view.mounted.camera),
                "frame": view.mounted.frame,
                "pose": np.round(view.mounted.optical_to_frame, 12).tolist(),
                "depth": asdict(view.depth) if view.depth else None,
            }
            for name, view in self.viewpoints.items()
        }
        told = [
            __version__,
            dict(world_settings),
            self._period_s,
            self.instants,
            self._supersampling,
            cameras,
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


class Footage:
    """All pictures of a loop, in memory or mapped from files.

    Args:
        arrays: ``<camera>.image`` uint8 (N, H, W, 3) and, where there is depth, ``<camera>.depth`` (N, H, W).
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = dict(arrays)

    @property
    def size_bytes(self) -> int:
        """Bytes of all pictures."""
        return sum(array.nbytes for array in self._arrays.values())

    def shoot(self, name: str, instant: int) -> Picture:
        """Return what the camera ``name`` sees at an instant; instants go round."""
        images = self._arrays[f"{name}.image"]
        depths = self._arrays.get(f"{name}.depth")
        index = instant % len(images)
        return Picture(images[index], None if depths is None else depths[index])

    @classmethod
    def rendered(cls, studio: Studio, progress: Progress) -> Footage:
        """Render every instant."""
        arrays: dict[str, NDArray[Any]] = {}
        for instant in range(studio.instants):
            for name in studio.viewpoints:
                picture = studio.shoot(name, instant)
                for kind, value in (("image", picture.image), ("depth", picture.depth)):
                    if value is not None:
                        key = f"{name}.{kind}"
                        if key not in arrays:
                            arrays[key] = np.empty((studio.instants, *value.shape), value.dtype)
                        arrays[key][instant] = value
            progress(instant + 1, studio.instants)
        return cls(arrays)

    def save(self, folder: Path) -> None:
        """Write the pictures to ``folder``, which then is complete or absent."""
        with made_beside(folder) as partial:
            for name, array in self._arrays.items():
                np.save(partial / f"{name}.npy", array)
            if folder.exists():  # of another process, or unreadable
                shutil.rmtree(folder)
            partial.rename(folder)

    @classmethod
    def loaded(cls, folder: Path, studio: Studio) -> Footage:
        """Map the pictures that :meth:`save` wrote.

        Raises:
            ReadError: files that are missing, or that are not those of ``studio``.
        """
        arrays = {}
        for name, view in studio.viewpoints.items():
            for kind in ("image", "depth") if view.depth is not None else ("image",):
                path = folder / f"{name}.{kind}.npy"
                try:
                    array = np.load(path, mmap_mode="r")
                except (OSError, ValueError) as error:
                    raise ReadError(f"{path} cannot be read ({error}); delete {folder}") from error
                camera = view.mounted.camera
                if array.shape[:3] != (studio.instants, camera.height, camera.width):
                    raise ReadError(f"{path} has shape {array.shape}, of other settings; delete {folder}")
                arrays[f"{name}.{kind}"] = array
        return cls(arrays)
