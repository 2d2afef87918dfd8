"""Requests laid out for the network; all that can be refused is refused here, before anything is computed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.diffusion.noise import check_seed
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.anyview.memory import MemoryModel, Workload, fitting_batch
from anyview_ros.methods.anyview.options import AnyViewOptions
from anyview_ros.methods.anyview.sizes import Size, working_size
from anyview_ros.synthesis.instants import nearest_frame, target_instants
from anyview_ros.synthesis.request import SynthesisRequest


@dataclass(frozen=True, eq=False)
class TargetPlan:
    """A target laid over all T frames of the source, since the network always shows as many.

    Attributes:
        camera: the target's intrinsics.
        size: at which the network works.
        camera_to_world: float64 (T, 4, 4); at instants that were not asked, the camera stands where it is asked to
            be at the nearest frame that was.
        frames: (N,), which of the T frames are the target's.
        poses, stamps_ns: (N, 4, 4) and (N,), as asked.
    """

    camera: PinholeCamera
    size: Size
    camera_to_world: NDArray[np.float64]
    frames: NDArray[np.intp]
    poses: NDArray[np.float64]
    stamps_ns: NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """One view to draw: the indices of its request and of its target, and the seed."""

    request: int
    target: int
    seed: int


@dataclass(frozen=True, eq=False)
class RequestPlan:
    """A request laid out.

    Attributes:
        seed, options: of the request.
        source: the clip that was seen.
        source_size: at which the network works.
        scale: units of moment per metre.
        targets: the targets, in the request's order.
    """

    seed: int
    options: AnyViewOptions
    source: PosedClip
    source_size: Size
    scale: float
    targets: tuple[TargetPlan, ...]


def batch_key(request: SynthesisRequest, options: AnyViewOptions, steps: int) -> Hashable:
    """What two requests must have in common for the network to serve them at once.

    It is as many views of the same sizes from as many frames, so that none waits long for the other's, and the same
    way of sampling.
    """
    (source,) = request.sources
    views = Counter(view_size(target.camera, options.target_size) for target in request.targets)
    return (
        len(source),
        view_size(source.camera, options.source_size),
        frozenset(views.items()),
        options.samples,
        steps,
        options.sampler,
        options.attention_backend,
    )


def plan_request(request: SynthesisRequest, options: AnyViewOptions) -> RequestPlan:
    """Lay out a request whose numbers of sources and frames are checked.

    Args:
        request, options: what is asked.

    Raises:
        InvalidRequestError: an unknown scale, or poses or sizes that cannot be.
        InvalidInputError: a seed out of range.
    """
    source = request.sources[0]
    scale = options.moment_scale()
    check_seed(request.seed + options.samples - 1)
    source_size = view_size(source.camera, options.source_size)
    targets = tuple(
        plan_target(target, source, index, view_size(target.camera, options.target_size))
        for index, target in enumerate(request.targets)
    )
    return RequestPlan(request.seed, options, source, source_size, scale, targets)


def plan_batches(
    plans: Sequence[RequestPlan], memory: MemoryModel, free: int | None, device: str
) -> list[tuple[Draw, ...]]:
    """Say which draws the network makes at once: those of one size, of whichever request, as many as fit.

    Args:
        plans: of requests whose clips are of one length and one size.
        memory: of the networks.
        free: bytes free on the device; None if it does not tell.
        device: its name, for messages.

    Raises:
        InvalidRequestError: too little memory.
    """
    groups: dict[Size, list[Draw]] = defaultdict(list)
    for which, plan in enumerate(plans):
        for sample in range(plan.options.samples):
            for index, target in enumerate(plan.targets):
                groups[target.size].append(Draw(which, index, plan.seed + sample))
    frames, source_size = len(plans[0].source), plans[0].source_size
    batches: list[tuple[Draw, ...]] = []
    for size, draws in groups.items():
        most = fitting_batch(memory, Workload(frames, source_size, size, len(draws)), free, device)
        batches += [tuple(draws[first : first + most]) for first in range(0, len(draws), most)]
    return batches


def view_size(camera: PinholeCamera, wanted: Size | None) -> Size:
    """The size at which the network works for a camera: ``wanted``, or else by the release's rule."""
    return working_size(camera.size) if wanted is None else wanted


def plan_target(target: CameraTrajectory, source: PosedClip, index: int, size: Size) -> TargetPlan:
    """Lay a target over the frames of the source: each pose at the frame nearest in time.

    Raises:
        InvalidRequestError: poses without stamps that are not one per frame, or two poses at one frame.
    """
    stamps_ns = target_instants(target, source, index)
    frames = np.array([nearest_frame(source.stamps_ns, int(stamp)) for stamp in stamps_ns], dtype=np.intp)
    if len(np.unique(frames)) != len(frames):
        twice = int(frames[np.flatnonzero(np.diff(frames) == 0)[0]])
        raise InvalidRequestError(
            f"targets[{index}] has several poses at the instant of source frame {twice} "
            f"(stamp {source.stamps_ns[twice]}), but method 'anyview' shows one pose per instant; make a target "
            "of each, or give a source with more frames"
        )
    asked = np.abs(np.arange(len(source))[:, None] - frames[None]).argmin(axis=1)
    return TargetPlan(
        target.camera, size, target.camera_to_world[asked], frames, target.camera_to_world, stamps_ns
    )
