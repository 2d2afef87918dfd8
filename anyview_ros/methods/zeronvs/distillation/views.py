"""A distilled scene as a method: any camera, at any rate that the rays allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.framewise import FramewiseMethod, FramewiseStream
from anyview_ros.methods.pictures import Picture, Pose, SourceFrame
from anyview_ros.methods.zeronvs.distillation.scene import METHOD, VERSION, DistilledScene
from anyview_ros.synthesis.description import LONGEST_CLIP, MethodDescription
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import Provenance, SynthesisResult
from anyview_ros.synthesis.scene_file import read_scene, scene_hash

_MOST_SOURCES = 8


class DistilledViews(FramewiseMethod):
    """Shows a scene that was distilled from one picture. Sources only tell the instants; nothing moves.

    ``confidence`` is the share of a pixel that shows a surface that the input camera saw: what was imagined has none.

    Args:
        scene: path of a scene that ``anyview fit --method zeronvs`` wrote.
        device: torch device; None takes CUDA where there is one.

    Raises:
        SceneFileError: no such file, damaged, or of another method or version.
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """

    load_arguments = frozenset({"device", "scene"})

    def __init__(self, *, scene: str, device: str | None = None) -> None:
        """Load the scene."""
        super().__init__()
        fitted = read_scene(scene, method=METHOD, version=VERSION)
        self.device = torch_device(device)
        self._scene: DistilledScene | None = DistilledScene.unpacked(fitted, torch.device(self.device))
        self.weights_hash = scene_hash(scene)

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        return MethodDescription(
            name=METHOD,
            summary="A still scene, distilled from one picture; what the picture does not show is imagined.",
            generative=True,
            source_count=(1, _MOST_SOURCES),
            clip_frames=(1, LONGEST_CLIP),
            streams=True,
            limits=(
                "Shows the instant that was distilled, whatever the sources show: nothing moves.",
                "Beyond the box that the field fills, all is painted on its walls.",
                "Colours do not change with the direction of view.",
            ),
        )

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Render every target; see :meth:`FramewiseMethod.synthesize`."""
        result = super().synthesize(request, progress=progress, cancel=cancel)
        return replace(result, provenance=replace(result.provenance, weights_hash=self.weights_hash))

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> FramewiseStream:
        """Open a stream; see :meth:`FramewiseMethod.open_stream`."""
        stream = super().open_stream(source, targets, steps=steps, seed=seed, options=options)
        return FramewiseStream(
            self, stream.source, stream.targets, None, Provenance(METHOD, self.weights_hash, seed)
        )

    def prepare(self, frame: SourceFrame, options: Any) -> None:
        """Nothing: the scene does not change."""

    def render(
        self, prepared: Sequence[Any], camera: PinholeCamera, camera_to_world: Pose, options: Any
    ) -> Picture:
        """The scene as a target sees it."""
        del prepared, options
        self._check_open()
        assert self._scene is not None  # noqa: S101 - for the type checker: only a closed one has none
        return self._scene.render(camera, camera_to_world)

    def close(self) -> None:
        """Free the scene. Closing twice is harmless."""
        super().close()
        self._scene = None
