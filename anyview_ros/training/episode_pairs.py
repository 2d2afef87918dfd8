"""Pairs of cameras that filmed the same instants, from episodes on disk."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidClipError, ReadError
from anyview_ros.offline.episodes import Episode, is_episode

_HELD = 4  # pairs kept in memory


@dataclass(frozen=True)
class CameraPair:
    """What one camera of an episode saw, and another that is to be synthesised from it."""

    episode: Path
    source: str
    target: str


class EpisodePairs:
    """The pairs of all episodes in a folder, read when asked for.

    Args:
        folder: an episode, or a folder of episodes. Roles "input" and "target" in their metadata say which camera is
            which; without them every ordered pair of cameras is taken. Cameras whose pictures are synthesised teach
            nothing.
        frames: of the clips.

    Raises:
        ReadError: no episodes, or ones with a single camera.
    """

    def __init__(self, folder: Path, frames: int) -> None:
        episodes = [folder] if is_episode(folder) else _episodes_in(folder)
        if not episodes:
            raise ReadError(
                f"{folder} holds no episodes; each is a folder with metadata.json, rgb and lowdim"
            )
        self.pairs = [pair for path in episodes for pair in _pairs(Episode.open(path))]
        if not self.pairs:
            raise ReadError(
                f"the {len(episodes)} episodes in {folder} have no two recorded cameras to learn from"
            )
        self.frames = frames
        self._held: OrderedDict[CameraPair, tuple[PosedClip, PosedClip]] = OrderedDict()

    def cut(self, index: int, place: float) -> tuple[PosedClip, PosedClip]:
        """Clips of source and target at the same instants.

        Args:
            index: of the pair.
            place: where in the episode the clips begin, 0 (as early as can be) to 1 (as late).

        Raises:
            ReadError: broken files.
            InvalidClipError: an episode with fewer common instants than a clip has frames.
        """
        pair = self.pairs[index]
        source, target = self._read(pair)
        _, first, second = np.intersect1d(source.stamps_ns, target.stamps_ns, return_indices=True)
        spare = len(first) - self.frames
        if spare < 0:
            raise InvalidClipError(
                f"cameras {pair.source} and {pair.target} of {pair.episode} share {len(first)} instants but a clip "
                f"has {self.frames}; leave the episode out, or train with shorter clips"
            )
        begin = min(int(place * (spare + 1)), spare)
        kept = slice(begin, begin + self.frames)
        return _at(source, first[kept]), _at(target, second[kept])

    def _read(self, pair: CameraPair) -> tuple[PosedClip, PosedClip]:
        if pair not in self._held:
            episode = Episode.open(pair.episode)
            self._held[pair] = episode.clip(pair.source), episode.clip(pair.target)
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        return self._held[pair]


def _episodes_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ReadError(f"{folder} is no folder; give one that holds episodes")
    return sorted(path for path in folder.iterdir() if is_episode(path))


def _pairs(episode: Episode) -> list[CameraPair]:
    sources = episode.with_role("input") or episode.cameras
    targets = episode.with_role("target") or episode.cameras
    seen = set(episode.recorded)
    return [CameraPair(episode.path, a, b) for a in sources for b in targets if a != b and {a, b} <= seen]


def _at(clip: PosedClip, frames: np.ndarray[tuple[int], np.dtype[np.intp]]) -> PosedClip:
    return PosedClip(clip.frames[frames], clip.camera, clip.camera_to_world[frames], clip.stamps_ns[frames])
