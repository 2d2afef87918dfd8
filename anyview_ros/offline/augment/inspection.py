"""Whether and how an input can be augmented, as plain values and as one screen of text."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from anyview_ros.errors import ReadError
from anyview_ros.offline.augment.bag_episode import BagEpisode
from anyview_ros.offline.augment.bag_inspection import inspect_bag
from anyview_ros.offline.augment.planning import plan_episodes
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.sources import open_episodes
from anyview_ros.offline.augment.view_sampling import topic_name
from anyview_ros.wording import counted

_FORMATS = {"bag": "bag", "lerobot": "lerobot", "episode": "episodes"}
_MOST_LINES = 12  # of things that there may be many of
_EXAMPLE = "vista_small"
_WIDE_GAP = 3.0  # in usual intervals


def inspect_input(path: str | Path, source_options: Mapping[str, str]) -> dict[str, Any]:
    """Look at an input.

    Args:
        path: a bag, a dataset, an episode, or a folder of these.
        source_options: as of a run.

    Returns:
        ``input``, ``kind``, ``episodes`` (a list with what each holds), ``can_be_augmented``, and ``command``, which
        is "" if it cannot.

    Raises:
        ReadError: nothing that can be read.
        InvalidInputError: options that nobody knows, or episodes of one name.
    """
    settings = AugmentSettings(views=(_EXAMPLE,), source_options=dict(source_options))
    planned = plan_episodes(open_episodes([path], settings))
    episodes = [_inspected(each.name, each.episode) for each in planned]
    cameras = [camera for episode in episodes for camera in episode["cameras"]]
    usable = [camera for camera in cameras if camera["usable"]]
    taken = {topic_name(camera["name"]) for camera in cameras}
    kind = episodes[0]["kind"]
    return {
        "input": str(path),
        "kind": kind,
        "episodes": episodes,
        "can_be_augmented": bool(usable),
        "command": _command(path, kind, usable, taken, source_options) if usable else "",
    }


def _inspected(name: str, episode: SourceEpisode) -> dict[str, Any]:
    told = {"name": name, "kind": episode.kind}
    try:
        if isinstance(episode, BagEpisode):
            return {**told, **inspect_bag(episode), "losses": list(episode.scan.losses)}
        facts = dict(episode.describe())
        known = facts.pop("cameras", {})
        cameras = [
            {
                "name": camera.name,
                "usable": camera.usable,
                "reason": camera.reason,
                "has_depth": camera.has_depth,
                **(known.get(camera.name, {}) if isinstance(known, Mapping) else {}),
            }
            for camera in episode.cameras
        ]
        return {**told, **facts, "cameras": cameras, "losses": list(episode.losses)}
    except ReadError as error:
        return {**told, "cameras": [], "losses": [str(error)]}


def _command(
    path: str | Path,
    kind: str,
    usable: Sequence[Mapping[str, Any]],
    taken: Collection[str],
    source_options: Mapping[str, str],
) -> str:
    names = (f"{_EXAMPLE}{number}" for number in count(1))
    name = "" if f"{_EXAMPLE}_0" not in taken else next(each for each in names if f"{each}_0" not in taken)
    parts = ["anyview", "augment", str(path), "--views", f"{_EXAMPLE}:name={name}" if name else _EXAMPLE]
    if kind != "bag":
        parts += ["--format", _FORMATS[kind]]
    for name, value in source_options.items():
        parts += ["--source-option", f"{name}={value}"]
    if not any(camera["has_depth"] for camera in usable):
        parts += ["--method", "anyview_small"]
    parts += ["--output", f"{Path(path).resolve().name.partition('.')[0]}_augmented"]
    return shlex.join(parts)


def inspection_text(told: Mapping[str, Any]) -> str:
    """One screen for people."""
    return "\n".join(_lines(told))


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    episodes = told["episodes"]
    for episode in episodes[:_MOST_LINES] if len(episodes) > 1 else episodes:
        if len(episodes) == 1 and told["kind"] == "bag" and "messages" in episode:
            yield from _bag_lines(episode)
        else:
            yield from _short_lines(episode)
    if len(episodes) > _MOST_LINES:
        yield f"… and {len(episodes) - _MOST_LINES} more; --json tells all"
    yield ""
    if told["can_be_augmented"]:
        yield "It can be augmented, for example by"
        yield f"  {told['command']}"
        yield "  (`anyview augment --views help` lists what other views there are; --dry-run tells what would be done)"
    else:
        yield "It cannot be augmented as it is: no camera is usable, for the reasons above."


def _bag_lines(bag: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{bag['name']}: bag of {bag['duration_s']:.1f} s, {counted(bag['messages'], 'message')} on "
        f"{counted(bag['topics'], 'topic')}"
    )
    yield from _listed("lost", bag["losses"])
    for camera in bag["cameras"]:
        yield from _camera_lines(camera)
    if not bag["cameras"]:
        yield "no pictures: neither Image nor CompressedImage"
    yield f"world: {bag['world_frame'] or 'unknown'}"
    if bag["moving_frames"]:
        yield f"frames that move: {_enumerated(bag['moving_frames'])}"
    others = [f"{each['topic']} ({each['messages']})" for each in bag["other_topics"]]
    yield f"other topics, kept as they are: {_enumerated(others) or 'none'}"


def _camera_lines(camera: Mapping[str, Any]) -> Iterator[str]:
    yield f"camera {camera['name']}: {'usable' if camera['usable'] else 'NOT USABLE'}"
    size = "x".join(map(str, camera["size"])) or "unknown size"
    forms = ", ".join(sorted({form[2] for form in camera["forms"]})) or "unreadable"
    gap = camera["longest_gap_s"]
    wide = gap > _WIDE_GAP * camera["usual_gap_s"] > 0
    yield (
        f"  {camera['topic']}: {counted(camera['pictures'], 'picture')} of {size}, {forms}, {camera['rate_hz']:.3g} Hz"
        + (f", a gap of {gap:.2f} s" if wide else "")
        + ("" if camera["stamped"] or not camera["pictures"] else ", stamps are zero")
    )
    depth = camera["depth"] or "none"
    used = "" if camera["has_depth"] or not camera["depth"] else " (not used)"
    yield f"  calibration: {camera['camera_info'] or 'no CameraInfo'}; depth: {depth}{used}"
    yield f"  TF: {_tf_text(camera)}"
    if camera["reason"]:
        yield f"  why not: {camera['reason']}"
    if camera["usable"] and camera["frames"] < camera["pictures"]:
        yield f"  {camera['frames']} of {counted(camera['pictures'], 'picture')} can be used"
    yield from _listed("  left out", camera["left_out"])
    yield from _listed("  note", camera["notes"])


def _tf_text(camera: Mapping[str, Any]) -> str:
    if not camera["tf"]:
        return f"no transform leads to {camera['frame'] or 'its frame, which no header names'}"
    text: str = camera["tf"][0]["parent"]
    for edge in camera["tf"]:
        rate = f" ({edge['rate_hz']:.3g} Hz)" if "rate_hz" in edge else ""
        text += f" → {edge['child']}{rate}"
    return text


def _short_lines(episode: Mapping[str, Any]) -> Iterator[str]:
    facts = [f"{key} {value}" for key, value in episode.items() if isinstance(value, int | float | str)][2:]
    yield f"{episode['name']}: {', '.join(facts) or episode['kind']}"
    for camera in episode["cameras"]:
        depth = ", with depth" if camera["has_depth"] else ""
        yield f"  camera {camera['name']}: {'usable' if camera['usable'] else 'NOT USABLE: ' + camera['reason']}{depth}"
    yield from _listed("  lost", episode["losses"])


def _listed(title: str, sentences: Sequence[str]) -> Iterator[str]:
    for sentence in sentences[:_MOST_LINES]:
        yield f"{title}: {sentence}"
    if len(sentences) > _MOST_LINES:
        yield f"{title}: … and {len(sentences) - _MOST_LINES} more"


def _enumerated(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_LINES} more" if len(names) > _MOST_LINES else ""
    return ", ".join(names[:_MOST_LINES]) + more
