"""Where a scene is fitted and rendered."""

from __future__ import annotations

import torch

from anyview_ros.errors import InvalidInputError


def torch_device(name: str | None) -> torch.device:
    """The device of this name; None takes CUDA where there is one.

    Raises:
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise InvalidInputError(
            f"device {name!r} cannot be used ({error}); give 'cpu' or 'cuda:0'"
        ) from error
