"""COLMAP's sparse model as text: ``cameras.txt`` and ``images.txt`` (convert others with ``model_converter``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry import DistortedCamera, PinholeCamera, RigidTransform, invert_rigid
from anyview_ros.offline.picture_files import natural_order, read_picture
from anyview_ros.offline.posed_film import DEFAULT_RATE_HZ, FilmFrame, PosedFilm, even_stamps_ns, posed_film
from anyview_ros.offline.transforms_json import centre_at_our_pixel

# Model -> how many of its parameters come before the distortion (1: one focal length, 2: two), how many follow.
_MODELS = {
    "SIMPLE_PINHOLE": (1, 0),
    "PINHOLE": (2, 0),
    "SIMPLE_RADIAL": (1, 1),
    "RADIAL": (1, 2),
    "OPENCV": (2, 4),
    "FULL_OPENCV": (2, 8),
    "OPENCV_FISHEYE": (2, 4),
}


@dataclass(frozen=True, eq=False)
class ColmapImage:
    """One line of ``images.txt``.

    Attributes:
        name: of the picture's file, relative to the folder of pictures.
        camera: number of its camera.
        camera_to_world: float64 (4, 4), OpenCV axes, in the model's unit of length.
    """

    name: str
    camera: int
    camera_to_world: NDArray[np.float64]


def find_colmap(path: str | Path) -> Path | None:
    """The folder of the text model in or below ``path``, or None."""
    path = Path(path)
    for folder in (path, path / "0", path / "sparse", path / "sparse" / "0"):
        if (folder / "cameras.txt").is_file() and (folder / "images.txt").is_file():
            return folder
    return None


def read_colmap(
    path: str | Path, *, images: str | Path | None = None, camera: str = "", rate_hz: float | None = None
) -> PosedFilm:
    """Open the pictures of a text model in the order of their names; distorted ones are rectified as they are read.

    Args:
        path: folder with ``cameras.txt`` and ``images.txt``, or one that holds them in ``sparse`` or ``sparse/0``.
        images: folder of the pictures; None looks for ``images`` beside the model and up to two folders above.
        camera: number of the camera whose pictures are taken; "" if there is but one.
        rate_hz: frames per second; None for 10.

    Raises:
        ReadError: files that are missing or broken, several cameras and no choice, or an unknown model.
    """
    folder = find_colmap(path)
    if folder is None:
        raise ReadError(
            f"{path} has no cameras.txt and images.txt; export with colmap model_converter --output_type TXT"
        )
    cameras = read_cameras(folder / "cameras.txt")
    posed = sorted(read_images(folder / "images.txt"), key=lambda image: natural_order(image.name))
    number = _choose(folder, sorted({image.camera for image in posed}), camera)
    if number not in cameras:
        raise ReadError(f"{folder}/images.txt names camera {number}, which cameras.txt does not have")
    chosen = [image for image in posed if image.camera == number]
    pictures = _picture_folder(folder) if images is None else Path(images)

    def read(wanted: range) -> Iterator[FilmFrame]:
        for index in wanted:
            yield FilmFrame(read_picture(pictures / chosen[index].name))

    return posed_film(
        f"camera_{number}",
        cameras[number],
        np.stack([image.camera_to_world for image in chosen]),
        even_stamps_ns(len(chosen), DEFAULT_RATE_HZ if rate_hz is None else rate_hz),
        read,
        metric=False,
    )


def read_cameras(path: str | Path) -> dict[int, PinholeCamera | DistortedCamera]:
    """Read ``cameras.txt``: cameras by number.

    Raises:
        ReadError: a broken line, or a model that is not known.
    """
    found = {}
    for line in _lines(Path(path)):
        if not line:
            continue
        try:
            number, model, width, height, *parameters = line.split()
            found[int(number)] = _camera(model, int(width), int(height), [float(p) for p in parameters])
        except (ValueError, InvalidInputError) as error:
            raise ReadError(f"{path}: cannot use the line {line!r}: {error}") from error
    if not found:
        raise ReadError(f"{path} lists no cameras")
    return found


def read_images(path: str | Path) -> list[ColmapImage]:
    """Read ``images.txt``: every second line has the image's points and is passed over.

    Raises:
        ReadError: a broken line, or none.
    """
    lines = _lines(Path(path))
    while lines and not lines[0]:
        lines = lines[1:]
    if lines and not lines[-1]:
        lines = lines[
            :-1
        ]  # after the last newline; the line of an image without points is empty too, and stays
    found = []
    for line in lines[::2]:
        try:
            _, *numbers, camera, name = line.split(maxsplit=9)
            w, x, y, z, *translation = (float(value) for value in numbers)
            world_to_camera = RigidTransform.from_quaternion((x, y, z, w), translation).matrix
            found.append(ColmapImage(name, int(camera), invert_rigid(world_to_camera)))
        except (ValueError, InvalidInputError) as error:
            raise ReadError(f"{path}: cannot use the line {line!r}: {error}") from error
    if not found:
        raise ReadError(f"{path} lists no images")
    return found


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ReadError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ReadError(f"{path} is not UTF-8 text: {error}") from error
    return [line.strip() for line in text.split("\n") if not line.lstrip().startswith("#")]


def _camera(
    model: str, width: int, height: int, parameters: Sequence[float]
) -> PinholeCamera | DistortedCamera:
    if model not in _MODELS:
        raise InvalidInputError(
            f"camera model {model} is not known; use {', '.join(_MODELS)}, or undistort the pictures first"
        )
    focals, more = _MODELS[model]
    if len(parameters) != focals + 2 + more:
        raise InvalidInputError(f"{model} has {focals + 2 + more} parameters, got {len(parameters)}")
    fx, fy = parameters[0], parameters[focals - 1]
    cx, cy = (centre_at_our_pixel(value) for value in parameters[focals : focals + 2])
    pinhole = PinholeCamera(fx, fy, cx, cy, width, height)
    distortion = list(parameters[focals + 2 :])
    if model == "OPENCV_FISHEYE":  # one of zeros too
        return DistortedCamera(pinhole, "equidistant", distortion)
    if not any(distortion):
        return pinhole
    if model == "FULL_OPENCV":
        return DistortedCamera(pinhole, "rational_polynomial", distortion)
    return DistortedCamera(pinhole, "plumb_bob", [*distortion, 0.0, 0.0, 0.0][:4])


def _choose(folder: Path, numbers: Sequence[int], camera: str) -> int:
    if camera:
        if not camera.isdecimal() or int(camera) not in numbers:
            raise ReadError(f"{folder} has no pictures of camera {camera!r}; it has {numbers}")
        return int(camera)
    if len(numbers) > 1:
        raise ReadError(f"{folder} has pictures of cameras {numbers}; choose one")
    return numbers[0]


def _picture_folder(folder: Path) -> Path:
    places = [parent / "images" for parent in (folder, *folder.resolve().parents[:2])]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise ReadError(f"no folder of pictures at {', '.join(map(str, places))}; name it")
    return found
