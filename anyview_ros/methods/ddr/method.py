"""DDR as a method: renders a scene that was fitted, or fits one to what a request shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anyview_ros.errors import EngineClosedError, InvalidRequestError, SynthesisCancelled
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.ddr.export import point_cloud
from anyview_ros.methods.ddr.fitter import DdrFitter
from anyview_ros.methods.ddr.online import OnlineFit
from anyview_ros.methods.ddr.options import DdrOptions
from anyview_ros.methods.ddr.renderer import SceneRenderer
from anyview_ros.methods.ddr.scene import METHOD, VERSION, DdrScene
from anyview_ros.methods.ddr.stream import RefiningStream, SceneStream
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.pictures import Picture
from anyview_ros.rendering.point_cloud import write_ply
from anyview_ros.synthesis.by_products import PointCloud
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.fitting import FitBudget
from anyview_ros.synthesis.instants import target_instants
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest, check_request, check_seed, resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView
from anyview_ros.synthesis.scene_file import read_scene, scene_hash

_LONGEST_CLIP = 1_000_000
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
            clip_frames=(2 if fits else 1, _LONGEST_CLIP),
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
        instants = [
            target_instants(target, request.sources[0], index) for index, target in enumerate(request.targets)
        ]
        pictures = sum(len(target) for target in request.targets)
        renderer, steps, done = self._renderer, 0, 0
        if renderer is None:
            done = request.steps or options.fit_steps
            renderer, steps = self._fitted(request, options, done, pictures, progress, cancel)
        total = done + pictures
        views = []
        for target, stamps_ns in zip(request.targets, instants, strict=True):
            made = []
            for pose, stamp_ns in zip(target.camera_to_world, stamps_ns, strict=True):
                _check_cancel(cancel)
                made.append(renderer.render(target.camera, pose, int(stamp_ns)))
                done += 1
                if progress is not None:
                    progress(done, total)
            views.append(view_of(made, target, stamps_ns))
        return SynthesisResult(tuple(views), Provenance(METHOD, self.weights_hash, request.seed, steps))

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
        if not targets:
            raise InvalidRequestError(
                "targets is empty; give the PinholeCamera of at least one virtual camera"
            )
        check_seed(seed)
        chosen = resolve_options(options, DdrOptions, METHOD)
        provenance = Provenance(METHOD, self.weights_hash, seed)
        if self._renderer is not None:
            if steps not in {None, 1}:
                raise InvalidRequestError(f"steps is {steps} but a fitted scene needs none; leave steps=None")
            return SceneStream(self._renderer, source, targets, provenance)
        if steps is not None:
            chosen = replace(chosen, refine_steps=steps)
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
        pictures: int,
        progress: Progress | None,
        cancel: CancelToken | None,
    ) -> tuple[SceneRenderer, int]:
        def report(step: int, total: int, loss: float) -> None:
            del loss
            if progress is not None:
                progress(step, total + pictures)

        fitter = DdrFitter(device=self.device)
        outcome = fitter.fit(
            request.sources,
            budget=FitBudget(steps, options.fit_seconds),
            seed=request.seed,
            options=options,
            progress=report,
            cancel=cancel,
        )
        if outcome.stopped == "cancelled":
            raise SynthesisCancelled(
                f"method '{METHOD}' was cancelled after {outcome.steps} steps of its fit"
            )
        return SceneRenderer(DdrScene.unpacked(outcome.scene, torch.device(self.device))), outcome.steps

    def _check_open(self) -> None:
        if self._closed:
            raise EngineClosedError(f"method '{METHOD}' has been closed; load it again")


def view_of(
    pictures: Sequence[Picture], target: CameraTrajectory, stamps_ns: np.ndarray[Any, np.dtype[np.int64]]
) -> SynthesizedView:
    """Pictures of one target as a view."""
    depths = [picture.depth for picture in pictures if picture.depth is not None]
    return SynthesizedView(
        np.stack([picture.image for picture in pictures]),
        target.camera,
        target.camera_to_world,
        stamps_ns,
        np.stack([picture.confidence for picture in pictures]),
        np.stack(depths),
    )


def _check_cancel(cancel: CancelToken | None) -> None:
    if cancel is not None and cancel.is_set():
        raise SynthesisCancelled(f"method '{METHOD}' was cancelled between two pictures")
