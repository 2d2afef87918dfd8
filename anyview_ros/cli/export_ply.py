"""``anyview export-ply``: a fitted scene at an instant, for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from anyview_ros.errors import InvalidInputError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "export-ply",
        help="write a fitted scene at an instant as PLY, for other programs",
        description="Write a scene that `anyview fit` made, as it is at an instant: Gaussians with the fields that "
        "viewers of 3-D Gaussian splatting know (any4d), or coloured points (ddr). Metres, in the world of the poses "
        "that were fitted to.",
        epilog="example: anyview export-ply scene.safetensors --at 1.5 --output scene.ply",
    )
    parser.add_argument("scene", help="file that `anyview fit` wrote")
    parser.add_argument(
        "--at",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="instant, counted from the first frame fitted to (default: 0)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="PLY file to write; one that is there is replaced",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the file."""
    from anyview_ros.synthesis import load_synthesizer
    from anyview_ros.synthesis.by_products import PlyExporter
    from anyview_ros.synthesis.scene_file import read_scene

    stamps_ns = [
        stamp for camera in read_scene(arguments.scene).cameras for stamp in camera.stamps_ns.tolist()
    ]
    first_ns, last_ns = min(stamps_ns), max(stamps_ns)
    length_s = (last_ns - first_ns) / 1e9
    if not 0 <= arguments.at <= length_s + 1e-3:
        raise InvalidInputError(f"--at is {arguments.at:g} s but the scene lasts from 0 to {length_s:g} s")
    synthesizer = load_synthesizer(scene=arguments.scene)
    try:
        if not isinstance(synthesizer, PlyExporter):
            name = synthesizer.describe().name
            raise InvalidInputError(
                f"method '{name}' of {arguments.scene} cannot write its scenes as PLY; "
                "fit one with --method ddr or any4d"
            )
        out: Path = arguments.output
        out.parent.mkdir(parents=True, exist_ok=True)
        count = synthesizer.write_ply(out, first_ns + round(1e9 * arguments.at))
    finally:
        synthesizer.close()
    print(f"{out}: {count} vertices")
    return 0
