"""Settings of what is filmed before a training run begins."""

from __future__ import annotations

from dataclasses import dataclass

from anyview_ros.methods.setting_checks import check_least


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
        check_least(self, 1, "count", "supersampling", "workers")
