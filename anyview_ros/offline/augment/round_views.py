"""Views round a point: arcs at the source camera's height, and orbits.

The point is ``center=x,y,z`` (in the world, or in a TF frame with ``frame=``). Without it, it lies before the source
camera on its line of sight: as far as ``distance=``, or as the point ``base=x,y,z`` (the robot's base, as VISTA has
it) is from the camera, or else as far as the median depth in the middle of the picture. Everything is measured from
the camera's place at the first frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import look_at, orbit
from anyview_ros.geometry.view_changes import ArcChanges, arc_changes, arc_eyes
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.view_sampling import Laid, Rhythm, ViewSampler, ViewSettings, told_draws
from anyview_ros.offline.augment.view_text import MAIN, ViewArguments
from anyview_ros.offline.posed_film import PosedFilm
from anyview_ros.offline.synthesize.targets import depth_before

Array = NDArray[np.float64]
Vector = tuple[float, float, float]

WORLD = "world"
_UPWARD: Vector = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Pivot:
    """The point that views go round, as asked for.

    Attributes:
        center: of the frame; None: before the camera.
        base: point of the frame whose distance from the camera is the point's.
        distance_m: of the point from the camera.
        frame: a TF frame, or "world".
        up: upward direction of the frame; None for the source picture's own.
    """

    center: Vector | None = None
    base: Vector | None = None
    distance_m: float | None = None
    frame: str = WORLD
    up: Vector | None = _UPWARD

    @classmethod
    def taken(cls, arguments: ViewArguments) -> Pivot:
        """From a view's arguments."""
        center, base = arguments.vector("center"), arguments.vector("base")
        distance = arguments.number("distance", 0.0, least=1e-6) if arguments.has("distance") else None
        if sum(value is not None for value in (center, base, distance)) > 1:
            raise arguments.error(
                "center, base and distance are three ways to say the same; give one of them"
            )
        return cls(center, base, distance, arguments.text("frame", WORLD), _up(arguments))

    def found(self, episode: SourceEpisode, film: PosedFilm) -> FoundPivot:
        """Where it is.

        Raises:
            InvalidInputError: neither the user nor depth tell how far it is.
            ReadError: the frame is not known.
        """
        pose = film.camera_to_world[0]
        frame = np.eye(4)
        if self.frame != WORLD:
            frame = episode.frame_to_world(self.frame, film.stamps_ns[:1])[0]
        up = -pose[:3, 1] if self.up is None else frame[:3, :3] @ np.asarray(self.up)
        if self.center is not None:
            middle = frame[:3, :3] @ np.asarray(self.center) + frame[:3, 3]
            return FoundPivot(pose, up, float(np.linalg.norm(pose[:3, 3] - middle)), middle)
        return FoundPivot(pose, up, self._distance(frame, film))

    def _distance(self, frame: Array, film: PosedFilm) -> float:
        if self.base is not None:
            point = frame[:3, :3] @ np.asarray(self.base) + frame[:3, 3]
            return float(np.linalg.norm(film.camera_to_world[0, :3, 3] - point))
        if self.distance_m is not None:
            return self.distance_m
        depth = depth_before(film, 0) if film.has_depth else None
        if depth is None:
            raise InvalidInputError(
                f"views round a point need to know it, and {film.name} has no depth in the middle of its first "
                "picture; give center=x,y,z, base=x,y,z or distance=metres"
            )
        return depth

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        asked = {"center": self.center, "base": self.base, "distance_m": self.distance_m}
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asked.items()}
        given = {key: value for key, value in plain.items() if value is not None}
        return {**given, "frame": self.frame, "up": "camera" if self.up is None else list(self.up)}


@dataclass(frozen=True, eq=False)
class FoundPivot:
    """A pivot in the world.

    Attributes:
        pose: (4, 4), of the source camera at the first frame.
        up: (3,), world.
        distance_m: of the point from the camera.
        middle: (3,), world; None: before the camera, however far it is.
    """

    pose: Array
    up: Array
    distance_m: float
    middle: Array | None = None

    def centers(self, radii_m: Array) -> Array:
        """The point (N, 3), world, for cameras whose distance from it is changed by ``radii_m`` (N,).

        As VISTA draws, a point before the camera moves along the line of sight, so that the source camera's own
        place is always on the arc.
        """
        if self.middle is not None:
            return np.broadcast_to(self.middle, (len(radii_m), 3))
        return np.asarray(self.pose[:3, 3] + (self.distance_m + radii_m)[:, None] * self.pose[:3, 2])


class ArcViews(ViewSampler):
    """Cameras at the source's height on an arc round a point, looking at it: VISTA's arc.

    Azimuths count from the source camera's own. The camera stands still, unless the draw varies.
    """

    def __init__(
        self,
        settings: ViewSettings,
        rhythm: Rhythm,
        pivot: Pivot,
        azimuth_deg: float,
        radius_sigma_m: float,
    ) -> None:
        super().__init__(settings)
        self.rhythm, self.pivot = rhythm, pivot
        self._azimuth_deg, self._radius_sigma_m = azimuth_deg, radius_sigma_m

    @classmethod
    def taken(
        cls, arguments: ViewArguments, settings: ViewSettings, azimuth_deg: float, radius_sigma_m: float
    ) -> ArcViews:
        """From a view's arguments, with defaults."""
        return cls(
            settings,
            Rhythm.taken(arguments),
            Pivot.taken(arguments),
            arguments.number("azimuth", azimuth_deg, least=0, most=180),
            arguments.number("radius_sigma", radius_sigma_m, least=0),
        )

    def _lay(self, episode: SourceEpisode, film: PosedFilm, generator: np.random.Generator) -> Laid:
        found = self.pivot.found(episode, film)
        stamps = film.stamps_ns
        drawn = arc_changes(
            generator, self.rhythm.draws(stamps), np.radians(self._azimuth_deg), self._radius_sigma_m
        )
        changes = ArcChanges(
            self.rhythm.spread(drawn.azimuths_rad, stamps), self.rhythm.spread(drawn.radii_m, stamps)
        )
        centers = found.centers(changes.radii_m)
        eyes = arc_eyes(found.pose[:3, 3], centers, changes, found.up, found.distance_m)
        about = {
            **self.pivot.as_json(),
            "azimuth_deg": self._azimuth_deg,
            "radius_sigma_m": self._radius_sigma_m,
            "radius_m": found.distance_m,
            **self.rhythm.as_json(),
            **told_draws(drawn_azimuth_rad=drawn.azimuths_rad, drawn_radius_m=drawn.radii_m),
        }
        return Laid(look_at(eyes, centers, found.up), about)


class OrbitViews(ViewSampler):
    """The source camera of the first frame swung about a point's vertical, evenly over the episode."""

    varies = False

    def __init__(self, settings: ViewSettings, pivot: Pivot, degrees: float) -> None:
        super().__init__(settings)
        self.pivot, self._degrees = pivot, degrees

    @classmethod
    def taken(cls, arguments: ViewArguments, settings: ViewSettings) -> OrbitViews:
        """From a view's arguments: ``orbit:DEGREES``."""
        degrees = arguments.numbers(MAIN, 1)
        if degrees is None:
            raise arguments.error("orbit needs its angle in degrees, such as orbit:30")
        return cls(settings, Pivot.taken(arguments), degrees[0])

    def _lay(self, episode: SourceEpisode, film: PosedFilm, generator: np.random.Generator) -> Laid:
        del generator  # nothing is drawn
        found = self.pivot.found(episode, film)
        center = found.centers(np.zeros(1))[0]
        path = orbit(film.camera, center, found.pose, self._degrees, len(film), axis=found.up)
        about = {**self.pivot.as_json(), "degrees": self._degrees, "radius_m": found.distance_m}
        return Laid(path.camera_to_world, about)


def _up(arguments: ViewArguments) -> Vector | None:
    text = arguments.text("up") if arguments.has("up") else ""
    if text == "camera":
        return None
    if not text:
        return _UPWARD
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise arguments.error(f"up is {text!r}; give three numbers, or camera") from None
    if not np.isfinite([x, y, z]).all() or max(abs(x), abs(y), abs(z)) < 1e-9:
        raise arguments.error(f"up is {text!r}, which has no direction; give three numbers, or camera")
    return x, y, z
