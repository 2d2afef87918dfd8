"""``anyview inspect-rays``: how density and rendering weights lie along rays of a fitted scene."""

from __future__ import annotations

import argparse
from pathlib import Path

from anyview_ros.errors import InvalidInputError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "inspect-rays",
        help="show how rendering weights lie along rays of a scene that method ddr fitted",
        description="Draw rendering weights (blue), density (grey) and expected depth (red) along rays through pixels "
        "of a camera that the scene was fitted to. One sharp peak is a surface; a wide hump is fog.",
        epilog="example: anyview inspect-rays scene.safetensors --frame 3 --pixel 40 30 --output rays.png",
    )
    parser.add_argument("scene", help="file that `anyview fit` wrote")
    parser.add_argument(
        "--frame", type=int, default=0, metavar="N", help="frame of the source camera, from 0 (default: 0)"
    )
    parser.add_argument(
        "--pixel",
        type=float,
        nargs=2,
        action="append",
        metavar=("COLUMN", "ROW"),
        help="pixel of that frame; may be repeated (default: five across the middle of the picture)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="PNG to write; arrays go beside it, as .npz",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw and write."""
    import cv2
    import torch

    from anyview_ros.methods.ddr.inspection import draw_profiles, middle_row, ray_profiles, save_profiles
    from anyview_ros.methods.ddr.scene import METHOD, VERSION, DdrScene
    from anyview_ros.synthesis.scene_file import read_scene

    out: Path = arguments.output
    if out.suffix.lower() != ".png":
        raise InvalidInputError(f"--output is {out}; give a file that ends in .png")
    fitted = read_scene(arguments.scene, method=METHOD, version=VERSION)
    camera = fitted.cameras[0]
    if not 0 <= arguments.frame < len(camera.stamps_ns):
        raise InvalidInputError(
            f"--frame is {arguments.frame} but the scene was fitted to frames 0 to {len(camera.stamps_ns) - 1}"
        )
    lens = camera.refined_camera
    for column, row in arguments.pixel or ():
        if not lens.contains((column, row)):
            raise InvalidInputError(
                f"--pixel {column:g} {row:g} is not on the picture of {lens.width}x{lens.height}; "
                f"give columns below {lens.width} and rows below {lens.height}"
            )
    profiles = ray_profiles(
        DdrScene.unpacked(fitted, torch.device("cpu")),
        lens,
        camera.refined_camera_to_world[arguments.frame],
        int(camera.stamps_ns[arguments.frame]),
        arguments.pixel or middle_row(lens),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(out), draw_profiles(profiles)[..., ::-1]):
        raise InvalidInputError(f"{out} could not be written; give a file in a folder that may be written to")
    save_profiles(out.with_suffix(".npz"), profiles)
    print(f"{out} and {out.with_suffix('.npz')}")
    return 0
