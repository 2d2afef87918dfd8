"""Pictures and depth images in files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
from anyview_ros.messages.whole_pictures import decoded
from anyview_ros.offline.numpy_files import BROKEN_NUMPY_FILE

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


def list_pictures(folder: str | Path) -> list[Path]:
    """The JPEG and PNG files of a folder; numbers in their names count as numbers, so that 9 comes before 10.

    Raises:
        ReadError: the folder holds none.
    """
    found = [path for path in Path(folder).iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    if not found:
        raise ReadError(f"{folder} holds no pictures; put .jpg or .png files there")
    return sorted(found, key=lambda path: natural_order(path.name))


def natural_order(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key for sorting in which runs of digits count as numbers; names of equal numbers go by their letters."""
    return [(int(digits or -1), text) for digits, text in re.findall(r"(\d+)|(\D+)", name)], name


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """Read a picture as it is stored (a camera's turn noted in it is not applied): uint8 (H, W, 3), RGB.

    Raises:
        ReadError: the file is missing or broken, has more than 8 bits, or is transparent somewhere.
    """
    import cv2

    pixels = decoded(picture_bytes(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise ReadError(f"cannot read picture {path}; it is cut off or no JPEG or PNG")
    if pixels.dtype != np.uint8:
        raise ReadError(f"picture {path} is {pixels.dtype}; convert it to 8 bits per channel")
    if pixels.ndim == 2:
        return np.ascontiguousarray(np.repeat(pixels[..., None], 3, axis=2))
    if pixels.shape[2] == 4 and (pixels[..., 3] < 255).any():
        raise ReadError(f"picture {path} is transparent; flatten it onto a background of your choice")
    return np.ascontiguousarray(pixels[..., 2::-1])


def picture_bytes(path: str | Path) -> bytes:
    """The content of a picture's file.

    Raises:
        ReadError: there is none, or it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ReadError(f"cannot read picture {path}: {error.strerror}") from error


def read_depth_values(path: str | Path) -> NDArray[np.float32]:
    """Read the numbers of a depth image, (H, W), as written: PNG of 16 bit grey, or a NumPy ``.npy`` of numbers.

    Raises:
        ReadError: the file is missing, broken or of another kind.
    """
    import cv2

    path = Path(path)
    values: NDArray[Any] | None
    if path.suffix == ".npy":
        try:
            values = np.load(path, allow_pickle=False)
        except BROKEN_NUMPY_FILE as error:
            raise ReadError(f"cannot read depth {path}: {error}") from error
    else:
        values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ReadError(f"cannot read depth {path}; it is missing, cut off or no PNG")
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    numbers = np.issubdtype(values.dtype, np.floating) or values.dtype == np.uint16
    if values.ndim != 2 or not numbers:
        raise ReadError(
            f"depth {path} is {values.dtype} {values.shape}; it must be (H, W), 16 bit grey or floating point"
        )
    return values.astype(np.float32)
