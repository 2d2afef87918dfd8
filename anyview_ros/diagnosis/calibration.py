"""What a CameraInfo says, kept as it is said, wrong or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidCameraError
from anyview_ros.geometry import DistortedCamera, PinholeCamera

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A camera's calibration as its CameraInfo (REP 104) or its episode gives it.

    Attributes:
        frame: optical frame.
        width, height: size of the full, unbinned image.
        model: of distortion; "" if none is named.
        d, k, r, p: coefficients, K (9), R (9) and P (12), row by row.
        binning: (x, y); 0 means 1.
        region: x, y, width and height of the region of interest; zeros for the full image.
    """

    frame: str
    width: int
    height: int
    model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]
    binning: tuple[int, int] = (0, 0)
    region: tuple[int, int, int, int] = (0, 0, 0, 0)

    @classmethod
    def of_pinhole(cls, camera: PinholeCamera, frame: str = "") -> Calibration:
        """The calibration of a camera without distortion."""
        K = camera.matrix
        p = tuple(np.hstack([K, np.zeros((3, 1))]).ravel().tolist())
        r = tuple(np.eye(3).ravel().tolist())
        return cls(
            frame, camera.width, camera.height, "plumb_bob", (0.0,) * 5, tuple(K.ravel().tolist()), r, p
        )

    @property
    def K(self) -> Array:
        """(3, 3)."""
        return np.array(self.k).reshape(3, 3)

    @property
    def P(self) -> Array:
        """The left of P, (3, 3)."""
        return np.array(self.p).reshape(3, 4)[:, :3]

    @property
    def is_calibrated(self) -> bool:
        """Whether K is set."""
        return self.k[0] != 0

    @property
    def is_finite(self) -> bool:
        """Whether no value is nan or infinite."""
        return bool(np.isfinite([*self.d, *self.k, *self.r, *self.p]).all())

    @property
    def is_distorted(self) -> bool:
        """Whether the raw image has distortion; a fisheye has it with coefficients of zero too."""
        return any(self.d) or self.model in ("equidistant", "fisheye")

    @property
    def image_size(self) -> tuple[int, int]:
        """Size (width, height) of the image that this belongs to, region and binning considered."""
        _, _, width, height = self.region
        if width == 0 and height == 0:
            width, height = self.width, self.height
        return width // max(self.binning[0], 1), height // max(self.binning[1], 1)

    def pinhole(self, *, rectified: bool) -> PinholeCamera:
        """The intrinsics of the image: P of a rectified one (K where P is not set), else K.

        Raises:
            InvalidCameraError: a calibration that no camera can have.
        """
        matrix = self.P if rectified and self.p[0] != 0 else self.K
        x, y, width, height = self.region
        if width == 0 and height == 0:
            x, y, width, height = 0, 0, self.width, self.height
        full = PinholeCamera.from_matrix(matrix, self.width, self.height)
        return full.cropped(x, y, width, height).binned(*self.binning)

    def lens(self, *, rectified: bool) -> DistortedCamera:
        """What rectifies the image; nothing is done to an image that is rectified or has no distortion.

        Raises:
            InvalidCameraError: as :meth:`pinhole`, or an unknown model or number of coefficients.
        """
        pinhole = self.pinhole(rectified=rectified)
        if rectified or not self.is_distorted:
            return DistortedCamera(pinhole, "plumb_bob", ())
        if not self.model:
            raise InvalidCameraError(f"coefficients d = {list(self.d)} but no distortion_model")
        return DistortedCamera(pinhole, self.model, np.asarray(self.d))
