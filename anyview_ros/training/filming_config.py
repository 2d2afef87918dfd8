"""Settings of what is filmed before a training run begins."""

from __future__ import annotations

from dataclasses import dataclass

from anyview_ros.errors import InvalidInputError


@dataclass(frozen=True)
class FilmingConfig:
    """What is filmed before training begins.

    Attributes:
        count: of scenes, each in a world of its own.
        supersampling: rays per pixel are its square.
        device: where the ray caster computes.
        workers: processes that film.

    Raises:
        InvalidInputError: a number out of range.
    """

    count: int = 1000
    supersampling: int = 2
    device: str = "cpu"
    workers: int = 1

    def __post_init__(self) -> None:
        for name in ("count", "supersampling", "workers"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; give 1 or more")
