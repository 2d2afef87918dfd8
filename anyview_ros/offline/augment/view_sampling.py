"""What all samplers of views share: a draw, its seed, its name, its camera, and how it varies in time."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.geometry.view_changes import eased
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.view_text import ViewArguments
from anyview_ros.offline.posed_film import PosedFilm
from anyview_ros.offline.synthesize.targets import FilmTarget

Array = NDArray[np.float64]
Vary = Literal["episode", "frame", "smooth"]

VARY: tuple[Vary, ...] = ("episode", "frame", "smooth")
DEFAULT_PERIOD_S = 2.0
_MOST_TOLD = 100  # draws that a record lists


@dataclass(frozen=True, eq=False)
class DrawnView:
    """A virtual camera of an episode, drawn.

    Attributes:
        name: of the new camera: unique in the plan, fit for a topic and a file.
        target: where it is at each of the film's stamps, its intrinsics, and the film that shows the same, if any.
        sampler: as the user wrote it.
        about: what was asked for and what was drawn, as plain values for JSON.
        seed: of this draw, and of nothing else.
        synthesis_seed: of the synthesis: the run's for the first attempt, another for each later one.
    """

    name: str
    target: FilmTarget
    sampler: str
    about: dict[str, Any]
    seed: int
    synthesis_seed: int


@dataclass(frozen=True)
class ViewSettings:
    """What every view may be told.

    Attributes:
        text: as the user wrote it.
        name: of the new camera, or the beginning of it.
        samples: draws per episode; None for those of the run.
        size: (width, height); None for the source's.
        fov_deg: horizontal; None for the source's.
        intrinsics: all of them, instead of size and field of view.
    """

    text: str
    name: str
    samples: int | None = None
    size: tuple[int, int] | None = None
    fov_deg: float | None = None
    intrinsics: PinholeCamera | None = None

    def size_from(self, source: tuple[int, int]) -> tuple[int, int]:
        """Width and height of the view, made from a camera of that size."""
        return self.intrinsics.size if self.intrinsics is not None else self.size or source

    def camera(self, source: PinholeCamera) -> PinholeCamera:
        """Intrinsics of the view.

        Without a field of view, a size of another shape than the source's sees what lies in the middle of the source's
        field: nothing is stretched, and nothing is asked for beyond it.
        """
        if self.intrinsics is not None:
            return self.intrinsics
        if self.fov_deg is not None:
            return PinholeCamera.from_fov(*(self.size or source.size), horizontal_fov_deg=self.fov_deg)
        if self.size is None:
            return source
        width, height = self.size
        scale = max(width / source.width, height / source.height)
        return PinholeCamera(
            source.fx * scale,
            source.fy * scale,
            (source.cx + 0.5 - source.width / 2) * scale + width / 2 - 0.5,
            (source.cy + 0.5 - source.height / 2) * scale + height / 2 - 0.5,
            width,
            height,
        )


@dataclass(frozen=True)
class Rhythm:
    """How a draw varies over an episode.

    Attributes:
        vary: "episode": one draw for all frames; "frame": one for each; "smooth": one every ``period_s``, eased
            from each to the next, so that the camera moves without a jump.
        period_s: of smooth draws.
    """

    vary: Vary = "episode"
    period_s: float = DEFAULT_PERIOD_S

    @classmethod
    def taken(cls, arguments: ViewArguments) -> Rhythm:
        """From a view's arguments."""
        vary = arguments.choice("vary", VARY)
        return cls(
            next(known for known in VARY if known == vary),
            arguments.number("period", DEFAULT_PERIOD_S, least=0.01),
        )

    def draws(self, stamps_ns: NDArray[np.int64]) -> int:
        """How many draws frames at these instants need."""
        if self.vary == "frame":
            return len(stamps_ns)
        return 1 if self.vary == "episode" else int(self._places(stamps_ns)[-1]) + 2

    def spread(self, drawn: Array, stamps_ns: NDArray[np.int64]) -> Array:
        """Draws (K, ...) made into values (N, ...) of the frames."""
        if self.vary == "frame":
            return drawn
        if self.vary == "episode":
            return np.broadcast_to(drawn, (len(stamps_ns), *drawn.shape[1:]))
        return eased(drawn, self._places(stamps_ns))

    def _places(self, stamps_ns: NDArray[np.int64]) -> Array:
        return np.asarray((stamps_ns - stamps_ns[0]) / 1e9 / self.period_s, np.float64)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"vary": self.vary, **({"period_s": self.period_s} if self.vary == "smooth" else {})}


@dataclass(frozen=True, eq=False)
class Laid:
    """What a sampler makes of one draw: poses (N, 4, 4), what was drawn, and intrinsics and truth where it knows."""

    camera_to_world: Array
    about: dict[str, Any]
    camera: PinholeCamera | None = None
    truth: PosedFilm | None = None


class ViewSampler(ABC):
    """One entry of a plan of views.

    Attributes:
        settings: what every view may be told.
        varies: whether two draws differ; if not, one draw per episode is all there is, and another attempt helps only
            methods that imagine.
    """

    varies = True

    def __init__(self, settings: ViewSettings) -> None:
        self.settings = settings

    @property
    def text(self) -> str:
        """As the user wrote it."""
        return self.settings.text

    @property
    def name(self) -> str:
        """Beginning of the names of its views; all of the name where there is one view only."""
        return self.settings.name

    def renamed(self, name: str) -> None:
        """Take another name, so that it is unique in a plan."""
        self.settings = replace(self.settings, name=name)

    def draws(self, samples: int) -> int:
        """How many views it gives per episode, if the run asks for ``samples`` of each sampler."""
        return (self.settings.samples or samples) if self.varies else 1

    def view_name(self, index: int) -> str:
        """The name of one of its views."""
        return f"{self.name}_{index}" if self.varies else self.name

    def sized_like(self, source: str) -> str:
        """Name of the camera whose size its views have where they are told none: the source's."""
        return source

    def draw(
        self, episode: SourceEpisode, film: PosedFilm, *, index: int = 0, seed: int = 0, attempt: int = 0
    ) -> DrawnView:
        """Draw a view of a film.

        The same seed, episode (by its fingerprint), sampler, index and attempt give the same view.

        Args:
            episode: that the film is of.
            film: the source camera's.
            index: which of the sampler's views, from 0.
            seed: of the run.
            attempt: how often it was drawn before.

        Raises:
            InvalidInputError: a name that the episode has already, or wishes that do not fit the film.
            InvalidPoseError: a camera that cannot be.
            ReadError: a frame or a camera that the episode does not have, or pictures that cannot be read.
        """
        name = self.view_name(index)
        taken = {topic_name(camera.name) for camera in episode.cameras}
        if name in taken:
            raise InvalidInputError(
                f"view {self.text!r} would be named {name}, but {episode.name} has a camera of that name; give it "
                f"another, as {self.text}{',' if ':' in self.text else ':'}name=more"
            )
        number = draw_seed(seed, episode.fingerprint(), self.text, index, attempt)
        laid = self._lay(episode, film, np.random.default_rng(number))
        camera = laid.camera or self.settings.camera(film.camera)
        trajectory = CameraTrajectory(camera, laid.camera_to_world, film.stamps_ns)
        about = {**laid.about, "metric": film.metric, "index": index, "attempt": attempt, "draw_seed": number}
        return DrawnView(
            name,
            FilmTarget(name, trajectory, laid.truth),
            self.text,
            about,
            number,
            synthesis_seed(seed, attempt),
        )

    @abstractmethod
    def _lay(self, episode: SourceEpisode, film: PosedFilm, generator: np.random.Generator) -> Laid:
        """Draw, and lay the poses."""


def draw_seed(seed: int, episode: str, sampler: str, index: int, attempt: int) -> int:
    """The seed of one draw, 0 to 2^53 - 1 (exact in JSON): as good as independent of that of any other draw."""
    text = "\0".join((str(seed), episode, sampler, str(index), str(attempt)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11


def synthesis_seed(seed: int, attempt: int) -> int:
    """The seed of the synthesis of an attempt: the run's own for the first, so that a user finds it again."""
    return seed if attempt == 0 else draw_seed(seed, "", "synthesis", 0, attempt) >> 22


def topic_name(text: str) -> str:
    """The text as a name for a topic and a file: letters, digits and single underscores, a letter first."""
    name = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]", "_", text)).strip("_")
    return name if name[:1].isalpha() else f"view_{name}".rstrip("_")


def told_draws(**drawn: Array) -> dict[str, Any]:
    """Draws (K, ...) for a record: all of them, or their number where they are many (the seed gives them again)."""
    count = len(next(iter(drawn.values())))
    if count > _MOST_TOLD:
        return {"draws": count}
    if count == 1:
        return {name: values[0].tolist() for name, values in drawn.items()}
    return {name: values.tolist() for name, values in drawn.items()}


SamplerMaker = Callable[[ViewArguments, ViewSettings], ViewSampler]
