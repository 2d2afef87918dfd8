"""Settings of a training run of ZeroNVS's small network."""

from __future__ import annotations

from dataclasses import dataclass, field

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.setting_checks import check_least
from anyview_ros.methods.zeronvs.config import ZeroConfig
from anyview_ros.training.network_trainer import LoadedConfig
from anyview_ros.training.zeronvs_samples import SamplePlan


@dataclass(frozen=True)
class ZeroRooms:
    """What is filmed before training begins.

    Attributes:
        rooms: random rooms.
        robots: simulated robots.
        side: pixels.
        instants: per room.
        workers: processes that film.
        device: where the ray caster computes.

    Raises:
        InvalidInputError: nothing to film, or a number out of range.
    """

    rooms: int = 1500
    robots: int = 1000
    side: int = 64
    instants: int = 2
    workers: int = 2
    device: str = "cpu"

    def __post_init__(self) -> None:
        if min(self.rooms, self.robots) < 0 or self.rooms + self.robots < 1:
            raise InvalidInputError(
                f"rooms is {self.rooms} and robots {self.robots}; give 0 or more, not 0 for both"
            )
        check_least(self, 1, "side", "instants", "workers", section="film.")


@dataclass(frozen=True)
class ZeroTrainingConfig(LoadedConfig):
    """A training run; see docs/methods/zeronvs.md.

    Attributes:
        start_from: weights to begin with, a path; "" for random ones. They may lack the convolutions of
            ``network.refine``; all else must be as in ``network``.
        dropped_share: share of the samples that see neither picture nor pose, for classifier-free guidance.
        heaviest: largest weight of a sample's squared error; the weight is that of an error of the velocity, 1 over the
            variance of the noise.
        network, samples, film: the parts.

    Raises:
        InvalidInputError: a number out of range.
    """

    sheet_steps: int = 500
    start_from: str = ""
    dropped_share: float = 0.1
    heaviest: float = 5.0
    network: ZeroConfig = field(default_factory=ZeroConfig)
    samples: SamplePlan = field(default_factory=SamplePlan)
    film: ZeroRooms = field(default_factory=ZeroRooms)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.dropped_share < 1:
            raise InvalidInputError(f"dropped_share is {self.dropped_share}; give 0 to less than 1")
        check_least(self, 1, "heaviest")
