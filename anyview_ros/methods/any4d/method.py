"""any4d as a method: generate along a trajectory, fit what persists, show it from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.errors import EngineClosedError, InvalidRequestError, SynthesisCancelled
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.any4d.options import Any4DOptions
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.pictures import Picture, view_of
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.fitting import FitBudget
from anyview_ros.synthesis.instants import target_instants
from anyview_ros.synthesis.protocol import CancelToken, Progress, SynthesisStream
from anyview_ros.synthesis.request import SynthesisRequest, check_request, check_seed, resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView
from anyview_ros.synthesis.scene_file import read_scene, scene_hash, write_scene

if TYPE_CHECKING:
    from anyview_ros.methods.any4d.model import MovingGaussians
    from anyview_ros.synthesis.by_products import PointCloud

_LONGEST_CLIP = 10_000
_NAME = "any4d"


class Any4D:
    """Views of a moving Gaussian scene: of a fitted one, or of one that is fitted to the request.

    With ``scene``, every request is rendered from it at once; its sources only tell the instants. Without, a request
    runs both stages: a generator is asked for views along the targets, and Gaussians are fitted to these and to the
    sources. ``confidence`` is the share of a pixel that a real camera saw, at most half of it where its depth was
    guessed; what was only generated has none.

    Args:
        device: torch device; None takes CUDA where there is one.
        scene: path of a scene fitted by this method.

    Raises:
        SceneFileError: a scene that is missing, damaged or of another method.
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """

    load_arguments = frozenset({"device", "scene"})

    def __init__(self, *, device: str | None = None, scene: str | None = None) -> None:
        """Read the scene, if there is one."""
        self.device = torch_device(device)
        self.weights_hash = ""
        self._scene: MovingGaussians | None = None
        self._closed = False
        if scene is not None:
            from anyview_ros.methods.any4d.model import VERSION, MovingGaussians

            fitted = read_scene(scene, method=_NAME, version=VERSION)
            self._scene = MovingGaussians.load(fitted.tensors, fitted.settings).to(self.device)
            self.weights_hash = scene_hash(scene)

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        fitted = self._scene is not None
        return MethodDescription(
            name=_NAME,
            summary="Fits moving Gaussians to what was seen and generated, and shows them from anywhere.",
            generative=True,
            source_count=(1, 8),
            clip_frames=(1, _LONGEST_CLIP),
            uses_depth=not fitted,
            streams=True,
            fits_each_clip=not fitted,
            default_steps=0 if fitted else Any4DOptions().steps,
            options_type=Any4DOptions,
            warm_up_options={"steps": 1, "generator": None, "guess_depth": True},
            limits=(
                "A request without a fitted scene takes seconds to minutes; fit once with `anyview fit` and load it.",
                "Instants outside those fitted show the nearest one that was.",
                "Motion is held by few generators: many things that move apart want more bases.",
            ),
        )

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Synthesise every target; steps are those of the fit, then pictures.

        Raises:
            InvalidRequestError: the method cannot serve this request.
            SynthesisCancelled: ``cancel`` was set; checked between steps.
            SynthesisError: the fit diverged at once.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        check_request(request, self.describe())
        options: Any4DOptions = resolve_options(request.options, Any4DOptions, _NAME)
        instants = [
            target_instants(target, request.sources[0], index) for index, target in enumerate(request.targets)
        ]
        pictures = sum(len(target) for target in request.targets)
        steps = 0 if self._scene is not None else (request.steps or options.steps)
        generated = 0 if self._scene is not None or options.generator is None else pictures
        told = _Progress(progress, generated + steps + pictures)
        scene, done = self._scene, 0
        if scene is None:
            scene, done = self._fitted(request, options, steps, told, cancel)
        views: list[SynthesizedView] = []
        for target, stamps_ns in zip(request.targets, instants, strict=True):
            made: list[Picture] = []
            for pose, stamp_ns in zip(target.camera_to_world, stamps_ns, strict=True):
                _check_cancel(cancel)
                made.append(_picture(scene, int(stamp_ns), target.camera, pose, options))
                told.at(generated + steps + sum(map(len, views)) + len(made))
            views.append(view_of(made, target.camera, target.camera_to_world, stamps_ns))
        return SynthesisResult(tuple(views), Provenance(_NAME, self.weights_hash, request.seed, done))

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> SynthesisStream:
        """Open a stream from one source camera to virtual cameras with these intrinsics.

        With a fitted scene its views are rendered as they are; without, the scene is made and refined as frames come.

        Raises:
            InvalidRequestError: no target, steps, a seed out of range, or options that the method does not have.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        if not targets:
            raise InvalidRequestError(
                "targets is empty; give the PinholeCamera of at least one virtual camera"
            )
        if steps not in {None, 1}:
            raise InvalidRequestError(
                f"steps is {steps} but a stream of method '{_NAME}' fits for budget_ms a frame; leave steps=None"
            )
        check_seed(seed)
        resolved: Any4DOptions = resolve_options(options, Any4DOptions, _NAME)
        from anyview_ros.methods.any4d.live import LiveScene
        from anyview_ros.methods.any4d.stream import SceneStream, ShownScene

        kept = (
            LiveScene(source, resolved, seed, self.device) if self._scene is None else ShownScene(self._scene)
        )
        return SceneStream(
            kept, source, targets, Provenance(_NAME, self.weights_hash, seed, 0), fill=resolved.fill_holes
        )

    def point_cloud(self, stamp_ns: int) -> PointCloud:
        """Points of the fitted scene at an instant, world, metres.

        Raises:
            InvalidRequestError: the method was loaded without a scene.
            EngineClosedError: the method has been closed.
        """
        from anyview_ros.methods.any4d.export import point_cloud

        return point_cloud(self._fitted_scene(), stamp_ns)

    def write_ply(self, path: Path, stamp_ns: int) -> int:
        """Write the Gaussians of the fitted scene at an instant to a PLY file and return how many they are.

        Raises:
            InvalidRequestError: the method was loaded without a scene.
            EngineClosedError: the method has been closed.
        """
        from anyview_ros.methods.any4d.export import write_ply

        scene = self._fitted_scene()
        write_ply(path, scene, stamp_ns)
        return len(scene)

    def _fitted_scene(self) -> MovingGaussians:
        self._check_open()
        if self._scene is None:
            raise InvalidRequestError(
                "there is no fitted scene to take points of; load the method with scene=PATH"
            )
        return self._scene

    def close(self) -> None:
        """Free the scene. Closing twice is harmless."""
        self._scene, self._closed = None, True

    def _fitted(
        self,
        request: SynthesisRequest,
        options: Any4DOptions,
        steps: int,
        told: _Progress,
        cancel: CancelToken | None,
    ) -> tuple[MovingGaussians, int]:
        """Both stages: the scene, and how many steps it took."""
        from dataclasses import replace

        from anyview_ros.methods.any4d.fitting import fit_scene
        from anyview_ros.methods.any4d.generation import generate
        from anyview_ros.methods.any4d.generator import Generator
        from anyview_ros.methods.any4d.model import MovingGaussians

        more = generate(request, options, device=self.device, progress=told.first, cancel=cancel)
        _check_cancel(cancel)
        outcome = fit_scene(
            request.sources,
            replace(options, guess_depth=True),
            budget=FitBudget(steps, options.seconds),
            seed=request.seed,
            device=self.device,
            more=more,
            generator=Generator.of(options),
            progress=lambda step, total, loss: told.at(len(more) + step),
            cancel=cancel,
        )
        _check_cancel(cancel)
        if options.save_to is not None:
            write_scene(options.save_to, outcome.scene)
        scene = MovingGaussians.load(outcome.scene.tensors, outcome.scene.settings)
        return scene.to(self.device), outcome.steps

    def _check_open(self) -> None:
        if self._closed:
            raise EngineClosedError(f"method '{_NAME}' has been closed; load it again")


class _Progress:
    """One count over generation, fit and pictures, that never goes back."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._last = progress, total, 0

    def first(self, step: int, total: int) -> None:
        """The generator's own count, which may have other steps than pictures."""
        del total
        self.at(step)

    def at(self, step: int) -> None:
        """Tell that so many steps are done."""
        reached = min(step, self._total)
        if self._progress is not None and reached > self._last:
            self._last = reached
            self._progress(reached, self._total)


def _picture(
    scene: MovingGaussians, stamp_ns: int, camera: PinholeCamera, pose: Any, options: Any4DOptions
) -> Picture:
    from anyview_ros.methods.any4d.picture import picture_of

    return picture_of(scene, stamp_ns, camera, pose, fill=options.fill_holes)


def _check_cancel(cancel: CancelToken | None) -> None:
    if cancel is not None and cancel.is_set():
        raise SynthesisCancelled(f"method '{_NAME}' was cancelled between two steps")
