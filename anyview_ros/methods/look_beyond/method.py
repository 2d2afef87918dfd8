"""look_beyond as a method: a panorama first, then a video between keyframes along the path that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, relative
from anyview_ros.geometry.rigid import rotation_angle_deg
from anyview_ros.methods.closing import closed_error
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.look_beyond.keyframes import check_walk
from anyview_ros.methods.look_beyond.options import LookBeyondOptions
from anyview_ros.methods.look_beyond.panorama.scene import PanoramaScene
from anyview_ros.methods.look_beyond.passes import PlannedPass, Spacing, plan_passes
from anyview_ros.methods.look_beyond.stillness import check_stillness
from anyview_ros.methods.look_beyond.surroundings import PanoramaCache, Surroundings
from anyview_ros.methods.look_beyond.views import PathDrawing
from anyview_ros.methods.look_beyond.weights import LoadedStages, load_stages
from anyview_ros.methods.pictures import Picture, SourceFrame, source_frame, views_of
from anyview_ros.methods.pushed_stream import check_opening
from anyview_ros.methods.steps import StepCount, check_most_steps
from anyview_ros.synthesis.description import LONGEST_CLIP, MethodDescription
from anyview_ros.synthesis.instants import nearest_frame, request_instants
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest, check_request, resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult
from anyview_ros.synthesis.windowed_stream import WindowedStream

_NAME = "look_beyond"
_DEFAULT_STEPS = 4
_VIDEO_NOISE = 0
"""Tells the noise of videos from others of the same seed; it is the same for all targets, whoever else is asked for."""
_POSES_LOOKED_AT = 16
_DEGREES_PER_METRE = 60.0
"""What a turn counts beside a move when the source picture nearest to a path is looked for."""


@dataclass(frozen=True, eq=False)
class _Job:
    """Views of one target that one source picture gives.

    Attributes:
        target: which target.
        poses: which of its poses, in order.
        frame: which source picture.
        passes: that lead through these poses.
    """

    target: int
    poses: tuple[int, ...]
    frame: int
    passes: list[PlannedPass]


class LookBeyond:
    """Views of a scene that stands still, from one picture of it.

    Around the source camera a panorama of colour and distance is drawn; keyframes of it are laid along the way from the
    source camera through the poses asked for, and a video between each two of them is drawn from both ends at once.
    What the source picture shows is laid over that at its own resolution (option ``sharp``).

    ``confidence`` is that of moving the source's pixels: 1 at their own resolution or better where depth was measured,
    half of that where depth is the panorama's guess; what is drawn has none. ``depth`` is given where it was measured.

    Args:
        device: torch device; None takes CUDA where there is one.
        weights: folder of both stages' weights, or of Stable Video Diffusion as diffusers keeps it; None for what is
            shipped.

    Raises:
        WeightsError: weights that are missing or unfit.
        MissingDependencyError: PyTorch, diffusers or safetensors is not installed.
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """

    load_arguments = frozenset({"device", "weights"})

    def __init__(self, *, device: str | None = None, weights: str | None = None) -> None:
        """Load both stages."""
        self.device = torch_device(device)
        self._stages: LoadedStages | None = load_stages(weights, self.device)
        self.weights_hash = self._stages.sha256
        self._width, self._height = self._stages.video.size
        self._cache = PanoramaCache()

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        return MethodDescription(
            name=_NAME,
            summary="Draws a panorama around one picture, then a video between keyframes of it along any path.",
            generative=True,
            source_count=(1, 1),
            clip_frames=(1, LONGEST_CLIP),
            uses_depth=True,
            static_scene=True,
            default_steps=_DEFAULT_STEPS,
            options_type=LookBeyondOptions,
            limits=(
                "The scene must stand still; a clip with motion is refused unless the option moving says what to do.",
                "Live views are each made of the newest picture alone.",
                f"What the source does not show is an invention, drawn at {self._width}x{self._height} and enlarged.",
                "The confidence is 0 there; look at it before you act on a view.",
                "Walks end where the panorama's depth does; what comes into view behind things is a guess.",
                "Every 30 degrees or half a metre of the path is a pass of its own: some tenths of a second on a CPU.",
                "Trained on computed rooms of 3 to 7 m; not for larger or open places.",
            ),
        )

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Synthesise every target; progress counts the steps of panoramas and passes, and the pictures.

        Raises:
            InvalidRequestError: the method cannot serve this request: something moves, a path is too long, steps are
                out of range, or nothing tells where pixels go.
            InvalidInputError: a path that leaves what the panorama shows.
            SynthesisCancelled: ``cancel`` was set; checked between two steps.
            EngineClosedError: the method has been closed.
        """
        stages = self._opened()
        check_request(request, self.describe())
        options: LookBeyondOptions = resolve_options(request.options, LookBeyondOptions, _NAME)
        source = request.sources[0]
        if options.moving == "refuse":
            check_stillness(source)
        instants = request_instants(request)
        check_most_steps(request.steps, _NAME)
        steps = request.steps or _DEFAULT_STEPS
        jobs = _jobs(request, instants, options, stages.video.frames)
        count = StepCount(_NAME, _total(jobs, options, steps), progress, cancel)
        pictures: list[dict[int, Picture]] = [{} for _ in request.targets]
        for job in jobs:
            frame = _frame(source, job.frame, options)
            scene = self._panorama(stages, frame, options, request.seed, count)
            if scene is not None:
                _check_walks(job, scene, request.targets[job.target])
            around = Surroundings.of(frame, scene)
            drawing = PathDrawing(stages.video, around, options, steps, (request.seed, _VIDEO_NOISE))
            pictures[job.target].update(_drawn(job, drawing, request.targets[job.target], count))
        count.finish()  # panoramas that were there already took no steps
        in_order = [[made[index] for index in sorted(made)] for made in pictures]
        views = views_of(in_order, request.targets, instants)
        return SynthesisResult(views, Provenance(_NAME, self.weights_hash, request.seed, steps))

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> WindowedStream:
        """Open a stream that makes every view of the newest picture alone.

        Raises:
            InvalidRequestError: no target, steps or seed out of range, or unknown options.
            EngineClosedError: the method has been closed.
        """
        self._opened()
        check_opening(self.describe(), targets, steps, seed)
        check_most_steps(steps, _NAME)
        resolved = resolve_options(options, LookBeyondOptions, _NAME)
        return WindowedStream(self, source, targets, steps=steps, seed=seed, options=resolved)

    def close(self) -> None:
        """Free both stages. Closing twice is harmless."""
        self._stages = None
        self._cache = PanoramaCache()

    def _opened(self) -> LoadedStages:
        if self._stages is None:
            raise closed_error(_NAME)
        return self._stages

    def _panorama(
        self,
        stages: LoadedStages,
        frame: SourceFrame,
        options: LookBeyondOptions,
        seed: int,
        count: StepCount,
    ) -> PanoramaScene | None:
        if not options.panorama:
            return None
        count.check()
        return self._cache.scene(stages.panorama, frame, options, seed, count.step)


def _jobs(
    request: SynthesisRequest, instants: list[NDArray[np.int64]], options: LookBeyondOptions, frames: int
) -> list[_Job]:
    """What is to be drawn, in the order of the source pictures, so that each needs one panorama."""
    source = request.sources[0]
    spacing = Spacing(options.keyframe_angle_deg, options.keyframe_distance_m, options.max_passes)
    jobs = []
    for number, (target, stamps_ns) in enumerate(zip(request.targets, instants, strict=True)):
        for frame, poses in _shared_out(source, target, stamps_ns, options).items():
            start = source.camera_to_world[frame]
            passes = plan_passes(start, target.camera_to_world[list(poses)], frames, spacing)
            jobs.append(_Job(number, tuple(poses), frame, passes))
    return sorted(jobs, key=lambda job: job.frame)


def _shared_out(
    source: PosedClip, target: CameraTrajectory, stamps_ns: NDArray[np.int64], options: LookBeyondOptions
) -> dict[int, list[int]]:
    """For each source picture that is used, the poses of a target that are made of it."""
    everything = list(range(len(target)))
    if options.moving == "newest":
        return {len(source) - 1: everything}
    if options.moving == "refuse":
        return {_nearest_in_space(source, target): everything}
    shared: dict[int, list[int]] = {}
    for index in everything:
        shared.setdefault(nearest_frame(source.stamps_ns, int(stamps_ns[index])), []).append(index)
    return shared


def _nearest_in_space(source: PosedClip, target: CameraTrajectory) -> int:
    """The source picture whose camera is nearest to a target's poses on average; of equally near ones the newest."""
    some = target.camera_to_world[:: max(len(target) // _POSES_LOOKED_AT, 1)]
    change = relative(source.camera_to_world[:, None], some[None])
    far = rotation_angle_deg(change) / _DEGREES_PER_METRE + np.linalg.norm(change[..., :3, 3], axis=-1)
    mean = far.mean(axis=1)
    return int(np.flatnonzero(mean <= mean.min() + 1e-6)[-1])


def _frame(source: PosedClip, index: int, options: LookBeyondOptions) -> SourceFrame:
    frame = source_frame(source, index)
    if options.use_depth or frame.depth is None:
        return frame
    return SourceFrame(frame.image, frame.camera, frame.camera_to_world, None)


def _drawn(job: _Job, drawing: PathDrawing, target: CameraTrajectory, count: StepCount) -> dict[int, Picture]:
    start = drawing.surroundings.source.camera_to_world
    frames = drawing.frames(target.camera, start, job.passes, count.step)
    pictures = {}
    for number, index in enumerate(job.poses):
        count.check()
        pose = target.camera_to_world[index]
        frame = frames[number] if number in frames else drawing.still(target.camera, pose)
        pictures[index] = drawing.picture(frame, target.camera, pose)
        count.count()
    return pictures


def _check_walks(job: _Job, scene: PanoramaScene, target: CameraTrajectory) -> None:
    """See that the panorama reaches all poses of a job, before any picture is drawn."""
    for index in job.poses:
        name = f"camera_to_world[{index}] of targets[{job.target}]"
        check_walk(scene, target.camera_to_world[index], name=name)


def _total(jobs: list[_Job], options: LookBeyondOptions, steps: int) -> int:
    panoramas = len({job.frame for job in jobs}) * options.panorama_steps * options.panorama
    return panoramas + sum(steps * len(job.passes) + len(job.poses) for job in jobs)
