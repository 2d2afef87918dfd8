"""DDR as a method: renders a scene that was fitted, or fits one to what a request shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.closing import closed_error
from anyview_ros.methods.ddr.export import point_cloud
from anyview_ros.methods.ddr.fitter import DdrFitter
from anyview_ros.methods.ddr.online import OnlineFit
from anyview_ros.methods.ddr.options import DdrOptions
from anyview_ros.methods.ddr.renderer import SceneRenderer
from anyview_ros.methods.ddr.scene import METHOD, VERSION, DdrScene
from anyview_ros.methods.ddr.stream import RefiningStream, SceneStream
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.pushed_stream import check_opening
from anyview_ros.methods.scene_views import scene_views
from anyview_ros.methods.steps import StepCount
from anyview_ros.rendering.point_cloud import write_ply
from anyview_ros.synthesis.by_products import PointCloud
from anyview_ros.synthesis.description import LONGEST_CLIP, MethodDescription
from anyview_ros.synthesis.fitting import FitBudget
from anyview_ros.synthesis.instants import request_instants
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest, check_request, resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult
from anyview_ros.synthesis.scene_file import read_scene, scene_hash

_MOST_SOURCES = 8


class Ddr:
    """A radiance field that changes with time, fitted to a clip and looked at from elsewhere.

    ``confidence`` is the share of a pixel that shows what one of the cameras saw. ``depth`` is where half of the
    pixel's weight lies nearer.

    Args:
        device: torch device; None takes CUDA where there is one.
        scene: path of a scene that ``anyview fit`` wrote; None to fit one to each request.

    Raises:
        SceneFileError: no such file, damaged, or of another method or version.
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """

    load_arguments = frozenset({"device", "scene"})

    def __init__(self, *, device: str | None = None, scene: str | None = None) -> None:
        """Load the scene, if there is one."""
        self.device = torch_device(device)
        self.weights_hash = ""
        self._renderer: SceneRenderer | None = None
        self._closed = False
        if scene is not None:
            fitted = read_scene(scene, method=METHOD, version=VERSION)
            self._renderer = SceneRenderer(DdrScene.unpacked(fitted, torch.device(self.device)))
            self.weights_hash = scene_hash(scene)

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        fits = self._renderer is None
        return MethodDescription(
            name=METHOD,
            summary="A radiance field that changes with time, kept right by depth where the camera hardly moves.",
            generative=False,
            source_count=(1, _MOST_SOURCES),
            clip_frames=(2 if fits else 1, LONGEST_CLIP),
            uses_depth=fits,
            streams=True,
            fits_each_clip=fits,
            default_steps=DdrOptions.fit_steps if fits else 0,
            options_type=DdrOptions,
            limits=(
                "Shows what cameras saw, at whatever time; the rest is filled in from around it.",
                "Without depth it needs camera motion; a camera that stands still needs depth.",
                "Colours do not change with the direction of view: mirrors and highlights are smeared.",
            ),
        )

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Fit a scene to the sources unless one is loaded, then render every target.

        A step is one step of the fit, or one picture. ``request.steps`` is the number of steps of the fit.

        Raises:
            InvalidRequestError: the method cannot serve this request.
            SynthesisCancelled: ``cancel`` was set; checked before each step.
            SynthesisError: the fit diverged before there was anything to show.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        check_request(request, self.describe())
        options = resolve_options(request.options, DdrOptions, METHOD)
        instants = request_instants(request)
        fit_steps = 0 if self._renderer is not None else request.steps or options.fit_steps
        count = StepCount(METHOD, fit_steps + sum(map(len, request.targets)), progress, cancel)
        renderer, done = (
            (self._renderer, 0)
            if self._renderer is not None
            else self._fitted(request, options, fit_steps, count, cancel)
        )
        count.reach(fit_steps)
        views = scene_views(request.targets, instants, renderer.render, count)
        return SynthesisResult(views, Provenance(METHOD, self.weights_hash, request.seed, done))

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> SceneStream | RefiningStream:
        """Open a stream from one source camera to virtual cameras with these intrinsics.

        With a scene, the stream shows that scene. Without one it fits to what is pushed, for ``refine_ms`` per frame.

        Raises:
            InvalidRequestError: no target, steps, a seed out of range, or options that the method does not have.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        check_opening(self.describe(), targets, steps, seed)
        chosen = resolve_options(options, DdrOptions, METHOD)
        provenance = Provenance(METHOD, self.weights_hash, seed)
        if self._renderer is not None:
            return SceneStream(self._renderer, source, targets, provenance)
        if steps is not None:
            chosen = replace(chosen, steps_per_frame=steps)
        fit = OnlineFit(source, chosen, seed, torch.device(self.device))
        return RefiningStream(fit, source, targets, chosen, provenance)

    def point_cloud(self, stamp_ns: int) -> PointCloud:
        """What is solid in the loaded scene at an instant.

        Raises:
            InvalidRequestError: no scene is loaded.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        if self._renderer is None:
            raise InvalidRequestError("no scene is loaded; give load_synthesizer('ddr', scene=...)")
        return point_cloud(self._renderer.scene, stamp_ns)

    def write_ply(self, path: Path, stamp_ns: int) -> int:
        """Write what is solid in the loaded scene at an instant to a PLY file, as points, and return their number.

        Raises:
            InvalidRequestError: no scene is loaded.
            EngineClosedError: the method has been closed.
        """
        cloud = self.point_cloud(stamp_ns)
        write_ply(path, cloud)
        return len(cloud)

    def close(self) -> None:
        """Free the scene. Closing twice is harmless."""
        self._renderer, self._closed = None, True

    def _fitted(
        self,
        request: SynthesisRequest,
        options: DdrOptions,
        steps: int,
        count: StepCount,
        cancel: CancelToken | None,
    ) -> tuple[SceneRenderer, int]:
        """A scene of the request's sources, and how many steps it took."""
        outcome = DdrFitter(device=self.device).fit(
            request.sources,
            budget=FitBudget(steps, options.fit_seconds),
            seed=request.seed,
            options=options,
            progress=lambda step, total, loss: count.reach(step),
            cancel=cancel,
        )
        count.check()
        return SceneRenderer(DdrScene.unpacked(outcome.scene, torch.device(self.device))), outcome.steps

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error(METHOD)
