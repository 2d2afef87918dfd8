"""ZeroNVS as a method."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError, InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.closing import closed_error
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.pictures import Picture, Pose, source_frame, views_of
from anyview_ros.methods.pushed_stream import PushedStream, check_opening
from anyview_ros.methods.steps import check_cancel, check_most_steps
from anyview_ros.methods.zeronvs.drawing import Sampling, Scene, Wanted, draw
from anyview_ros.methods.zeronvs.loading import LoadedDenoiser, load_denoiser
from anyview_ros.methods.zeronvs.options import ZeroOptions
from anyview_ros.methods.zeronvs.scale import (
    GUESSED,
    NOT_NEEDED,
    look_at_point,
    propose_scale,
    stands_elsewhere,
)
from anyview_ros.synthesis.description import LONGEST_CLIP, MethodDescription
from anyview_ros.synthesis.instants import nearest_frame, request_instants
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest, check_request, resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult

_log = logging.getLogger(__name__)

_NAME = "zeronvs"
_LIMITS = (
    "A view is drawn from one frame alone: nothing goes from frame to frame but the noise, so that videos flicker.",
    "Most of a view is imagined, the seen part too: nothing is carried over pixel by pixel. Confidence is low for it.",
    "Without depth images or scale_m, how far the camera seems to move is a guess from where source and targets look.",
    "Drawn with the target's field of view, up to 160 degrees; of a source much wider than that, the rim is cut off.",
)


@dataclass(frozen=True)
class FilmOptions(ZeroOptions):
    """Options for parts of a film.

    Attributes:
        scene: scale and centre of the whole film.
    """

    scene: Scene | None = None


class ZeroNVS:
    """Views drawn by a diffusion model that is shown one picture and told the change of pose (arXiv 2310.17994).

    A video is drawn frame by frame, with one scale (that of the first frame) and the same noise for all frames and
    targets. ``confidence`` is the share of pixels that were right, on held-out scenes, where the drawing was as far
    from the expected picture as here. There is no ``depth``.

    Args:
        device: torch device; None takes CUDA where there is one.
        weights: path of weights, of ours or of the published model as converted; None for those that are shipped.

    Raises:
        WeightsError: weights that are missing or unfit.
        MissingDependencyError: PyTorch, diffusers or safetensors is not installed.
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """

    load_arguments = frozenset({"device", "weights"})

    def __init__(self, *, device: str | None = None, weights: str | None = None) -> None:
        """Load the denoiser."""
        self.device = torch_device(device)
        self._loaded: LoadedDenoiser | None = load_denoiser(weights, self.device)
        self._limits, self._default_steps = self._loaded.limits, self._loaded.steps
        self.weights_hash = self._loaded.sha256

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        return MethodDescription(
            name=_NAME,
            summary="A diffusion model that is shown one picture and told the change of pose, and imagines the view.",
            generative=True,
            source_count=(1, 1),
            clip_frames=(1, LONGEST_CLIP),
            uses_depth=True,
            streams=True,
            default_steps=self._default_steps,
            options_type=ZeroOptions,
            warm_up_options={"assumed_scale_m": 1.0},
            limits=(*self._limits, *_LIMITS),
        )

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Synthesise every target; progress counts the sampling steps of all batches of pictures.

        Raises:
            InvalidRequestError: the method cannot serve this request, above all if nothing tells the scale.
            SynthesisCancelled: ``cancel`` was set; checked before each sampling step.
            SynthesisError: the denoiser gave values that are not finite.
            EngineClosedError: the method has been closed.
        """
        loaded = self._opened()
        check_request(request, self.describe())
        options = resolve_options(request.options, ZeroOptions, _NAME)
        source = request.sources[0]
        instants = request_instants(request)
        wanted = [
            Wanted(source_frame(source, nearest_frame(source.stamps_ns, int(stamp_ns))), target.camera, pose)
            for target, stamps_ns in zip(request.targets, instants, strict=True)
            for pose, stamp_ns in zip(target.camera_to_world, stamps_ns, strict=True)
        ]
        paths = [target.camera_to_world for target in request.targets]
        scene = _scene_of_film(options) or _scene(loaded, source, paths, _moves(wanted), options)
        sampling = _sampling(loaded, request.steps, options, request.seed)

        def between(step: int, total: int) -> None:
            if progress is not None:
                progress(step, total)
            if step < total:
                check_cancel(cancel, _NAME)

        check_cancel(cancel, _NAME)
        drawn = iter(draw(loaded, wanted, scene, sampling, between))
        pictures = [[next(drawn) for _ in target.camera_to_world] for target in request.targets]
        views = views_of(pictures, request.targets, instants)
        return SynthesisResult(views, _with_scale(self._provenance(sampling), scene))

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> ZeroStream:
        """Open a stream from one source camera to virtual cameras with these intrinsics.

        Raises:
            InvalidRequestError: no target, steps or seed out of range, or unknown options.
            EngineClosedError: the method has been closed.
        """
        loaded = self._opened()
        check_opening(self.describe(), targets, steps, seed)
        resolved = resolve_options(options, ZeroOptions, _NAME)
        sampling = _sampling(loaded, steps, resolved, seed)
        return ZeroStream(self._opened, sampling, resolved, source, targets, self._provenance(sampling))

    def options_for_film(
        self, first: PosedClip, paths: Sequence[tuple[Pose, Pose]], options: Any = None
    ) -> FilmOptions:
        """Give the options that have the scale of a whole film, as one request for all of it would take it.

        Args:
            first: the film's first frame.
            paths: of each target, the source's poses at its instants and its own, both (N, 4, 4), metres.
            options: as in a request; those of a film already are given back.

        Raises:
            InvalidRequestError: nothing tells the scale, or unknown options.
            EngineClosedError: the method has been closed.
        """
        resolved = resolve_options(options, ZeroOptions, _NAME)
        if isinstance(resolved, FilmOptions):
            return resolved
        moves = any(stands_elsewhere(*each) for path in paths for each in zip(*path, strict=True))
        scene = _scene(self._opened(), first, [path for _, path in paths], moves, resolved)
        told = {field.name: getattr(resolved, field.name) for field in fields(ZeroOptions)}
        return FilmOptions(**told, scene=scene)

    def close(self) -> None:
        """Free the denoiser. Closing twice is harmless."""
        self._loaded = None

    def _opened(self) -> LoadedDenoiser:
        if self._loaded is None:
            raise closed_error(_NAME)
        return self._loaded

    def _provenance(self, sampling: Sampling) -> Provenance:
        return Provenance(_NAME, self.weights_hash, sampling.seed, sampling.steps)


class ZeroStream(PushedStream):
    """A SynthesisStream that keeps the scale of the first frame that needs one, and nothing else.

    Args:
        opened: gives the denoiser, or raises EngineClosedError once the method has been closed.
        sampling: how.
        options: of the stream.
        source: intrinsics of the source camera.
        targets: intrinsics of the virtual cameras.
        provenance: of all views, but for the scale, which it tells once there is one.
    """

    def __init__(
        self,
        opened: Callable[[], LoadedDenoiser],
        sampling: Sampling,
        options: ZeroOptions,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        provenance: Provenance,
    ) -> None:
        """Made by :meth:`ZeroNVS.open_stream`."""
        super().__init__(source, targets, provenance)
        self._opened, self._sampling, self._options = opened, sampling, options
        self._scene: Scene | None = _scene_of_film(options)
        if self._scene is not None:
            self._provenance = _with_scale(provenance, self._scene)

    def _answer(self, clip: PosedClip, poses: Sequence[Pose | None]) -> list[Picture | None]:
        asked = [pose for pose in poses if pose is not None]
        if not asked:
            return [None] * len(poses)
        loaded = self._opened()
        frame = source_frame(clip, 0)
        wanted = [
            Wanted(frame, camera, pose)
            for camera, pose in zip(self.targets, poses, strict=True)
            if pose is not None
        ]
        scene = self._scene
        if scene is None:
            paths = [pose[None] for pose in asked]
            scene = _scene(loaded, clip, paths, _moves(wanted), self._options)
            self._provenance = _with_scale(self._provenance, scene)
            if scene.scale.origin != NOT_NEEDED:  # where cameras only turn, a later frame has to tell it
                self._scene = scene
        drawn = iter(draw(loaded, wanted, scene, self._sampling))
        return [None if pose is None else next(drawn) for pose in poses]


def _scene(
    loaded: LoadedDenoiser,
    source: PosedClip,
    paths: Sequence[Pose],
    moves: bool,
    options: ZeroOptions,
) -> Scene:
    """Scale and centre by the first frame and the first pose of each target's path (N, 4, 4), as a stream has it;
    by all poses where those do not tell, as on paths that begin at the source. Where no target ``moves`` away from
    its source frame, no scale is needed.

    Raises:
        InvalidRequestError: nothing tells the scale.
    """
    first = source.camera_to_world[:1]
    targets = np.stack([path[0] for path in paths])
    if look_at_point(first, targets) is None:
        targets = np.concatenate(list(paths))
    if loaded.mode in {"6dof1", "3dof"}:
        told: float | None = 1.0  # these modes measure in metres
    else:
        told = options.scale_m
    depth: NDArray[np.float32] | None = None if source.depth is None else source.depth[:1]
    try:
        scale = propose_scale(
            first, targets, depth_m=depth, told_m=told, assumed_m=options.assumed_scale_m, moves=moves
        )
    except InvalidInputError as error:
        raise InvalidRequestError(str(error)) from error
    _log.log(logging.WARNING if scale.origin in GUESSED else logging.INFO, "scale: %s", scale.why)
    return Scene(scale, look_at_point(first, targets) if loaded.mode == "3dof" else None)


def _scene_of_film(options: ZeroOptions) -> Scene | None:
    return options.scene if isinstance(options, FilmOptions) else None


def _with_scale(provenance: Provenance, scene: Scene) -> Provenance:
    return replace(provenance, scale_m=scene.scale.scale_m, scale_origin=scene.scale.origin)


def _moves(wanted: Sequence[Wanted]) -> bool:
    """Whether a target stands elsewhere than the frame that it is drawn from."""
    return any(stands_elsewhere(each.frame.camera_to_world, each.camera_to_world) for each in wanted)


def _sampling(loaded: LoadedDenoiser, steps: int | None, options: ZeroOptions, seed: int) -> Sampling:
    """How to draw.

    Raises:
        InvalidRequestError: too many steps, or a mode that the weights do not know.
    """
    if options.mode not in {None, loaded.mode}:
        raise InvalidRequestError(
            f"mode is {options.mode!r} but these weights were trained with {loaded.mode!r}; leave mode out, or train "
            f"others: anyview train zeronvs with network.mode: {options.mode}"
        )
    check_most_steps(steps, _NAME)
    guidance = loaded.guidance if options.guidance is None else float(options.guidance)
    return Sampling(steps or loaded.steps, guidance, float(options.eta), seed)
