"""Features of a video by a network that the user has, for a Fréchet video distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, MissingDependencyError, WeightsError
from anyview_ros.synthesis.failures import is_out_of_memory


class VideoNetwork:
    """A TorchScript file that makes features of videos, such as the I3D of StyleGAN-V's FVD (``i3d_torchscript.pt``).

    It is called as ``network(video, rescale=True, resize=True, return_features=True)`` with float32 (1, 3, T, H, W) of
    0 to 255. A TorchScript file is a program: take it only from where you trust.

    Args:
        file: the TorchScript file.
        device: torch device.

    Raises:
        WeightsError: a file that is no TorchScript.
        MissingDependencyError: PyTorch is not installed.
    """

    def __init__(self, file: str | Path, device: str = "cpu") -> None:
        try:
            import torch
        except ImportError as error:
            raise MissingDependencyError(
                "a learned video distance needs PyTorch; run `pip install 'anyview_ros[torch]'`"
            ) from error
        self._device = torch.device(device)
        try:
            self._network = torch.jit.load(str(file), map_location=self._device).eval()  # type: ignore[no-untyped-call]
        except (OSError, RuntimeError, ValueError) as error:
            raise WeightsError(
                f"cannot read video network {file}: {str(error).splitlines()[0]}; give a TorchScript file"
            ) from error

    def features(self, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Features (D,) of a video uint8 (T, H, W, 3), RGB.

        Raises:
            InvalidInputError: the network does not take it; I3D wants 10 frames or more.
        """
        import torch

        video = torch.from_numpy(np.ascontiguousarray(frames)).to(self._device).float()
        try:
            with torch.inference_mode():
                found = self._network(
                    video.permute(3, 0, 1, 2)[None], rescale=True, resize=True, return_features=True
                )
        except (RuntimeError, torch.jit.Error) as error:  # of an operation, and of a raise in the program
            if is_out_of_memory(error):
                raise
            raise InvalidInputError(
                f"the video network does not take {len(frames)} frames of {frames.shape[2]}x{frames.shape[1]}: "
                f"{str(error).strip().splitlines()[-1]}"
            ) from error
        return np.asarray(found.flatten().double().cpu().numpy(), np.float64)
