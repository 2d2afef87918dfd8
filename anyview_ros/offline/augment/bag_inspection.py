"""What a bag holds for augmentation, as plain values: cameras, rates, sizes, TF chains, gaps, losses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.diagnosis import Edge, TransformTree
from anyview_ros.errors import ReadError
from anyview_ros.offline.augment.bag_episode import BagEpisode, camera_facts
from anyview_ros.offline.augment.source_episode import EpisodeCamera


def inspect_bag(episode: BagEpisode) -> dict[str, Any]:
    """All that a bag tells, its pictures decoded where nothing else tells whether they can be."""
    cameras = [_camera(episode, camera) for camera in episode.cameras]
    told = episode.describe()
    return {
        **{name: told[name] for name in ("duration_s", "messages", "topics", "world_frame")},
        "cameras": cameras,
        "moving_frames": _moving(episode.scan.transforms),
        "other_topics": [
            {"topic": topic.name, "type": topic.type, "messages": topic.count}
            for topic in episode.topics
            if topic.name not in episode.scan.cameras
        ],
    }


def _camera(episode: BagEpisode, camera: EpisodeCamera) -> dict[str, Any]:
    scan = episode.scan.cameras[episode.camera_topics(camera.name).image]
    facts = {
        "name": camera.name,
        "usable": camera.usable,
        "reason": camera.reason,
        **camera_facts(scan),
        "tf": _chain(episode, scan.pictures.frame, scan.pictures.instants_ns),
        "size": list(scan.pictures.size or ()),
        "frames": 0,
        "has_depth": False,
        "left_out": [],
        "notes": [],
    }
    if not camera.usable:
        return facts
    try:
        film = episode.film(camera.name)
    except ReadError as error:
        return {**facts, "usable": False, "reason": str(error)}
    losses = list(episode.plan(camera.name).losses)
    return {
        **facts,
        "size": [film.camera.width, film.camera.height],
        "frames": len(film),
        "has_depth": film.has_depth,
        "left_out": losses,
        "notes": list(film.notes),
    }


def _chain(episode: BagEpisode, frame: str, instants_ns: NDArray[np.int64]) -> list[dict[str, Any]]:
    """The transforms from the root down to a frame."""
    return [_edge(edge, instants_ns) for edge in reversed(episode.scan.transforms.chain(frame))]


def _edge(edge: Edge, instants_ns: NDArray[np.int64]) -> dict[str, Any]:
    told: dict[str, Any] = {"parent": edge.parent, "child": edge.child, "static": edge.static}
    if edge.static or len(edge.stamps_ns) < 2 or not len(instants_ns):
        return told
    since_s = (edge.stamps_ns[[0, -1]] - instants_ns.min()) / 1e9
    gaps_s = np.diff(edge.stamps_ns) / 1e9
    return {
        **told,
        "rate_hz": round((len(edge.stamps_ns) - 1) / float(gaps_s.sum()), 2),
        "from_s": round(float(since_s[0]), 3),
        "to_s": round(float(since_s[1]), 3),
        "longest_gap_s": round(float(gaps_s.max()), 3),
    }


def _moving(transforms: TransformTree) -> list[str]:
    """Frames that move in their parents: what a view can ride along with."""
    return sorted({edge.child for edge in transforms.edges if not edge.static and len(edge.stamps_ns) > 1})
