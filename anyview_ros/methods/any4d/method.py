"""any4d as a method: generate along a trajectory, fit what persists, show it from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.any4d.options import Any4DOptions
from anyview_ros.methods.closing import closed_error
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.pictures import Picture, Pose
from anyview_ros.methods.pushed_stream import check_opening
from anyview_ros.methods.scene_views import scene_views
from anyview_ros.methods.steps import StepCount
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.fitting import FitBudget
from anyview_ros.synthesis.instants import request_instants
from anyview_ros.synthesis.protocol import CancelToken, Progress, SynthesisStream
from anyview_ros.synthesis.request import SynthesisRequest, check_request, resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult
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
            default_steps=0 if fitted else Any4DOptions.fit_steps,
            options_type=Any4DOptions,
            warm_up_options={"fit_steps": 1, "generator": None, "guess_depth": True},
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
        from anyview_ros.methods.any4d.picture import picture_of

        self._check_open()
        check_request(request, self.describe())
        options: Any4DOptions = resolve_options(request.options, Any4DOptions, _NAME)
        instants = request_instants(request)
        pictures = sum(map(len, request.targets))
        steps = 0 if self._scene is not None else request.steps or options.fit_steps
        generated = 0 if self._scene is not None or options.generator is None else pictures
        count = StepCount(_NAME, generated + steps + pictures, progress, cancel)
        scene, done = (
            (self._scene, 0)
            if self._scene is not None
            else self._fitted(request, options, steps, count, cancel)
        )
        count.reach(generated + steps)

        def shown(camera: PinholeCamera, pose: Pose, stamp_ns: int) -> Picture:
            return picture_of(scene, stamp_ns, camera, pose, fill=options.fill_holes)

        views = scene_views(request.targets, instants, shown, count)
        return SynthesisResult(views, Provenance(_NAME, self.weights_hash, request.seed, done))

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
        check_opening(self.describe(), targets, steps, seed)
        if steps not in {None, 1}:
            raise InvalidRequestError(
                f"steps is {steps} but a stream of method '{_NAME}' fits for budget_ms a frame; leave steps=None"
            )
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
        count: StepCount,
        cancel: CancelToken | None,
    ) -> tuple[MovingGaussians, int]:
        """Both stages: the scene, and how many steps it took."""
        from dataclasses import replace

        from anyview_ros.methods.any4d.fitting import fit_scene
        from anyview_ros.methods.any4d.generation import generate
        from anyview_ros.methods.any4d.generator import Generator
        from anyview_ros.methods.any4d.model import MovingGaussians

        more = generate(
            request,
            options,
            device=self.device,
            progress=lambda step, total: count.reach(step),
            cancel=cancel,
        )
        count.check()
        outcome = fit_scene(
            request.sources,
            replace(options, guess_depth=True),
            budget=FitBudget(steps, options.fit_seconds),
            seed=request.seed,
            device=self.device,
            more=more,
            generator=Generator.of(options),
            progress=lambda step, total, loss: count.reach(len(more) + step),
            cancel=cancel,
        )
        count.check()
        if options.save_to is not None:
            write_scene(options.save_to, outcome.scene)
        scene = MovingGaussians.load(outcome.scene.tensors, outcome.scene.settings)
        return scene.to(self.device), outcome.steps

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error(_NAME)
