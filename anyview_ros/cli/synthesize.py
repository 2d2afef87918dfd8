"""``anyview synthesize``: views of a recorded film from other cameras, without ROS."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.cli.arguments import HelpFormatter, add_method, add_options, add_sampling, picture_size
from anyview_ros.cli.interruption import INTERRUPTED, interruptible
from anyview_ros.cli.progress import progress_bar
from anyview_ros.errors import InvalidInputError, SynthesisCancelled
from anyview_ros.wording import counted, noun_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from anyview_ros.offline.films import OpenedSource
    from anyview_ros.offline.posed_film import PosedFilm
    from anyview_ros.offline.synthesize import FilmTarget, TargetWishes
    from anyview_ros.synthesis import MethodDescription, Synthesizer

_LOW_CONFIDENCE = 0.3
"""Mean confidence of a target below which a warning is due: `anyview augment` leaves out views of which the source
supports a smaller share, by default."""

_EPILOG = """\
sources:
  motorcycle                a real stereo pair with depth, ready to try (needs scikit-image)
  DIR with rgb/ and lowdim/ an episode in the AnyView release's format
  transforms.json or its DIR  NeRF, nerfstudio, instant-ngp: OpenGL poses, intrinsics, distortion, depth
  DIR of a COLMAP model     cameras.txt and images.txt (also in sparse/0), pictures in images/
  DIR with calib.txt        a Middlebury stereo pair with disparity
  DIR of pictures, or a video  with --calibration, ROS's camera_calibration YAML; it stands still, or --source-poses

examples:
  anyview synthesize motorcycle --freeze 0 --orbit 15 --output orbit
  anyview synthesize motorcycle --like right --output right          # the right camera's pictures are the truth
  anyview synthesize episode/ --camera cam0 --arc 30 10 --output side --method anyview_small
  anyview synthesize transforms.json --shift 0.2 0 0 --metres-per-unit 0.5 --output beside
  anyview synthesize film.mp4 --calibration cam.yaml --orbit 15 --distance 1.5 \\
      --option one_depth=true --output orbit                        # without depth: sharp, though misplaced
  anyview synthesize film.mp4 --calibration cam.yaml --orbit 30 --distance 1.5 \\
      --method reprojection --option depth_m=1.5 --output swing     # without depth, assume some
  anyview synthesize film.mp4 --pose poses.json --method anyview --weights W --option domain=robotics --output out

a file of poses is JSON or YAML: a list of 4x4 matrices, camera to world, metres, OpenCV axes (x right, y down,
z forward), or {"camera_to_world": [...], "intrinsics": {"fx", "fy", "cx", "cy", "width", "height"}}.

written to --output, when whole: view.mp4, side_by_side.mp4, frames/ and confidence/ (PNG, marked as synthesised),
depth/ (16 bit PNG, mm) if the method gives it, info.json (what was done, cameras, poses, scores). Several targets
have a folder each.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "synthesize",
        help="show a recorded film from cameras that did not film it; needs no ROS",
        description="Show a posed film from other cameras. Views are synthesised, not seen, and are marked so.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("source", help="what was filmed; see below")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to make")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an earlier output of this command there"
    )
    add_source_arguments(parser.add_argument_group("the source"))
    _add_targets(parser.add_argument_group("target cameras (each of the first six gives one)"))
    _add_method(parser.add_argument_group("the method"))
    parser.set_defaults(run=run)


def add_source_arguments(group: argparse._ArgumentGroup) -> None:
    """Add what tells of a source; for :func:`open_film`."""
    group.add_argument("--camera", default="", help="source camera, where there are several")
    group.add_argument("--frames", metavar="START:STOP:STEP", help="which frames, as Python slices (0:100:2)")
    group.add_argument(
        "--rate", type=float, metavar="HZ", help="frames per second, where the source's is wrong"
    )
    group.add_argument(
        "--calibration", default="", metavar="FILE", help="ROS calibration YAML of a video or of pictures"
    )
    group.add_argument("--source-poses", default="", metavar="FILE", help="poses of a video or of pictures")
    group.add_argument("--images", default="", metavar="DIR", help="pictures of a COLMAP model")
    group.add_argument(
        "--metres-per-unit",
        type=float,
        metavar="METRES",
        help="length of a unit of the poses, where their scale is unknown: COLMAP, transforms.json",
    )


def _add_targets(group: argparse._ArgumentGroup) -> None:
    vector: dict[str, Any] = {"type": float, "nargs": 3, "metavar": ("X", "Y", "Z")}
    group.add_argument(
        "--orbit",
        type=float,
        metavar="DEGREES",
        help="swing to the right about the pivot as time goes by, up to this angle",
    )
    group.add_argument(
        "--arc",
        type=float,
        nargs=2,
        metavar=("RIGHT", "UP"),
        help="stand so many degrees to the right of and above the source camera, looking at the pivot",
    )
    group.add_argument("--look-at", **vector, help="look at a point of the world, metres")
    group.add_argument("--pose", metavar="FILE", help="poses from a file: one, or one per frame")
    group.add_argument(
        "--shift", **vector, help="ride with the source camera: metres to its right, down, ahead"
    )
    group.add_argument(
        "--like", metavar="CAMERA", help="be another camera of the source; its pictures are the truth"
    )
    group.add_argument("--eye", **vector, help="where --look-at stands (default: where the source camera is)")
    group.add_argument("--pivot", **vector, help="the point of --orbit and --arc, world, metres")
    group.add_argument(
        "--distance",
        type=float,
        metavar="METRES",
        help="the pivot lies so far before the source camera "
        "(default: the median depth in the middle of its picture)",
    )
    group.add_argument("--up", **vector, help="upwards in the world (default: in the source's first picture)")
    group.add_argument("--freeze", type=float, metavar="SECONDS", help="time stands still at this instant")
    group.add_argument("--count", type=int, help="views of a frozen --orbit (default: 30)")
    group.add_argument(
        "--size", type=picture_size, metavar="WxH", help="size of the views (default: the source's)"
    )
    group.add_argument(
        "--fov", type=float, metavar="DEGREES", help="horizontal field of view (default: the source's)"
    )


def _add_method(group: argparse._ArgumentGroup) -> None:
    add_method(group)
    group.add_argument(
        "--scene", metavar="FILE", help="scene that `anyview fit` wrote, which names its own method"
    )
    add_sampling(group)
    add_options(group)
    group.add_argument(
        "--window",
        type=int,
        metavar="FRAMES",
        help="frames given to the method at once, at most (default: as many as it takes, up to 48)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Synthesise; 0 when done, 130 when interrupted."""
    from anyview_ros.offline.synthesize import check_output, plan_targets
    from anyview_ros.synthesis import load_synthesizer

    check_output(arguments.output, overwrite=arguments.overwrite)
    opened, film = open_film(arguments)
    print(told_source(opened, film))
    print(told_place(film))
    wishes = _wishes(arguments)
    targets, notes = plan_targets(wishes, film, _references(opened, arguments))
    synthesizer = load_synthesizer(
        arguments.method, device=arguments.device, weights=arguments.weights, scene=arguments.scene
    )
    try:
        info = _synthesize(arguments, opened, film, targets, notes, synthesizer)
    except SynthesisCancelled:
        print("interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    finally:
        synthesizer.close()
    _conclude(info, arguments.output)
    return 0


def open_film(arguments: argparse.Namespace) -> tuple[OpenedSource, PosedFilm]:
    """The source that the arguments name, and the frames of it that they choose.

    Raises:
        ReadError, InvalidInputError: nothing that can be read, or arguments that do not fit it.
    """
    from anyview_ros.offline.films import SourceSettings, open_source

    opened = open_source(
        arguments.source,
        SourceSettings(
            camera=arguments.camera,
            calibration=arguments.calibration,
            poses=arguments.source_poses,
            images=arguments.images,
            rate_hz=arguments.rate,
        ),
    )
    film = opened.film.sliced(_frames(arguments.frames))
    return opened, _scaled(film, arguments.metres_per_unit)


def _scaled(film: PosedFilm, metres_per_unit: float | None) -> PosedFilm:
    return film if metres_per_unit is None else film.in_metres(metres_per_unit)


def _references(opened: OpenedSource, arguments: argparse.Namespace) -> dict[str, Callable[[], PosedFilm]]:
    def scaled(reference: Callable[[], PosedFilm]) -> Callable[[], PosedFilm]:
        return lambda: _scaled(reference(), arguments.metres_per_unit)

    return {name: scaled(reference) for name, reference in opened.references.items()}


def _frames(text: str | None) -> slice:
    """As Python's slices: "10:", ":100:2", "5:6"."""
    parts = re.fullmatch(r"(-?\d*):(-?\d*)(?::(\d*))?", text or ":")
    if parts is None:
        raise InvalidInputError(f"--frames is {text!r}; give START:STOP or START:STOP:STEP")
    try:
        return slice(*(int(part) if part else None for part in parts.groups()))
    except ValueError as error:
        raise InvalidInputError(f"--frames is {text!r}; give whole numbers") from error


def _wishes(arguments: argparse.Namespace) -> TargetWishes:
    from anyview_ros.offline.synthesize import TargetWishes

    if arguments.count is not None and (arguments.freeze is None or arguments.orbit is None):
        raise InvalidInputError(
            "--count is for an --orbit while time stands still; give --freeze too, or leave it out"
        )
    return TargetWishes(
        orbit_deg=arguments.orbit,
        arc_deg=None if arguments.arc is None else tuple(arguments.arc),
        look_at=_vector(arguments.look_at),
        poses=arguments.pose,
        shift=_vector(arguments.shift),
        like=arguments.like,
        eye=_vector(arguments.eye),
        pivot=_vector(arguments.pivot),
        distance_m=arguments.distance,
        up=_vector(arguments.up),
        freeze_s=arguments.freeze,
        size=arguments.size,
        fov_deg=arguments.fov,
        **({} if arguments.count is None else {"count": arguments.count}),
    )


def _vector(values: Sequence[float] | None) -> tuple[float, float, float] | None:
    if values is None:
        return None
    x, y, z = values
    return x, y, z


def _synthesize(
    arguments: argparse.Namespace,
    opened: OpenedSource,
    film: PosedFilm,
    targets: Sequence[FilmTarget],
    notes: Sequence[str],
    synthesizer: Synthesizer,
) -> dict[str, Any]:
    from anyview_ros.offline.synthesize import RunSettings, frozen_index, parse_options, plan_pieces, run

    description = synthesizer.describe()
    settings = RunSettings(
        steps=arguments.steps,
        seed=arguments.seed,
        options=parse_options(arguments.option, description.options_type, description.name),
        frozen_index=None if arguments.freeze is None else frozen_index(film, arguments.freeze),
        **({} if arguments.window is None else {"longest_window": arguments.window}),
    )
    pieces = plan_pieces(film, targets, description, settings)
    notes = [*notes, *_more_notes(film, description, len(pieces), [len(piece.window) for piece in pieces])]
    for note in (*film.notes, *notes):
        print(f"note: {note}")
    about = {
        "input": {"path": arguments.source, "kind": opened.kind, "attribution": opened.attribution},
        "notes": [*film.notes, *notes],
    }
    views = sum(piece.views for piece in pieces)
    with interruptible() as cancel, progress_bar(views, noun_of(views, "view")) as bar:
        return run(
            film,
            targets,
            synthesizer,
            arguments.output,
            settings,
            about=about,
            overwrite=arguments.overwrite,
            report=lambda done, _views: bar(done, ""),
            cancel=cancel,
        )


def _more_notes(
    film: PosedFilm, description: MethodDescription, pieces: int, lengths: Sequence[int]
) -> Iterator[str]:
    if description.metric_poses and not film.metric:
        yield (
            f"The poses' scale is unknown but method '{description.name}' takes them for metres; "
            "give --metres-per-unit if you know it."
        )
    if pieces > 1:
        yield f"The work is done in {pieces} requests of {counted(max(lengths), 'frame')}, one after another."


def told_source(opened: OpenedSource, film: PosedFilm) -> str:
    """One line about a source, for people."""
    camera = film.camera
    return (
        f"{opened.kind}, camera {film.name}: {counted(len(film), 'frame')} of {camera.width}x{camera.height} at "
        f"{film.rate_hz:.3g} Hz, {'with' if film.has_depth else 'without'} depth"
        + (f"; {opened.attribution}" if opened.attribution else "")
    )


def told_place(film: PosedFilm) -> str:
    """One line about where the source camera is at first, in the axes of --eye, --look-at and --pivot."""
    from anyview_ros.offline.synthesize.targets import depth_before

    pose = film.camera_to_world[0]
    eye, ahead, up = pose[:3, 3], pose[:3, 2], -pose[:3, 1]
    moves = bool((film.camera_to_world != pose).any())
    depth = depth_before(film, 0) if film.has_depth else None
    middle = "" if depth is None else f" (at about {_told_vector(eye + depth * ahead)})"
    return (
        f"world axes, {'metres' if film.metric else 'units of the poses'}: the source camera "
        f"{'begins' if moves else 'stands'} at {_told_vector(eye)} and looks along {_told_vector(ahead)}{middle}; "
        f"upwards in its picture is {_told_vector(up)}"
    )


def _told_vector(vector: NDArray[np.float64]) -> str:
    """As --eye, --look-at, --pivot and --up want it."""
    import numpy as np

    return " ".join(np.format_float_positional(value + 0.0, 4, trim="-") for value in vector.round(4))


def _conclude(info: dict[str, Any], output: Path) -> None:
    for target in info["targets"]:
        confidence = target["mean_confidence"]
        print(
            f"{target['name']}: {counted(target['views'], 'view')}; mean confidence {confidence:.2f}"
            f"{_score_line(target['scores'])}"
        )
        if confidence < _LOW_CONFIDENCE:
            print(f"warning: {target['name']}: {_low_confidence(confidence)}")
        for note in target["notes"]:
            print(f"note: {note}")
    print(f"{output}: pictures there are synthesised by {info['method']}, not seen")


def _low_confidence(mean: float) -> str:
    if mean == 0:
        return "no confidence at all: the source saw nothing of this view, or the method tells no confidence"
    return f"mean confidence {mean:.2f}: little of this view rests on what the source saw"


def _score_line(scores: dict[str, Any] | None) -> str:
    if scores is None:
        return ""
    synthesised, copied = scores["synthesised"], scores["copy_source"]
    line = "; against the truth"
    if synthesised["psnr_db"] is None:
        return f"{line} equal in every pixel"
    line += f" {synthesised['psnr_db']:.2f} dB, SSIM {synthesised['ssim']:.3f}"
    line += "" if copied["psnr_db"] is None else f" (copy-source {copied['psnr_db']:.2f} dB)"
    gain = scores["gain_db_co_visible"]
    if gain is not None:
        line += f"; {gain:+.2f} dB over copy-source on the {scores['coverage']:.0%} that the source truly saw"
    return line
