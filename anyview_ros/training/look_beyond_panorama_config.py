"""Settings of a training run of the panorama denoiser of `look_beyond`."""

from __future__ import annotations

from dataclasses import dataclass, field

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.look_beyond.panorama.config import PanoramaConfig
from anyview_ros.methods.setting_checks import check_least, check_shares
from anyview_ros.training.filming_config import FilmingConfig
from anyview_ros.training.look_beyond_panorama_films import PanoramaPlan
from anyview_ros.training.network_trainer import PicturesConfig


@dataclass(frozen=True)
class PanoramasConfig(FilmingConfig):
    """What is filmed before training begins: ``count`` panoramas, each in a room of its own.

    Attributes:
        robot_every: every so many-th is of a simulated robot in place of a room; 0 for none.

    Raises:
        InvalidInputError: a number out of range.
    """

    count: int = 2000
    robot_every: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.robot_every < 0:
            raise InvalidInputError(f"robot_every is {self.robot_every}; give 0 for none, or 1 or more")


@dataclass(frozen=True)
class PanoramaTrainingConfig(PicturesConfig):
    """A training run; see docs/methods/look_beyond_panorama.md.

    Attributes:
        batch: panoramas per step.
        roll: turn each panorama, and what is told of it, by a random number of columns.
        seam_weight: of the seam loss.
        seen_weight: of what the source picture shows, which is put in its place in the end anyhow.
        withheld_share: share of the panoramas of which nothing is told, for classifier-free guidance.
        no_depth_share: share of the others of which no distance is told.
        mirrored_share: share of the panoramas that are mirrored.
        network: size of the denoiser.
        panoramas: what it learns from.
    """

    batch: int = 12
    roll: bool = True
    seam_weight: float = 0.1
    seen_weight: float = 0.2
    withheld_share: float = 0.1
    no_depth_share: float = 0.4
    mirrored_share: float = 0.5
    network: PanoramaConfig = field(default_factory=PanoramaConfig)
    panoramas: PanoramasConfig = field(default_factory=PanoramasConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, 1, "batch")
        check_shares(self, "withheld_share", "no_depth_share", "mirrored_share")
        check_least(self, 0, "seam_weight", "seen_weight")

    def plan(self, *, held_out: bool = False) -> PanoramaPlan:
        """How panoramas are filmed for this run."""
        network, films = self.network, self.panoramas
        return PanoramaPlan(
            network.height,
            network.source_width,
            network.source_height,
            films.supersampling,
            films.robot_every,
            held_out,
            films.device,
        )
