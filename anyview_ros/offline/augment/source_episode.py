"""An episode that can be augmented, whatever format it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anyview_ros.offline.posed_film import PosedFilm


@dataclass(frozen=True)
class EpisodeCamera:
    """A camera of an episode.

    Attributes:
        name: as the user writes it: a topic's namespace, a video key, a camera of an episode.
        usable: whether its poses and intrinsics are known, so that views can be synthesised from it.
        reason: why not, if it is not usable; names the remedy.
        has_depth: whether its pictures come with aligned depth.
    """

    name: str
    usable: bool = True
    reason: str = ""
    has_depth: bool = False


class SourceEpisode(Protocol):
    """One episode of an input. Opening it is cheap; pictures are read when asked for. It never writes."""

    @property
    def name(self) -> str:
        """Fit for a file, and unique among the episodes of its input."""
        ...

    @property
    def path(self) -> Path:
        """Of the input that holds it."""
        ...

    @property
    def kind(self) -> str:
        """Its format: "bag", "lerobot" or "episode"."""
        ...

    @property
    def cameras(self) -> tuple[EpisodeCamera, ...]:
        """All cameras, the best source first."""
        ...

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be read of it, one sentence each."""
        ...

    def fingerprint(self) -> str:
        """sha256 (hex) of all that it holds: two episodes with the same are the same."""
        ...

    def film(self, camera: str) -> PosedFilm:
        """The pictures of a camera, each of which will be seen anew.

        Raises:
            ReadError: no such camera, or one that is not usable; the message says why.
        """
        ...

    def frame_to_world(self, frame: str, stamps_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Poses (N, 4, 4) of a TF frame, such as the wrist, in the films' world at some instants.

        Raises:
            ReadError: no such frame, or its pose at one of the instants is not known.
        """
        ...

    def describe(self) -> Mapping[str, Any]:
        """Plain facts for records and people: duration, rates, number of messages or rows…"""
        ...
