"""Settings of a training run of the video denoiser of `look_beyond`."""

from __future__ import annotations

from dataclasses import dataclass, field

from anyview_ros.methods.look_beyond.video.config import VideoConfig
from anyview_ros.methods.setting_checks import check_least, check_shares
from anyview_ros.training.filming_config import FilmingConfig
from anyview_ros.training.look_beyond_video_clips import ClipPlan
from anyview_ros.training.network_trainer import LoadedConfig


@dataclass(frozen=True)
class ClipsConfig(FilmingConfig):
    """What is filmed before training begins: ``count`` clips, each in a room of its own."""


@dataclass(frozen=True)
class VideoTrainingConfig(LoadedConfig):
    """A training run; see docs/methods/look_beyond.md.

    Attributes:
        batch: passes per step.
        withheld_share: share of the passes whose keyframe is withheld, for classifier-free guidance.
        mirrored_share: share of the passes that are mirrored.
        network: size of the denoiser.
        clips: what it learns from.
    """

    batch: int = 8
    withheld_share: float = 0.1
    mirrored_share: float = 0.5
    network: VideoConfig = field(default_factory=VideoConfig)
    clips: ClipsConfig = field(default_factory=ClipsConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, 1, "batch")
        check_shares(self, "withheld_share", "mirrored_share")

    def plan(self, *, held_out: bool = False) -> ClipPlan:
        """How clips are filmed for this run."""
        width, height = self.network.size
        clips = self.clips
        return ClipPlan(self.network.frames, width, height, clips.supersampling, held_out, clips.device)
