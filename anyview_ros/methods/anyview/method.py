"""AnyView as a Synthesizer."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.diffusion.noise import check_seed
from anyview_ros.errors import AnyViewError, InvalidRequestError, WeightsError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.anyview.attention import attention_kernel
from anyview_ros.methods.anyview.cancelling import AllSet
from anyview_ros.methods.anyview.codec import VideoCodec, frames_from_video
from anyview_ros.methods.anyview.conditioning import Conditioner
from anyview_ros.methods.anyview.confidence import agreement
from anyview_ros.methods.anyview.generation import evaluations, generate
from anyview_ros.methods.anyview.memory import MemoryModel
from anyview_ros.methods.anyview.options import (
    CLIP_FRAMES,
    DEFAULT_STEPS,
    FAST_STEPS,
    FRAMES_PER_LATENT,
    AnyViewOptions,
)
from anyview_ros.methods.anyview.plan import (
    Draw,
    RequestPlan,
    TargetPlan,
    batch_key,
    plan_batches,
    plan_request,
    view_size,
)
from anyview_ros.methods.anyview.rays import in_target_gauge
from anyview_ros.methods.anyview.sizes import Size, resize_frames
from anyview_ros.methods.anyview.weights import load_bundle
from anyview_ros.methods.anyview.weights.instructions import missing_weights_message
from anyview_ros.methods.closing import closed_error
from anyview_ros.methods.device_memory import free_bytes
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.steps import StepCount
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest, check_request, resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView
from anyview_ros.synthesis.windowed_stream import WindowedStream

_NAME = "anyview"
_FRAME_NS = 100_000_000
_WARM_UP_SIZE = (64, 48)  # shows that the weights work; `warm_up` readies the sizes of real requests


class AnyView:
    """Shows a posed clip from any other trajectory, by the released 2 B video diffusion transformer.

    A request's targets are generated together, over one latent of the source; with them those of other requests
    for as many views of the same sizes from as many frames. Keys and values of the (constant) text are computed
    once, latents of rays once for as long as cameras stand still.

    Args:
        weights: folder written by ``anyview weights convert``.
        device: torch device; None for CUDA if there is one, else the CPU. It computes in bfloat16 on
            accelerators, in float32 on a CPU.
        compile_blocks: compile the transformer's block with ``torch.compile``: the first view of each size
            takes longer, the others less.

    Attributes:
        device: where it runs.
        weights_hash: sha256 of the weights.

    Raises:
        WeightsError: no weights, ones that are unfit, or too little memory for them.
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """

    load_arguments: frozenset[str] = frozenset({"device", "weights"})

    def __init__(
        self, *, weights: str | Path | None = None, device: str | None = None, compile_blocks: bool = False
    ) -> None:
        if weights is None:
            raise WeightsError(missing_weights_message())
        self.device = torch_device(device)
        self._device = torch.device(self.device)
        dtype = torch.float32 if self._device.type == "cpu" else torch.bfloat16
        bundle = load_bundle(Path(weights), self._device, dtype)
        self.weights_hash = bundle.sha256
        self._transformer = bundle.transformer
        if compile_blocks:
            self._transformer.compile_repeated_blocks()  # type: ignore[no-untyped-call]
        self._codec = VideoCodec(bundle.autoencoder)
        self._conditioner = Conditioner(self._codec)
        with torch.no_grad():
            self._text = self._transformer.text_keys_values(bundle.text)
        self._memory = MemoryModel(self._transformer.width, self._codec.base_width, dtype.itemsize)
        self._warm: set[tuple[int, Size, Size]] = set()
        self._closed = False

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        return MethodDescription(
            name=_NAME,
            summary="Imagines a clip from any other camera path by a 2 B video diffusion transformer.",
            generative=True,
            clip_frames=CLIP_FRAMES,
            clip_frames_step=FRAMES_PER_LATENT,
            default_steps=DEFAULT_STEPS,
            options_type=AnyViewOptions,
            warm_up_options={"domain": "metric", "source_size": _WARM_UP_SIZE, "target_size": _WARM_UP_SIZE},
            limits=(
                "The scene's domain or scale must be given as an option.",
                "It works at a long side of 576 pixels, whatever the size of the pictures.",
                "What it shows is plausible, not exact: it may repaint even what the source saw.",
                "One pose per instant: a camera that moves while time stands still is not possible.",
                "Other seeds, and other windows of a stream, imagine other things where nothing was seen.",
                f"{DEFAULT_STEPS} steps as released; steps={FAST_STEPS} takes a third of the time.",
            ),
        )

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Synthesise every target; a step is one evaluation of the network for one batch of targets.

        Confidence is 0 everywhere unless option ``samples`` is 2 or more: see
        :mod:`anyview_ros.methods.anyview.confidence`.

        Raises:
            InvalidRequestError: the method cannot serve this request: the number of frames, an unknown scale,
                two poses at one instant, or more than fits into the memory.
            SynthesisCancelled: ``cancel`` was set; checked before each evaluation.
            torch.OutOfMemoryError: the device ran out of memory all the same; ask for fewer targets, fewer frames or
                smaller sizes.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        plan = self._plan(request)
        (result,) = self._draw_all([plan], _steps(request), progress, [cancel])
        return result

    def batch_key(self, request: SynthesisRequest) -> Hashable | None:
        """Tell with which others a request may share a batch: see :func:`anyview_ros.methods.anyview.plan.batch_key`.

        None if the request cannot be served.
        """
        try:
            check_request(request, self.describe())
            return batch_key(
                request, resolve_options(request.options, AnyViewOptions, _NAME), _steps(request)
            )
        except AnyViewError:
            return None

    def synthesize_together(
        self,
        requests: Sequence[SynthesisRequest],
        *,
        progress: Progress | None = None,
        cancels: Sequence[CancelToken] | None = None,
    ) -> list[SynthesisResult | AnyViewError]:
        """Synthesise several requests of one key; a step is one evaluation of the network for one batch of targets.

        Each target's noise depends on its own request's seed alone. The views are those of each request asked alone,
        within one grey level.

        Raises:
            InvalidRequestError: requests of different keys, or of none; an attention backend that does not work.
            SynthesisCancelled: all of ``cancels`` were set; checked before each evaluation.
            torch.OutOfMemoryError: the device ran out of memory all the same; ask for fewer at once.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        if len(keys := {self.batch_key(request) for request in requests}) != 1 or None in keys:
            raise InvalidRequestError(
                f"the {len(requests)} requests are of {len(keys)} kinds, or cannot be served; ask for each alone"
            )
        outcomes = [self._planned(request) for request in requests]
        plans = [plan for plan in outcomes if isinstance(plan, RequestPlan)]
        tokens = [None] * len(requests) if cancels is None else cancels
        wanted = [
            token for token, plan in zip(tokens, outcomes, strict=True) if isinstance(plan, RequestPlan)
        ]
        drawn = iter(self._draw_all(plans, _steps(requests[0]), progress, wanted) if plans else ())
        return [next(drawn) if isinstance(plan, RequestPlan) else plan for plan in outcomes]

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> WindowedStream:
        """Open a stream: a sliding window of frames, of which the newest is shown from the targets.

        On an accelerator the stream's sizes are warmed up first.

        Raises:
            InvalidRequestError: no target, an unknown scale, or options that the method does not have.
            InvalidInputError: a seed out of range.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        resolved: AnyViewOptions = resolve_options(options, AnyViewOptions, _NAME)
        resolved.moment_scale()
        check_seed(seed + resolved.samples - 1)
        stream = WindowedStream(self, source, targets, steps=steps, seed=seed, options=resolved)
        if self._device.type != "cpu":
            for target in targets:
                self.warm_up(source, target, options=resolved)
        return stream

    def warm_up(
        self,
        source: PinholeCamera,
        target: PinholeCamera,
        *,
        frames: int = CLIP_FRAMES[0],
        options: AnyViewOptions | None = None,
    ) -> float:
        """Run one step on grey pictures of these cameras, so that the first real view need not wait for kernels.

        Args:
            source, target: cameras as in the requests to come.
            frames: of their clips.
            options: as in the requests to come.

        Returns:
            seconds taken; 0 if these sizes and this length were warm.

        Raises:
            InvalidRequestError: what such requests would raise.
        """
        chosen = AnyViewOptions(domain="metric") if options is None else options
        sizes = view_size(source, chosen.source_size), view_size(target, chosen.target_size)
        if (frames, *sizes) in self._warm:
            return 0.0
        begun = time.perf_counter()
        poses = np.tile(np.eye(4), (frames, 1, 1))
        grey = np.full((frames, source.height, source.width, 3), 127, np.uint8)
        clip = PosedClip(grey, source, poses, _FRAME_NS * np.arange(1, frames + 1))
        self.synthesize(
            SynthesisRequest((clip,), (CameraTrajectory(target, poses),), steps=1, options=chosen)
        )
        self._warm.add((frames, *sizes))
        return time.perf_counter() - begun

    def close(self) -> None:
        """Free the device. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        del self._transformer, self._codec, self._conditioner, self._text
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _plan(self, request: SynthesisRequest) -> RequestPlan:
        """Lay out a request, and see that it fits when it is alone."""
        check_request(request, self.describe())
        plan = plan_request(request, resolve_options(request.options, AnyViewOptions, _NAME))
        self._batches([plan])
        return plan

    def _planned(self, request: SynthesisRequest) -> RequestPlan | AnyViewError:
        try:
            return self._plan(request)
        except AnyViewError as err:
            return err

    def _batches(self, plans: Sequence[RequestPlan]) -> list[tuple[Draw, ...]]:
        return plan_batches(plans, self._memory, free_bytes(self._device), self.device)

    def _draw_all(
        self,
        plans: Sequence[RequestPlan],
        steps: int,
        progress: Progress | None,
        cancels: Sequence[CancelToken | None],
    ) -> list[SynthesisResult]:
        """Draw the views of requests of one key."""
        batches = self._batches(plans)
        count = StepCount(_NAME, len(batches) * evaluations(steps), progress, AllSet(cancels))
        drawn: dict[Draw, NDArray[np.uint8]] = {}
        options = plans[0].options
        with attention_kernel(options.attention_backend):
            pictures = [self._picture(plan, count) for plan in plans]
            for number, batch in enumerate(batches):
                between = partial(_reached, count, number * evaluations(steps))
                rays = [self._rays(plans[draw.request], draw.target, count) for draw in batch]
                latents = generate(
                    self._transformer,
                    self._text,
                    torch.cat([pictures[draw.request] for draw in batch]),
                    torch.cat([source for source, _ in rays]),
                    torch.cat([target for _, target in rays]),
                    seeds=[draw.seed for draw in batch],
                    steps=steps,
                    sampler=options.sampler,
                    between=between,
                )
                between(evaluations(steps))
                for draw, latent in zip(batch, latents, strict=True):
                    drawn[draw] = self._decode(latent, plans[draw.request], draw.target)
                    count.check()
        return [self._result(plan, index, drawn, steps) for index, plan in enumerate(plans)]

    def _result(
        self, plan: RequestPlan, index: int, drawn: Mapping[Draw, NDArray[np.uint8]], steps: int
    ) -> SynthesisResult:
        seeds = range(plan.seed, plan.seed + plan.options.samples)
        views = tuple(
            _view(target, [drawn[Draw(index, which, seed)] for seed in seeds])
            for which, target in enumerate(plan.targets)
        )
        return SynthesisResult(views, Provenance(_NAME, self.weights_hash, plan.seed, steps))

    def _picture(self, plan: RequestPlan, count: StepCount) -> torch.Tensor:
        count.check()
        return self._conditioner.pictures(plan.source.frames, plan.source_size)

    def _rays(self, plan: RequestPlan, which: int, count: StepCount) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents of the source's and of a target's rays, in the target's gauge."""
        count.check()
        target = plan.targets[which]
        source_poses = in_target_gauge(target.camera_to_world, plan.source.camera_to_world)
        target_poses = in_target_gauge(target.camera_to_world, target.camera_to_world)
        return (
            self._conditioner.rays(plan.source.camera, plan.source_size, source_poses, plan.scale),
            self._conditioner.rays(target.camera, target.size, target_poses, plan.scale),
        )

    def _decode(self, latent: torch.Tensor, plan: RequestPlan, which: int) -> NDArray[np.uint8]:
        target = plan.targets[which]
        frames = frames_from_video(self._codec.decode(latent[None])[0])[target.frames]
        return resize_frames(frames, target.camera.size) if plan.options.resize_to_target else frames

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error(_NAME)


def _reached(count: StepCount, before: int, evaluations_done: int) -> None:
    """Tell that so many evaluations of a batch are done, beside those of the batches ``before``, and check."""
    count.reach(before + evaluations_done)
    count.check()


def _steps(request: SynthesisRequest) -> int:
    return DEFAULT_STEPS if request.steps is None else request.steps


def _view(target: TargetPlan, samples: Sequence[NDArray[np.uint8]]) -> SynthesizedView:
    frames = samples[0]
    camera = target.camera.resized(frames.shape[2], frames.shape[1])  # pictures are resized edges on edges
    return SynthesizedView(frames, camera, target.poses, target.stamps_ns, agreement(np.stack(samples)))
