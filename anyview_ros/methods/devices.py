"""The device that a method computes on."""

from __future__ import annotations

from anyview_ros.errors import InvalidInputError


def torch_device(name: str | None) -> str:
    """Name of a torch device that can be used; None takes CUDA where there is one.

    Raises:
        InvalidInputError: a device that PyTorch does not know or cannot use.
        ImportError: PyTorch is not installed.
    """
    import torch

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InvalidInputError(
            f"device {name!r} cannot be used ({error}); give 'cpu' or 'cuda:0'"
        ) from error
    return name
