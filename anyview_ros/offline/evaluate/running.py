"""Every method on every episode: synthesised, scored, kept."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.clips.resizing import resize_frames
from anyview_ros.errors import AnyViewError, InvalidRequestError
from anyview_ros.evaluation.aggregation import mean_metrics
from anyview_ros.evaluation.comparison import Comparison
from anyview_ros.evaluation.pictures import jpeg, sheet
from anyview_ros.evaluation.target_scores import LearnedMetrics, TargetScores, score_target, seen_by
from anyview_ros.geometry import CameraTrajectory
from anyview_ros.metrics import Reliability
from anyview_ros.offline.evaluate.benchmark import (
    PROTOCOL_LONG_SIDE,
    BenchmarkEpisode,
    EpisodeClips,
    content_hash,
    read_clips,
)
from anyview_ros.offline.evaluate.store import ResultStore
from anyview_ros.offline.synthesize.windows import LONGEST_WINDOW, Window, plan_windows
from anyview_ros.synthesis import MethodDescription, SynthesisRequest, SynthesisResult, Synthesizer
from anyview_ros.synthesis.failures import synthesized
from anyview_ros.synthesis.request import resolve_options, told_options

_VERSION = 3  # of what is computed: results of another one are done again


@dataclass(frozen=True)
class EvaluationSettings:
    """How episodes are evaluated.

    Attributes:
        long_side: of the pictures that are given and scored; 576 is the protocol's, 0 leaves them as they are.
        most_frames: of each episode, from its start; None for all.
        depth: whether methods are given the input's depth, where there is some; scores use it in any case.
        seed, steps: as in SynthesisRequest.
        longest_window: frames per request at most.
        learned: metrics that need weights.
        learned_names: what tells those weights from others, such as hashes of their files.
    """

    long_side: int = PROTOCOL_LONG_SIDE
    most_frames: int | None = None
    depth: bool = True
    seed: int = 0
    steps: int | None = None
    longest_window: int = LONGEST_WINDOW
    learned: LearnedMetrics = field(default_factory=LearnedMetrics)
    learned_names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class EvaluatedMethod:
    """A loaded method, the name under which it is told, and its options."""

    name: str
    synthesizer: Synthesizer
    options: Any = None


Report = Callable[[float, str], None]
"""Told the episodes done, those under way in part, and what is being done."""


def evaluate(
    episodes: Sequence[BenchmarkEpisode],
    methods: Sequence[EvaluatedMethod],
    store: ResultStore,
    settings: EvaluationSettings,
    *,
    report: Report | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Evaluate every method on every episode; those finished before by the same settings are not done again.

    What a method cannot do with an episode, and an episode that cannot be read, is kept as ``failed`` with the reason,
    and the others go on.

    Returns:
        by method, what was found of each episode: the content of its file.

    Raises:
        ReadError: results of an earlier run that cannot be read.
    """
    tell = report or (lambda _done, _what: None)
    found: dict[str, list[dict[str, Any]]] = {method.name: [] for method in methods}
    done = 0
    for episode in episodes:
        read = cache(partial(_read, episode, settings))
        for method in methods:
            what = f"{method.name} on {episode.key.split}/{episode.key.name}"
            tell(done, what)
            fingerprint = _fingerprint(episode, method, settings)
            result = store.finished(method.name, episode.key, fingerprint)
            if result is None:
                step = _stepper(tell, done, what)
                result = _evaluate_one(episode, read, method, store, settings, fingerprint, step)
            found[method.name].append(result)
            done += 1
    tell(done, "")
    return found


def _read(episode: BenchmarkEpisode, settings: EvaluationSettings) -> EpisodeClips:
    return read_clips(episode, long_side=settings.long_side, most_frames=settings.most_frames)


def _stepper(tell: Report, done: int, what: str) -> Callable[[float], None]:
    return lambda part: tell(done + part, what)


def _evaluate_one(
    episode: BenchmarkEpisode,
    read: Callable[[], EpisodeClips],
    method: EvaluatedMethod,
    store: ResultStore,
    settings: EvaluationSettings,
    fingerprint: str,
    step: Callable[[float], None],
) -> dict[str, Any]:
    key = episode.key
    content: dict[str, Any] = {
        "method": method.name,
        "group": key.group,
        "split": key.split,
        "episode": key.name,
        "fingerprint": fingerprint,
    }
    try:
        clips = read()
        made = _synthesise(clips, method, settings, step)
        scored = [
            score_target(
                view,
                confidence,
                truth,
                made.inputs,
                window_starts=made.window_starts,
                learned=settings.learned,
            )
            for (view, confidence), truth in zip(made.views, clips.targets.values(), strict=True)
        ]
    except AnyViewError as error:
        content["failed"] = f"{type(error).__name__}: {error}"
        store.keep(method.name, key, content)
        return content
    views = sum(len(view) for view, _ in made.views)
    scores = dict(zip(clips.targets, scored, strict=True))
    content |= {
        "inputs": list(episode.inputs),
        "frames": len(clips.inputs[0]),
        "input_size": list(clips.inputs[0].camera.size),
        "input_depth": settings.depth and clips.inputs[0].depth is not None,
        "provenance": asdict(made.result.provenance),
        "notes": list(dict.fromkeys((*made.notes, *(note for each in scored for note in each.notes)))),
        "metrics": mean_metrics([each.metrics for each in scored])
        | {"seconds_per_view": made.elapsed_s / views},
        "reliability": _summed(scored).as_json(),
        "targets": {
            name: {"size": list(clips.targets[name].camera.size), **each.as_json()}
            for name, each in scores.items()
        },
    }
    features = [each.features for each in scored if each.features is not None]
    store.keep(
        method.name,
        key,
        content,
        picture=jpeg(_picture(made, clips)),
        features=np.stack(features) if features else None,
    )
    return content


@dataclass(frozen=True, eq=False)
class _Made:
    """What a method made of an episode: of each target the view and its confidence, at the truth's size."""

    inputs: tuple[PosedClip, ...]
    views: tuple[tuple[PosedClip, NDArray[np.float32]], ...]
    result: SynthesisResult
    window_starts: tuple[int, ...]
    elapsed_s: float
    notes: tuple[str, ...]


def _synthesise(
    clips: EpisodeClips, method: EvaluatedMethod, settings: EvaluationSettings, step: Callable[[float], None]
) -> _Made:
    description = method.synthesizer.describe()
    inputs, notes = _usable_inputs(clips.inputs, description)
    targets = [_target(truth, description) for truth in clips.targets.values()]
    windows = plan_windows(len(inputs[0]), description, settings.longest_window)
    results = []
    begun = time.perf_counter()
    for number, window in enumerate(windows):
        request = SynthesisRequest(
            tuple(_cut(clip, window, depth=settings.depth) for clip in inputs),
            tuple(_shown(target, window) for target in targets),
            steps=settings.steps,
            seed=settings.seed,
            options=method.options,
        )
        results.append(
            synthesized(method.synthesizer, request, progress=_progress(step, number, len(windows)))
        )
    elapsed_s = time.perf_counter() - begun
    views = tuple(
        _joined([result.views[index] for result in results], truth)
        for index, truth in enumerate(clips.targets.values())
    )
    first = results[0].views[0].camera.size
    if first != next(iter(clips.targets.values())).camera.size:
        notes = (*notes, f"Views came as {first[0]}x{first[1]} and were resized to be scored.")
    starts = tuple(window.shown for window in windows[1:])
    return _Made(inputs, views, results[-1], starts, elapsed_s, notes)


def _progress(step: Callable[[float], None], number: int, windows: int) -> Callable[[int, int], None]:
    return lambda done, total: step((number + done / max(total, 1)) / windows)


def _usable_inputs(
    inputs: tuple[PosedClip, ...], description: MethodDescription
) -> tuple[tuple[PosedClip, ...], tuple[str, ...]]:
    """As many inputs as the method takes."""
    fewest, most = description.source_count
    if len(inputs) < fewest:
        raise InvalidRequestError(
            f"the episode has {len(inputs)} input cameras but method '{description.name}' needs {fewest}"
        )
    if len(inputs) <= most:
        return inputs, ()
    return inputs[:most], (f"Of {len(inputs)} input cameras the method takes {most}, the first.",)


def _target(truth: PosedClip, description: MethodDescription) -> CameraTrajectory:
    """The truth's camera, at the method's own size where it has one: the nearest in area."""
    size = truth.camera.size
    if description.sizes and size not in description.sizes:
        size = min(description.sizes, key=lambda each: abs(each[0] * each[1] - size[0] * size[1]))
    return CameraTrajectory(truth.camera.resized(*size), truth.camera_to_world, truth.stamps_ns)


def _cut(clip: PosedClip, window: Window, *, depth: bool) -> PosedClip:
    """What a method is given: depth is always known to those who judge, but not always to the method."""
    part = slice(window.first, window.stop)
    given = clip.depth[part] if depth and clip.depth is not None else None
    return PosedClip(clip.frames[part], clip.camera, clip.camera_to_world[part], clip.stamps_ns[part], given)


def _shown(target: CameraTrajectory, window: Window) -> CameraTrajectory:
    part = slice(window.shown, window.stop)
    assert target.stamps_ns is not None  # noqa: S101 - made so
    return CameraTrajectory(target.camera, target.camera_to_world[part], target.stamps_ns[part])


def _joined(parts: Sequence[Any], truth: PosedClip) -> tuple[PosedClip, NDArray[np.float32]]:
    """The views of all windows as one clip at the truth's size, and their confidence."""
    import cv2

    size = truth.camera.size
    frames = resize_frames(np.concatenate([part.frames for part in parts]), size)
    confidence = np.concatenate([part.confidence for part in parts])
    if confidence.shape[1:] != frames.shape[1:3]:
        confidence = np.stack([cv2.resize(each, size, interpolation=cv2.INTER_LINEAR) for each in confidence])
    view = PosedClip(frames, truth.camera, truth.camera_to_world, truth.stamps_ns)
    return view, np.asarray(confidence, np.float32)


def _summed(scored: Sequence[TargetScores]) -> Reliability:
    total = scored[0].reliability
    for each in scored[1:]:
        total = total + each.reliability
    return total


def _picture(made: _Made, clips: EpisodeClips) -> NDArray[np.uint8]:
    """The middle instant of the first target, for people."""
    (view, confidence), truth = made.views[0], next(iter(clips.targets.values()))
    index = len(view) // 2
    return sheet(
        Comparison(
            source=made.inputs[0].frames[index],
            view=view.frames[index],
            confidence=np.round(np.clip(confidence[index], 0, 1) * 255).astype(np.uint8),
            truth=truth.frames[index],
            co_visible=seen_by(made.inputs, truth, index),
        )
    )


def _fingerprint(episode: BenchmarkEpisode, method: EvaluatedMethod, settings: EvaluationSettings) -> str:
    description = method.synthesizer.describe()
    options = resolve_options(method.options, description.options_type, description.name)
    content: Mapping[str, Any] = {
        "version": _VERSION,
        "episode": content_hash(episode.path),
        "inputs": episode.inputs,
        "targets": episode.targets,
        "method": description.name,
        "weights": str(getattr(method.synthesizer, "weights_hash", "")),
        "options": told_options(options),
        "long_side": settings.long_side,
        "most_frames": settings.most_frames,
        "depth": settings.depth,
        "seed": settings.seed,
        "steps": settings.steps,
        "longest_window": settings.longest_window,
        "learned": settings.learned_names,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
