"""LPIPS: how alike two pictures look to a network, with weights that the user has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, MissingDependencyError, WeightsError

if TYPE_CHECKING:
    import torch

UInt8 = NDArray[np.uint8]

# VGG-16 (Simonyan and Zisserman, 2014): stages of 3x3 convolutions, each stage but the first after a halving; numbers
# are those of the layers in torchvision's checkpoint.
_STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class Lpips:
    """Learned perceptual image patch similarity, VGG, version 0.1 (Zhang et al., CVPR 2018); lower is more alike.

    Args:
        files: checkpoints that together have ``features.N.weight`` and ``features.N.bias`` of VGG-16 (torchvision's
            names) and ``linK.model.1.weight``, K from 0 to 4 (the lpips package's ``vgg.pth``); .safetensors, or .pth,
            which is read with no code run.
        device: torch device.

    Raises:
        WeightsError: files that cannot be read, or lack one of these.
        MissingDependencyError: PyTorch is not installed.
    """

    def __init__(self, files: Sequence[str | Path], device: str = "cpu") -> None:
        try:
            import torch
        except ImportError as error:
            raise MissingDependencyError(
                "LPIPS needs PyTorch; run `pip install 'anyview_ros[torch]'`"
            ) from error
        tensors: dict[str, torch.Tensor] = {}
        for file in files:
            tensors |= _read(Path(file))
        self._device = torch.device(device)
        self._layers = {
            number: (_named(tensors, f"features.{number}.weight"), _named(tensors, f"features.{number}.bias"))
            for stage in _STAGES
            for number in stage
        }
        self._weights = [_named(tensors, f"lin{k}.model.1.weight").flatten() for k in range(len(_STAGES))]
        self._layers = {
            number: (weight.to(self._device), bias.to(self._device))
            for number, (weight, bias) in self._layers.items()
        }
        self._weights = [weight.to(self._device) for weight in self._weights]

    def __call__(self, a: UInt8, b: UInt8) -> float:
        """The distance of two pictures, uint8 (H, W, 3) RGB of one size, 16 x 16 pixels or more.

        Raises:
            InvalidInputError: other pictures.
        """
        import torch

        if (
            a.shape != b.shape
            or a.dtype != np.uint8
            or b.dtype != np.uint8
            or a.ndim != 3
            or min(a.shape[:2]) < 16
        ):
            raise InvalidInputError(
                f"pictures must be uint8 (H, W, 3) of one size, 16 pixels or more, got {a.shape} and {b.shape}"
            )
        distance = 0.0
        with torch.inference_mode():
            pairs = zip(self._features(a), self._features(b), self._weights, strict=True)
            for first, second, weight in pairs:
                apart = (_unit(first) - _unit(second)).square()
                distance += float((apart * weight[:, None, None]).sum(0).mean())
        return distance

    def _features(self, image: UInt8) -> list[torch.Tensor]:
        import torch
        from torch.nn import functional

        shift = torch.tensor(_SHIFT, device=self._device)[:, None, None]
        scale = torch.tensor(_SCALE, device=self._device)[:, None, None]
        pixels = torch.from_numpy(np.ascontiguousarray(image)).to(self._device)
        x = ((pixels.permute(2, 0, 1).float() / 127.5 - 1) - shift) / scale
        found = []
        for index, stage in enumerate(_STAGES):
            if index:
                x = functional.max_pool2d(x, 2)
            for number in stage:
                weight, bias = self._layers[number]
                x = functional.relu(functional.conv2d(x[None], weight, bias, padding=1))[0]
            found.append(x)
        return found


def _unit(features: torch.Tensor) -> torch.Tensor:
    return features / (features.square().sum(0, keepdim=True).sqrt() + 1e-10)


def _read(file: Path) -> dict[str, torch.Tensor]:
    import pickle

    import torch

    if file.suffix == ".safetensors":
        return _read_safetensors(file)
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError, EOFError) as error:
        raise WeightsError(f"cannot read weights {file}: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{file} holds a {type(content).__name__}; it must be a state dict")
    return {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}


def _read_safetensors(file: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read weights {file}: {error}") from error


def _named(tensors: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    if name not in tensors:
        raise WeightsError(
            f"the LPIPS weights lack {name}; give both torchvision's vgg16 checkpoint and lpips' vgg.pth"
        )
    return tensors[name].float()
