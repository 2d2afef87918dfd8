"""``anyview fit``: make a scene of a recorded film, to be looked at from anywhere."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from anyview_ros.cli.arguments import HelpFormatter, add_device, add_options, add_seed
from anyview_ros.cli.interruption import INTERRUPTED, interruptible
from anyview_ros.cli.synthesize import add_source_arguments, open_film, told_source
from anyview_ros.cli.training_runs import ProgressLine
from anyview_ros.errors import InvalidInputError
from anyview_ros.wording import counted

if TYPE_CHECKING:
    from anyview_ros.clips import PosedClip
    from anyview_ros.offline.posed_film import PosedFilm
    from anyview_ros.synthesis.fitting import FitOutcome

_MOST_BYTES = 4 * 2**30
_EPILOG = """\
examples:
  anyview fit episode/ --camera cam0 --method ddr --output scene.safetensors
  anyview fit film.mp4 --calibration cam.yaml --source-poses poses.json --frames 0:100:2 --output scene.safetensors
  anyview synthesize film.mp4 --calibration cam.yaml --scene scene.safetensors --orbit 20 --output swing

sources are those of `anyview synthesize`. Interrupt it at any time (Ctrl-C) and run the same command again: it goes on
where it was. Beside NAME.safetensors lie the refined camera poses: NAME.poses.json, for --source-poses and --pose, and
NAME.transforms.yaml, ROS transforms whose child is a frame of its own, ..._refined_optical_frame.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "fit",
        help="make a scene of a recorded film, to be looked at from anywhere",
        description="Fit a scene to a posed film. What it shows is reconstructed, not seen.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("source", help="what was filmed; see `anyview synthesize --help`")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="file of the scene, .safetensors"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a scene that is there")
    add_source_arguments(parser.add_argument_group("the source"))
    group = parser.add_argument_group("the fit")
    group.add_argument("--method", default="ddr", help="a method that fits scenes (default: ddr)")
    add_device(group)
    group.add_argument("--steps", type=int, help="optimisation steps in all (default: the method's)")
    group.add_argument(
        "--minutes", type=float, help="stop after so many; run again to go on (default: at the end)"
    )
    add_seed(group)
    add_options(group)
    group.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="file that keeps the whole state (default: --output with .fit before its suffix; deleted when done)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fit; 0 when done, 1 when the time was up or the fit diverged, 130 when interrupted."""
    from anyview_ros.offline.synthesize import parse_options
    from anyview_ros.synthesis.fitting import FitBudget, load_fitter
    from anyview_ros.synthesis.request import check_seed

    out: Path = arguments.output
    checkpoint: Path = arguments.checkpoint or out.with_name(f"{out.stem}.fit{out.suffix}")
    _check_outputs(arguments, out, checkpoint)
    check_seed(arguments.seed)
    fitter = load_fitter(arguments.method, device=arguments.device)
    options = parse_options(arguments.option, fitter.options_type, fitter.name)
    seconds = None if arguments.minutes is None else 60 * arguments.minutes
    budget = FitBudget(arguments.steps, seconds)
    opened, film = open_film(arguments)
    print(told_source(opened, film))
    clip = whole_clip(film)
    if checkpoint.exists():
        print(f"going on with what {checkpoint} keeps")
    line = ProgressLine(sys.stderr, None, smooth=False)
    with interruptible() as cancel:
        outcome = fitter.fit(
            [clip],
            budget=budget,
            seed=arguments.seed,
            options=options,
            progress=line.update,
            cancel=cancel,
            checkpoint=checkpoint,
        )
    line.end()
    return conclude(outcome, film.name, arguments.source, out, checkpoint)


def _check_outputs(arguments: argparse.Namespace, out: Path, checkpoint: Path) -> None:
    """See that nothing is written over that the fit reads, or that an earlier run has not written."""
    inputs = [
        Path(given) for given in (arguments.source, arguments.calibration, arguments.source_poses) if given
    ]
    outputs = (out, _poses_of(out), _transforms_of(out))
    for file in (*outputs, *inputs):
        if checkpoint.resolve() == file.resolve():
            raise InvalidInputError(
                f"the checkpoint {checkpoint}, which is deleted when the fit is done, is also what the fit "
                f"{'writes' if file in outputs else 'reads'}; give another --checkpoint, or leave it out"
            )
    for file in outputs:
        if any(file.resolve() == path.resolve() for path in inputs):
            raise InvalidInputError(
                f"{file} would be written, but is what the fit reads; give another --output"
            )
        if file.exists() and not arguments.overwrite and not checkpoint.exists():
            raise InvalidInputError(f"{file} exists; give --overwrite to replace it, or another --output")


def _poses_of(out: Path) -> Path:
    return out.with_suffix(".poses.json")


def _transforms_of(out: Path) -> Path:
    return out.with_suffix(".transforms.yaml")


def whole_clip(film: PosedFilm) -> PosedClip:
    """All frames of a film at once.

    Raises:
        InvalidInputError: more than 4 GiB of them.
    """
    camera = film.camera
    size = len(film) * camera.width * camera.height * (7 if film.has_depth else 3)
    if size > _MOST_BYTES:
        raise InvalidInputError(
            f"{film.name} has {counted(len(film), 'frame')} of {camera.width}x{camera.height}, {size / 2**30:.1f} GiB; "
            "choose some with --frames START:STOP:STEP"
        )
    return film.clip(list(film.frames(range(len(film)))), 0)


def conclude(outcome: FitOutcome, camera: str, source: str, out: Path, checkpoint: Path) -> int:
    """Write the scene and its poses, tell what came of the fit, and return the exit code.

    Of a fit that was stopped before its first step nothing is written.

    Args:
        outcome: of the fit.
        camera: name of the source camera.
        source: as it was named on the command line.
        out: file of the scene.
        checkpoint: deleted when the fit is done.
    """
    from dataclasses import replace

    from anyview_ros.offline.refined_poses import write_refined_poses, write_transforms
    from anyview_ros.synthesis.scene_file import write_scene

    if outcome.steps == 0:
        print("stopped before the first step: there is no scene yet; run the same command again")
        return INTERRUPTED if outcome.stopped == "cancelled" else 1
    scene = outcome.scene
    cameras = (replace(scene.cameras[0], name=camera), *scene.cameras[1:])
    scene = replace(scene, cameras=cameras, provenance={**scene.provenance, "source": source})
    write_scene(out, scene)
    write_refined_poses(_poses_of(out), cameras[0])
    write_transforms(_transforms_of(out), cameras[0])
    for note in outcome.notes:
        print(f"note: {note}")
    print(f"{out}: {outcome.steps} steps in {outcome.seconds:.0f} s, loss {outcome.loss:.4f}")
    if outcome.stopped == "done":
        checkpoint.unlink(missing_ok=True)
        return 0
    if outcome.stopped == "diverged":
        checkpoint.unlink(missing_ok=True)
        print("the fit diverged; the scene is its best state")
        return 1
    print("stopped before the end; run the same command again to go on")
    return INTERRUPTED if outcome.stopped == "cancelled" else 1
