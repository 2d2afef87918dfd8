"""One question to a method: what did these sources look like from those cameras?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import CameraTrajectory
from anyview_ros.synthesis.description import MethodDescription

LONGEST_TIMEOUT_S = 86_400.0
"""A day: the longest time limit that a request may have; timers and locks could not wait for ever longer ones."""


@dataclass(frozen=True, eq=False)
class SynthesisRequest:
    """Source clips and the camera trajectories from which they should be seen.

    Attributes:
        sources: what real cameras saw, in one world frame.
        targets: the virtual cameras, in the same world frame.
        steps: sampling steps; None leaves the choice to the method.
        seed: seed of every random draw; same request, seed, device and thread count: same pixels.
        options: the method's own options: its dataclass, or a mapping from field name to value; None for defaults.

    Raises:
        InvalidRequestError: no source, no target, a step count below one, or a seed that is negative or has more
            than 64 bits.
    """

    sources: tuple[PosedClip, ...]
    targets: tuple[CameraTrajectory, ...]
    steps: int | None = None
    seed: int = 0
    options: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "sources", tuple(self.sources))
        object.__setattr__(self, "targets", tuple(self.targets))
        if not self.sources:
            raise InvalidRequestError("sources is empty; give at least one PosedClip")
        if not self.targets:
            raise InvalidRequestError("targets is empty; give at least one CameraTrajectory")
        _check_least(self.steps)
        check_seed(self.seed)


def check_request(request: SynthesisRequest, description: MethodDescription) -> None:
    """Check a request against what the method says it can do.

    Raises:
        InvalidRequestError: the number of sources or frames, missing depth, or steps that the method lacks.
    """
    _check_range("sources", len(request.sources), description.source_count, description.name)
    for index, source in enumerate(request.sources):
        _check_range(f"frames of sources[{index}]", len(source), description.clip_frames, description.name)
        _check_step(f"frames of sources[{index}]", len(source), description)
        if description.needs_depth and source.depth is None:
            raise InvalidRequestError(
                f"sources[{index}] has no depth and method '{description.name}' needs it; "
                "give PosedClip(depth=...) or choose another method"
            )
    check_steps(request.steps, description)


def check_steps(steps: int | None, description: MethodDescription) -> None:
    """Check the number of steps of a request or stream; None leaves it to the method.

    Raises:
        InvalidRequestError: fewer than one, or more than one of a method that does not sample in steps.
    """
    _check_least(steps)
    if steps is not None and description.default_steps == 0 and steps != 1:
        raise InvalidRequestError(
            f"steps is {steps} but method '{description.name}' does not sample in steps; leave steps=None"
        )


def check_seed(seed: int) -> None:
    """Check the seed of a request, stream or fit.

    Raises:
        InvalidRequestError: it is negative, or of more than 64 bits.
    """
    if not 0 <= seed < 2**64:
        raise InvalidRequestError(f"seed is {seed}; give 0 to 2**64 - 1")


def check_timeout(timeout_s: float, *, otherwise: str, name: str = "timeout_s") -> None:
    """Check a time limit in seconds.

    Args:
        timeout_s: the limit.
        otherwise: what to give for no limit of one's own, for the message: such as "None for the engine's default".
        name: of the limit, for the message.

    Raises:
        InvalidRequestError: not positive, or longer than a day.
    """
    if not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        raise InvalidRequestError(
            f"{name} is {timeout_s:g}; give seconds above 0, at most {LONGEST_TIMEOUT_S:g} (a day), or {otherwise}"
        )


def _check_least(steps: int | None) -> None:
    if steps is not None and steps < 1:
        raise InvalidRequestError(
            f"steps is {steps}; give 1 or more, or leave it out for the method's default"
        )


def _check_range(thing: str, value: int, bounds: tuple[int, int], method: str) -> None:
    low, high = bounds
    if not low <= value <= high:
        wanted = f"exactly {low}" if low == high else f"{low} to {high}"
        raise InvalidRequestError(f"number of {thing} is {value} but method '{method}' takes {wanted}")


def _check_step(thing: str, value: int, description: MethodDescription) -> None:
    fewest, most = description.clip_frames
    below = description.usable_frames(value)
    if below == value:
        return
    above = below + description.clip_frames_step
    wanted = f"{below} or {above}" if above <= most else f"{below}"
    raise InvalidRequestError(
        f"number of {thing} is {value} but method '{description.name}' takes {fewest}, "
        f"{fewest + description.clip_frames_step}, ... {most}; give {wanted}"
    )


def resolve_options(options: Any, options_type: type | None, method: str) -> Any:
    """Return ``options`` as an instance of the method's own dataclass.

    Args:
        options: None, an instance of ``options_type``, or a mapping from field name to value.
        options_type: the method's dataclass, or None if it has no options.
        method: the method's name, for messages.

    Raises:
        InvalidRequestError: an option the method does not have, or options of another type.
    """
    if options_type is None:
        if options:
            raise InvalidRequestError(
                f"options is {options!r} but method '{method}' has no options; leave it out"
            )
        return None
    if options is None:
        return options_type()
    if isinstance(options, options_type):
        return options
    if not isinstance(options, Mapping) or not is_dataclass(options_type):
        raise InvalidRequestError(
            f"options must be a {options_type.__name__} or a mapping, got {type(options).__name__}"
        )
    known = {f.name for f in fields(options_type)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise InvalidRequestError(
            f"unknown option {', '.join(map(repr, unknown))} for method '{method}'; "
            f"it knows {', '.join(sorted(known))}"
        )
    return options_type(**options)


def told_options(options: Any) -> dict[str, Any]:
    """Options, as :func:`resolve_options` returns them, as JSON can say them: files by their names; {} for none."""
    if not is_dataclass(options) or isinstance(options, type):
        return {}
    told: dict[str, Any] = json.loads(json.dumps(asdict(options), default=str))
    return told
