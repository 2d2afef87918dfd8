"""What a method raised, turned into an error that says what was asked and what would help."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from anyview_ros.errors import AnyViewError, SynthesisError
from anyview_ros.synthesis.protocol import CancelToken, Progress, Synthesizer
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import SynthesisResult


def synthesized(
    synthesizer: Synthesizer,
    request: SynthesisRequest,
    *,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> SynthesisResult:
    """What a method makes of a request, for callers who deal with methods themselves, without an engine.

    Raises:
        AnyViewError: whatever it raised, as one of ours.
    """
    with telling_failures(synthesizer, sizes_of(request)):
        return synthesizer.synthesize(request, progress=progress, cancel=cancel)


@contextmanager
def telling_failures(synthesizer: Synthesizer, work: str) -> Iterator[None]:
    """Raise what a method raises within as one of ours; ``work`` is what was asked of it, for people."""
    try:
        yield
    except AnyViewError:
        raise
    except Exception as error:
        raise as_synthesis_error(error, work, str(getattr(synthesizer, "device", "cpu"))) from error


def as_synthesis_error(error: Exception, work: str, device: str) -> AnyViewError:
    """Return ``error`` if it is one of ours, else a SynthesisError caused by it.

    Args:
        error: what the method raised. If memory ran out, what the failed work still holds is freed.
        work: the sizes that were asked for, for people.
        device: the torch device.
    """
    if isinstance(error, AnyViewError):
        return error
    if is_out_of_memory(error):
        free_memory(error)
        wrapped = SynthesisError(
            f"out of memory on {device} while synthesising {work}; ask for fewer or smaller views and frames, "
            "or free memory on the device"
        )
    else:
        wrapped = SynthesisError(
            f"the method failed while synthesising {work}: {type(error).__name__}: {error}"
        )
    wrapped.__cause__ = error
    return wrapped


def check_view_count(got: int, wanted: int) -> None:
    """Hold a method to its contract.

    Raises:
        SynthesisError: it did not give one view per target.
    """
    if got != wanted:
        raise SynthesisError(f"the method gave {got} views for {wanted} targets; it must give one each")


def check_outcome_count(got: int, wanted: int) -> None:
    """Hold a method that batches to its contract.

    Raises:
        SynthesisError: it did not give one outcome per request.
    """
    if got != wanted:
        raise SynthesisError(f"the method gave {got} outcomes for {wanted} requests; it must give one each")


def sizes_of(request: SynthesisRequest) -> str:
    """The sizes of a request, for people: "2 frames of 640x480 into 3 views of 320x240"."""
    sources = ", ".join(
        f"{len(source)} frames of {source.camera.width}x{source.camera.height}" for source in request.sources
    )
    targets = ", ".join(
        f"{len(target)} views of {target.camera.width}x{target.camera.height}" for target in request.targets
    )
    return f"{sources} into {targets}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this was raised because the machine's or the device's memory ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    told = str(error)  # of TorchScript, it is a RuntimeError like any other
    return isinstance(error, RuntimeError) and ("can't allocate memory" in told or "out of memory" in told)


def free_memory(error: BaseException) -> None:
    """Free what the work that raised ``error`` still holds, on the device too."""
    traceback.clear_frames(error.__traceback__)
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
