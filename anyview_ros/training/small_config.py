"""Settings of a training run of the small network."""

from __future__ import annotations

from dataclasses import dataclass, field

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.setting_checks import check_least
from anyview_ros.training.batches import BatchPlan
from anyview_ros.training.network_trainer import LoadedConfig
from anyview_ros.training.source_pictures import PicturePlan


@dataclass(frozen=True)
class RoomsConfig:
    """What is filmed before training begins.

    Attributes:
        count: rooms.
        parallel: rooms filmed once more by cameras side by side, as stereo heads see them.
        framed: further rooms, filmed from where the lens frames 0.4 to 4 m, see
            :func:`~anyview_ros.training.cameras.sample_rig`.
        framed_parallel: of these, rooms filmed once more so by cameras side by side.
        cluttered: further rooms, full of things of many parts, filmed as the framed ones are but with four rays to a
            pixel: a real camera's pixels average what they see.
        cluttered_parallel: of these, rooms filmed once more so by cameras side by side.
        tabletops: simulated arms on tables, filmed as the framed rooms are but with nine samples to a pixel; needs
            MuJoCo and the assets of robosuite, see :mod:`~anyview_ros.scenes.tabletops`.
        drawn_textures: cover most surfaces of all these rooms with textures drawn for them, see
            :class:`~anyview_ros.scenes.room_splits.RoomFactory`.
        side: pixels.
        instants: per room.
        workers: processes that film.
        device: where the ray caster computes.

    Raises:
        InvalidInputError: nothing to film, or a number out of range.
    """

    count: int = 3000
    parallel: int = 0
    framed: int = 0
    framed_parallel: int = 0
    cluttered: int = 0
    cluttered_parallel: int = 0
    tabletops: int = 0
    drawn_textures: bool = False
    side: int = 64
    instants: int = 2
    workers: int = 2
    device: str = "cpu"

    def __post_init__(self) -> None:
        counts = (
            "count",
            "parallel",
            "framed",
            "framed_parallel",
            "cluttered",
            "cluttered_parallel",
            "tabletops",
        )
        check_least(self, 0, *counts, section="rooms.")
        if not any(getattr(self, name) for name in counts):
            raise InvalidInputError(
                "rooms.count is 0 and no other rooms or tabletops are to be filmed; give some"
            )
        check_least(self, 1, "side", "instants", "workers", section="rooms.")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts of the loss; those of the source's own depth hold for ``source_pictures`` too."""

    absolute: float = 1.0
    squared: float = 4.0
    gradient: float = 0.3
    planes: float = 0.05
    depth: float = 0.1
    source_planes: float = 0.03
    source_depth: float = 0.0
    error: float = 0.02
    flow: float = 1.0


@dataclass(frozen=True)
class SmallTrainingConfig(LoadedConfig):
    """A training run; see docs/methods/anyview_small.md.

    Attributes:
        start_from: weights to begin with: a path, "shipped" for those of the package, "" for random ones. A flow
            head may be there or not; all else must be as in ``network``.
        only_flow: fit the flow head and leave all else as it is.
        kept_batches: with ``only_flow``, run so many batches through the rest once and keep its answers, in half
            precision; each time round they get other noise. 0: none, every step has a batch of its own.
        only_depth: learn the depth of ``source_pictures`` and nothing else, which takes a fraction of the time that
            targets take. The weights are for ``start_from`` of a run that learns the rest.
        network, batches, source_pictures, rooms, loss: the parts.
    """

    start_from: str = ""
    only_flow: bool = False
    kept_batches: int = 0
    only_depth: bool = False
    network: SmallConfig = field(default_factory=SmallConfig)
    batches: BatchPlan = field(default_factory=BatchPlan)
    source_pictures: PicturePlan = field(default_factory=PicturePlan)
    rooms: RoomsConfig = field(default_factory=RoomsConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.only_flow and not self.network.flow:
            raise InvalidInputError("only_flow is set but network.flow is 0; give the flow head channels")
        if self.kept_batches < 0 or (self.kept_batches and not self.only_flow):
            raise InvalidInputError(
                f"kept_batches is {self.kept_batches} and only_flow {self.only_flow}; give 0 or more, and only_flow too"
            )
        if self.only_depth and (self.only_flow or not self.source_pictures.count):
            raise InvalidInputError(
                f"only_depth is set, only_flow is {self.only_flow} and source_pictures.count is "
                f"{self.source_pictures.count}; give pictures, and leave out only_flow"
            )
        if self.source_pictures.count and not self.network.planes:
            raise InvalidInputError(
                f"source_pictures.count is {self.source_pictures.count} but network.planes is 0, so that no depth is "
                "read from pictures; give 0, or planes"
            )
        if self.rooms.side != self.network.side:
            raise InvalidInputError(
                f"rooms.side is {self.rooms.side} but network.side is {self.network.side}; give both the same"
            )
