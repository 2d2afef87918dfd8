"""LPIPS: how alike two pictures look to a network, with weights that the user has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, MissingDependencyError, WeightsError
from anyview_ros.metrics.lpips_networks import backbone_of, plain_names

if TYPE_CHECKING:
    import torch

UInt8 = NDArray[np.uint8]

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class Lpips:
    """Learned perceptual image patch similarity, version 0.1 (Zhang et al., CVPR 2018); lower is more alike.

    The network is that whose weights are given: VGG, AlexNet or SqueezeNet. Distances of different networks do not
    compare.

    Args:
        files: checkpoints that together have the convolutions of a network (``features.N.weight``…, torchvision's
            names) and ``linK.model.1.weight`` for each of its stages (the lpips package's ``vgg.pth``, ``alex.pth`` or
            ``squeeze.pth``), or that of a whole ``lpips.LPIPS``; .safetensors, or .pth, which is read with no code run.
        device: torch device.

    Attributes:
        network: "vgg", "alex" or "squeeze".

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
            tensors |= plain_names(_read(Path(file)))
        self._device = torch.device(device)
        self._backbone = backbone_of(tensors)
        self.network = self._backbone.name
        self._tensors = {
            name: _named(tensors, name, self.network).to(self._device) for name in self._backbone.names
        }
        self._weights = [
            _named(tensors, f"lin{k}.model.1.weight", self.network).flatten().to(self._device)
            for k in range(len(self._backbone.stages))
        ]

    def __call__(self, a: UInt8, b: UInt8) -> float:
        """The distance of two pictures, uint8 (H, W, 3) RGB of one size; sides of 16 pixels (AlexNet: 31) or more.

        Raises:
            InvalidInputError: other pictures.
        """
        import torch

        if (
            a.shape != b.shape
            or a.dtype != np.uint8
            or b.dtype != np.uint8
            or a.ndim != 3
            or a.shape[2] != 3
            or min(a.shape[:2]) < self._backbone.least_side
        ):
            raise InvalidInputError(
                f"pictures must be uint8 (H, W, 3) of one size, {self._backbone.least_side} pixels or more, got "
                f"{a.dtype} {a.shape} and {b.dtype} {b.shape}"
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

        shift = torch.tensor(_SHIFT, device=self._device)[:, None, None]
        scale = torch.tensor(_SCALE, device=self._device)[:, None, None]
        pixels = torch.from_numpy(np.array(image, order="C")).to(self._device)
        x = ((pixels.permute(2, 0, 1).float() / 127.5 - 1) - shift) / scale
        found = []
        for stage in self._backbone.stages:
            for step in stage:
                x = step.apply(x, self._tensors)
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


def _named(tensors: Mapping[str, torch.Tensor], name: str, network: str) -> torch.Tensor:
    if name not in tensors:
        raise WeightsError(
            f"the LPIPS weights lack {name}; give both torchvision's checkpoint of {network} and lpips' {network}.pth"
        )
    return tensors[name].float()
