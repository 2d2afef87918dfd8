"""Stage 1: a generating method is asked for views along the trajectory that the scene is then fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.any4d.observations import Observation, generated
from anyview_ros.methods.any4d.options import Any4DOptions
from anyview_ros.methods.framewise import target_instants
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.registry import load_synthesizer
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
    """
    if options.generator is None:
        return []
    generator = load_synthesizer(options.generator, device=device)
    try:
        description = generator.describe()
        asked = SynthesisRequest(
            request.sources[: description.source_count[1]],
            request.targets,
            options.generator_steps,
            request.seed,
            _generator_options(description, options),
        )
        views = generator.synthesize(asked, progress=progress, cancel=cancel).views
    finally:
        generator.close()
    made = []
    for index, (target, view) in enumerate(zip(request.targets, views, strict=True)):
        stamps_ns = target_instants(target, request.sources[0], index)
        pictures = generated(view, options.generated_weight, options.side)
        made += [
            picture.placed(pose, int(stamp_ns))
            for picture, pose, stamp_ns in zip(pictures, target.camera_to_world, stamps_ns, strict=True)
        ]
    return made


def _generator_options(description: MethodDescription, options: Any4DOptions) -> Any:
    chosen: Mapping[str, Any] = dict(options.generator_options or {})
    if options.prompt is None:
        return chosen or None
    kind = description.options_type
    known = {field.name for field in fields(kind)} if kind is not None and is_dataclass(kind) else set()
    if "prompt" not in known:
        raise InvalidRequestError(
            f"prompt is {options.prompt!r} but generator '{description.name}' takes no text; leave it out, or "
            "name a generator whose options have a prompt"
        )
    return {**chosen, "prompt": options.prompt}
