"""Fitted scenes in files: safetensors, with all that is not a tensor as JSON in the header."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import AnyViewError, MissingDependencyError, SceneFileError
from anyview_ros.files import sha256_of_file, sort_safetensors_notes, written_whole
from anyview_ros.geometry import PinholeCamera, check_rigid, check_stamps

FORMAT = "anyview_scene/1"


@dataclass(frozen=True, eq=False)
class SceneCamera:
    """A camera that a scene was fitted to.

    Attributes:
        name: of the camera, for people.
        camera: intrinsics as given.
        camera_to_world: float64 (T, 4, 4), metres, OpenCV axes: the poses as given.
        stamps_ns: int64 (T,), strictly increasing.
        refined_camera_to_world: float64 (T, 4, 4), the poses after the fit; those given if it left them alone.
        refined_camera: intrinsics after the fit; those given if it left them alone.

    Raises:
        InvalidPoseError, InvalidClipError: poses or stamps that no clip can have.
    """

    name: str
    camera: PinholeCamera
    camera_to_world: NDArray[np.float64]
    stamps_ns: NDArray[np.int64]
    refined_camera_to_world: NDArray[np.float64]
    refined_camera: PinholeCamera

    def __post_init__(self) -> None:
        given = check_rigid(self.camera_to_world, name="camera_to_world")
        refined = check_rigid(self.refined_camera_to_world, name="refined_camera_to_world")
        object.__setattr__(self, "camera_to_world", given)
        object.__setattr__(self, "refined_camera_to_world", refined)
        object.__setattr__(self, "stamps_ns", check_stamps(self.stamps_ns, len(given)))
        check_stamps(self.stamps_ns, len(refined))

    @classmethod
    def as_given(cls, name: str, clip: PosedClip) -> SceneCamera:
        """The camera of a clip, with poses and intrinsics that no fit has changed."""
        poses = clip.camera_to_world
        return cls(name, clip.camera, poses, clip.stamps_ns, poses, clip.camera)


@dataclass(frozen=True, eq=False)
class FittedScene:
    """What a fit leaves behind: enough to render from, and to tell where it comes from.

    Attributes:
        method: registered name of the method that fitted it and that renders it.
        version: of the method's own layout of tensors and settings; a method refuses versions it does not know.
        tensors: the method's arrays by name; any dtype that NumPy and safetensors share.
        cameras: the cameras it was fitted to, one per clip: at least one.
        settings: what the method needs to render besides the tensors; anything JSON can say.
        provenance: how it was made (steps, seed, options, source, package version...); anything JSON can say.
    """

    method: str
    version: int
    tensors: Mapping[str, NDArray[Any]]
    cameras: tuple[SceneCamera, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)


def write_scene(path: Path, scene: FittedScene) -> None:
    """Write a scene to ``path``; an interruption leaves the former file or none.

    Raises:
        MissingDependencyError: safetensors is not installed.
    """
    save = _safetensors().save
    header = {
        "format": FORMAT,
        "method": scene.method,
        "version": str(scene.version),
        "cameras": json.dumps([_camera_to_json(camera) for camera in scene.cameras]),
        "settings": json.dumps(dict(scene.settings)),
        "provenance": json.dumps(dict(scene.provenance)),
    }
    tensors = {name: np.ascontiguousarray(value) for name, value in scene.tensors.items()}
    with written_whole(path) as unfinished:
        unfinished.write_bytes(save(tensors, header))
        sort_safetensors_notes(unfinished)


def read_scene(path: Path | str, *, method: str | None = None, version: int | None = None) -> FittedScene:
    """Read a scene.

    Args:
        path: of the file.
        method: the method that it must be of; None for any.
        version: the version that it must have; None for any.

    Raises:
        SceneFileError: no such file, damaged, no scene, or of another method or version.
        MissingDependencyError: safetensors is not installed.
    """
    path = Path(path)
    header, tensors = _read(path, with_tensors=True)
    found = str(header.get("method", ""))
    if method is not None and found != method:
        raise SceneFileError(
            f"{path} was fitted by method '{found}', not '{method}'; load it with method '{found}'"
        )
    try:
        scene = FittedScene(
            found,
            int(header["version"]),
            tensors,
            _cameras_from_json(json.loads(header["cameras"])),
            dict(json.loads(header["settings"])),
            dict(json.loads(header["provenance"])),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError, AnyViewError) as error:
        raise SceneFileError(f"the header of {path} cannot be used ({error}); fit the scene again") from error
    if version is not None and scene.version != version:
        raise SceneFileError(
            f"{path} has version {scene.version} of the scenes of '{found}', this package knows {version}; "
            "fit the scene again, or use the package that wrote it"
        )
    return scene


def scene_method(path: Path | str) -> str:
    """The name of the method that fitted the scene at ``path``; only the header is read.

    Raises:
        SceneFileError: no such file, damaged, or no scene.
        MissingDependencyError: safetensors is not installed.
    """
    header, _ = _read(Path(path), with_tensors=False)
    return str(header.get("method", ""))


def scene_hash(path: Path | str) -> str:
    """The sha256 of a scene file, hex: what ``Provenance.weights_hash`` says of its views."""
    return sha256_of_file(Path(path))


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise MissingDependencyError(
            "scenes are kept in safetensors files: pip install 'safetensors>=0.4'"
        ) from error
    return safetensors.numpy


def _read(path: Path, *, with_tensors: bool) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    _safetensors()
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise SceneFileError(
            f"there is no scene at {path}; fit one with `anyview fit SOURCE --output {path}`"
        )
    try:
        with safe_open(str(path), framework="numpy") as file:
            header: dict[str, str] = file.metadata() or {}
            names = file.keys() if with_tensors else ()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise SceneFileError(f"{path} is damaged or no safetensors file ({error}); fit it again") from error
    except (TypeError, AttributeError) as error:
        raise SceneFileError(
            f"{path} holds tensors of a type that NumPy does not know ({error}): it is no fitted scene"
        ) from error
    if header.get("format") != FORMAT:
        raise SceneFileError(
            f"{path} has format {header.get('format')!r} in its header, not {FORMAT!r}: it is no fitted scene"
        )
    return header, tensors


def _intrinsics(camera: PinholeCamera) -> dict[str, float]:
    return {name: getattr(camera, name) for name in ("fx", "fy", "cx", "cy", "width", "height")}


def _camera_to_json(camera: SceneCamera) -> dict[str, Any]:
    return {
        "name": camera.name,
        "intrinsics": _intrinsics(camera.camera),
        "camera_to_world": camera.camera_to_world.tolist(),
        "stamps_ns": camera.stamps_ns.tolist(),
        "refined_camera_to_world": camera.refined_camera_to_world.tolist(),
        "refined_intrinsics": _intrinsics(camera.refined_camera),
    }


def _cameras_from_json(entries: Sequence[Mapping[str, Any]]) -> tuple[SceneCamera, ...]:
    if not entries:
        raise ValueError("cameras is empty")
    return tuple(_camera_from_json(entry) for entry in entries)


def _camera_from_json(entry: Mapping[str, Any]) -> SceneCamera:
    return SceneCamera(
        str(entry["name"]),
        PinholeCamera(**entry["intrinsics"]),
        np.array(entry["camera_to_world"], np.float64),
        np.array(entry["stamps_ns"], np.int64),
        np.array(entry["refined_camera_to_world"], np.float64),
        PinholeCamera(**entry["refined_intrinsics"]),
    )
