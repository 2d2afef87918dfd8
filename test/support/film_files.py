"""Clips written in the formats that people have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import invert_rigid, opencv_to_opengl, quaternion_from_matrix


def write_pictures(folder: Path, clip: PosedClip) -> list[str]:
    """The clip's pictures as frame_1.png, frame_2.png, … (unpadded); returns their names."""
    folder.mkdir(parents=True)
    names = [f"frame_{index + 1}.png" for index in range(len(clip))]
    for name, frame in zip(names, clip.frames, strict=True):
        assert cv2.imwrite(str(folder / name), np.ascontiguousarray(frame[..., ::-1]))
    return names


def write_depths(folder: Path, clip: PosedClip) -> list[str]:
    """Its depth as PNGs in millimetres."""
    assert clip.depth is not None
    folder.mkdir(parents=True)
    names = [f"depth_{index + 1}.png" for index in range(len(clip))]
    for name, depth in zip(names, clip.depth, strict=True):
        assert cv2.imwrite(str(folder / name), np.round(depth * 1000).astype(np.uint16))
    return names


def transforms_content(folder: Path, clip: PosedClip, *, depth: bool = True) -> dict[str, Any]:
    """Pictures and depth written to ``folder``, and what transforms.json says of them."""
    pictures = write_pictures(folder / "images", clip)
    depths = write_depths(folder / "depth", clip) if depth else []
    camera = clip.camera
    frames: list[dict[str, Any]] = [
        {"file_path": f"images/{name}", "transform_matrix": opencv_to_opengl(pose).tolist()}
        for name, pose in zip(pictures, clip.camera_to_world, strict=True)
    ]
    for frame, name in zip(frames, depths, strict=False):
        frame["depth_file_path"] = f"depth/{name}"
    return {
        "camera_model": "OPENCV",
        "fl_x": camera.fx,
        "fl_y": camera.fy,
        "cx": camera.cx + 0.5,
        "cy": camera.cy + 0.5,
        "w": camera.width,
        "h": camera.height,
        "frames": frames,
    }


def write_transforms(folder: Path, clip: PosedClip, *, depth: bool = True, **changed: Any) -> Path:
    """A transforms.json with its pictures; entries may be changed, or taken out with None."""
    content = {**transforms_content(folder, clip, depth=depth), **changed}
    path = folder / "transforms.json"
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return path


def write_colmap(folder: Path, clip: PosedClip) -> Path:
    """A COLMAP text model in sparse/0, with images/ beside it; images are listed backwards."""
    names = write_pictures(folder / "images", clip)
    model = folder / "sparse" / "0"
    model.mkdir(parents=True)
    c = clip.camera
    (model / "cameras.txt").write_text(
        f"# Camera list\n1 PINHOLE {c.width} {c.height} {c.fx!r} {c.fy!r} {c.cx + 0.5!r} {c.cy + 0.5!r}\n"
    )
    lines = ["# Image list", "# two lines each"]
    for index in reversed(range(len(clip))):
        world_to_camera = invert_rigid(clip.camera_to_world[index])
        x, y, z, w = quaternion_from_matrix(world_to_camera[:3, :3])
        numbers = " ".join(repr(float(v)) for v in (w, x, y, z, *world_to_camera[:3, 3]))
        lines += [f"{index + 1} {numbers} 1 {names[index]}", "1.5 2.5 -1 3.5 4.5 7" if index % 2 else ""]
    (model / "images.txt").write_text("\n".join(lines) + "\n")
    return folder
