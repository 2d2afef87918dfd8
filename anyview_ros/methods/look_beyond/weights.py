"""The weights of both stages, from the package or from a folder of the user's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anyview_ros.errors import WeightsError
from anyview_ros.methods.look_beyond.panorama.weights import PANORAMA, PANORAMA_FILE
from anyview_ros.methods.look_beyond.video.weights import VIDEO, VIDEO_FILE
from anyview_ros.methods.network_files import read_network

if TYPE_CHECKING:
    from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
    from anyview_ros.methods.look_beyond.video.stage import VideoStage

SHIPPED = Path(__file__).parent / "weights"
_DIFFUSERS_INDEX = "model_index.json"


@dataclass(frozen=True, eq=False)
class LoadedStages:
    """Both stages, ready to draw.

    Attributes:
        panorama: stage 1.
        video: stage 2.
        sha256: of the hex digests of both stages, hex.
    """

    panorama: PanoramaDenoiser
    video: VideoStage
    sha256: str


def load_stages(weights: str | None, device: str) -> LoadedStages:
    """Load both stages.

    Args:
        weights: a folder with ``panorama.safetensors`` and ``video.safetensors``, as `anyview train look_beyond` makes
            it; a folder of Stable Video Diffusion as diffusers keeps it, which then draws stage 2; None for what is
            shipped.
        device: torch device.

    Raises:
        WeightsError: weights that are missing or unfit.
        MissingDependencyError: a package that they need is not installed.
    """
    folder = SHIPPED if weights is None else Path(weights)
    if not folder.is_dir():
        raise WeightsError(
            f"weights is {str(folder)!r}, which is no folder; give one with {PANORAMA_FILE} and {VIDEO_FILE} "
            "(`anyview train look_beyond --output FOLDER` makes both in less than an hour of a CPU core), or leave it "
            "out for those that are shipped"
        )
    if (folder / _DIFFUSERS_INDEX).is_file():
        from anyview_ros.methods.look_beyond.svd import load_svd

        drawn = read_network(SHIPPED / PANORAMA_FILE, PANORAMA, device)
        video = load_svd(folder, device)
        return LoadedStages(drawn.network, video, _digest(drawn.sha256, video.sha256))
    missing = [name for name in (PANORAMA_FILE, VIDEO_FILE) if not (folder / name).is_file()]
    if missing:
        raise WeightsError(
            f"{folder} lacks {' and '.join(missing)}; `anyview train look_beyond --output FOLDER` makes both in less "
            "than an hour of a CPU core: give weights=FOLDER"
        )
    from anyview_ros.methods.look_beyond.video.stage import NetworkStage

    drawn = read_network(folder / PANORAMA_FILE, PANORAMA, device)
    learned = read_network(folder / VIDEO_FILE, VIDEO, device)
    return LoadedStages(drawn.network, NetworkStage(learned.network), _digest(drawn.sha256, learned.sha256))


def _digest(*hashes: str) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()
