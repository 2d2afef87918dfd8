"""Stage 1: a generating method is asked for views along the trajectory that the scene is then fitted to."""

from __future__ import annotations

from anyview_ros.methods.any4d.generator import Generator
from anyview_ros.methods.any4d.observations import Observation, generated
from anyview_ros.methods.any4d.options import Any4DOptions
from anyview_ros.synthesis.instants import target_instants
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest


def generate(
    request: SynthesisRequest,
    options: Any4DOptions,
    *,
    device: str,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> list[Observation]:
    """Pictures along every target of the request.

    The trajectory that the generator is asked for and the one that its pictures are fitted at are one object: the
    request's target.

    Raises:
        InvalidRequestError: a prompt for a generator that takes none, or sources that it cannot take.
        UnknownMethodError: no such generator.
        WeightsError: its weights are missing or unfit.
    """
    generator = Generator.of(options)
    if generator is None:
        return []
    loaded = generator.load(device)
    try:
        asked = SynthesisRequest(
            request.sources[: loaded.describe().source_count[1]],
            request.targets,
            options.generator_steps,
            request.seed,
            generator.options_for(loaded),
        )
        views = loaded.synthesize(asked, progress=progress, cancel=cancel).views
    finally:
        loaded.close()
    made = []
    for index, (target, view) in enumerate(zip(request.targets, views, strict=True)):
        stamps_ns = target_instants(target, request.sources[0], index)
        pictures = generated(view, options.generated_weight, options.side)
        made += [
            picture.placed(pose, int(stamp_ns))
            for picture, pose, stamp_ns in zip(pictures, target.camera_to_world, stamps_ns, strict=True)
        ]
    return made
