"""Output formats by name."""

from __future__ import annotations

from anyview_ros.offline.augment.output_format import OutputFormat
from anyview_ros.offline.augment.settings import AugmentSettings


def open_format(settings: AugmentSettings) -> OutputFormat:
    """The format that a run writes."""
    if settings.format == "bag":
        from anyview_ros.offline.augment.outputs.bag import BagFormat

        return BagFormat(settings)
    if settings.format == "lerobot":
        from anyview_ros.offline.augment.outputs.lerobot import LeRobotFormat

        return LeRobotFormat(settings)
    from anyview_ros.offline.augment.outputs.episodes import EpisodesFormat

    return EpisodesFormat(settings)
