"""Plans of views: what ``--views`` takes, and the presets with the figures that papers published.

A view is written ``NAME``, ``NAME:MAIN`` or ``NAME:key=value,key=value``; several numbers are separated by commas, as
in ``vista_arc:center=0.4,0,0.1,frame=base_link``. A file (``.yaml``, ``.yml``, ``.json``) holds a list of such texts,
or of objects with the same keys::

    views:
      - vista_small
      - {sampler: vista_arc, base: [0, 0, 0], frame: base_link, vary: smooth}
      - name: overhead                       # sampler: fixed
        in: world                            # or source, or a TF frame
        position: [0.4, 0.0, 1.5]
        look_at: [0.4, 0.1, 0.0]
        intrinsics: {fx: 500, fy: 500, cx: 319.5, cy: 239.5, width: 640, height: 480}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.camera_views import BoxedViews, PerturbedViews
from anyview_ros.offline.augment.placed_views import OtherCamera, PlacedViews, taken_intrinsics
from anyview_ros.offline.augment.round_views import ArcViews, OrbitViews
from anyview_ros.offline.augment.view_sampling import (
    DrawnView,
    SamplerMaker,
    ViewSampler,
    ViewSettings,
    topic_name,
)
from anyview_ros.offline.augment.view_text import MAIN, ViewArguments, ViewText, read_view_texts

__all__ = ["PRESETS", "DrawnView", "Preset", "ViewSampler", "describe_presets", "parse_views"]


@dataclass(frozen=True)
class Preset:
    """A named sampler.

    Attributes:
        make: makes it of a view's arguments.
        summary: one sentence for people.
        usage: how it is written.
        prefix: before its main argument in the names of its cameras.
    """

    make: SamplerMaker
    summary: str
    usage: str = ""
    prefix: str = ""


_NORMAL_KEYS = "rotation_sigma=RAD, position_sigma=M, vary, period"
_BOX_KEYS = "angle=RAD, box=M,M,M (right, down, forward), vary, period"
_ROUND_KEYS = "center=X,Y,Z | base=X,Y,Z | distance=M, frame=TF, up=X,Y,Z|camera"
_ARC_KEYS = f"azimuth=DEG, radius_sigma=M, {_ROUND_KEYS}, vary, period"
_PLACE_KEYS = (
    "position=X,Y,Z, quaternion=X,Y,Z,W | look_at=X,Y,Z (up=X,Y,Z) | pose=16 numbers, axes=optical|body"
)

PRESETS: dict[str, Preset] = {
    "vista_small": Preset(
        partial(PerturbedViews.taken, rotation_sigma=0.075, position_sigma=0.03),
        "VISTA's small changes: a normal angle, sigma 0.075 rad, about a random axis, and 0.03 m along each axis.",
        _NORMAL_KEYS,
    ),
    "vista_small_real": Preset(
        partial(PerturbedViews.taken, rotation_sigma=0.375, position_sigma=0.15),
        "VISTA's changes on the real robot: five times vista_small.",
        _NORMAL_KEYS,
    ),
    "vista_arc": Preset(
        partial(ArcViews.taken, azimuth_deg=45.0, radius_sigma_m=0.05),
        "VISTA's arc: up to 45 degrees to either side round a point, at the same height, looking at it; the radius "
        "varies by sigma 0.05 m.",
        _ARC_KEYS,
    ),
    "roviaug_lower": Preset(
        partial(BoxedViews.taken, angle_rad=0.05, box_m=(0.10, 0.10, 0.10)),
        "RoVi-Aug's lower range: uniform within 0.10 m and 0.05 rad.",
        _BOX_KEYS,
    ),
    "roviaug_upper": Preset(
        partial(BoxedViews.taken, angle_rad=0.1, box_m=(0.25, 0.10, 0.25)),
        "RoVi-Aug's upper range: uniform within (0.25, 0.10, 0.25) m and 0.1 rad.",
        _BOX_KEYS,
    ),
    "roviaug_ultra": Preset(
        partial(BoxedViews.taken, angle_rad=0.1, box_m=(0.40, 0.10, 0.40)),
        "RoVi-Aug's ultra range: uniform within (0.40, 0.10, 0.40) m and 0.1 rad.",
        _BOX_KEYS,
    ),
    "orbit": Preset(
        OrbitViews.taken,
        "The source camera swung round a point by so many degrees in the course of the episode, such as orbit:30.",
        _ROUND_KEYS,
    ),
    "camera": Preset(
        OtherCamera.taken,
        "Where another camera of the episode is, such as camera:overhead: its pictures are the truth to score by.",
        "size, fov",
        "like_",
    ),
    "frame": Preset(
        PlacedViews.on_frame,
        "On a TF frame, with which it moves, such as frame:wrist_link,position=0.05,0,0.02.",
        _PLACE_KEYS,
        "on_",
    ),
    "fixed": Preset(
        PlacedViews.fixed,
        "At a place in the world, in the source camera or in a TF frame, such as "
        "fixed:in=world,position=0.4,0,1.5,look_at=0.4,0.1,0.",
        f"in=world|source|TF, {_PLACE_KEYS}",
    ),
}

_COMMON = (
    "All take name=NAME, samples=N (draws per episode), size=WIDTHxHEIGHT and fov=DEG (horizontal), or\n"
    "intrinsics=FX,FY,CX,CY,WIDTH,HEIGHT. vary is episode (one draw for all frames), frame (one for each) or smooth\n"
    "(one every `period` seconds, and a smooth way from each to the next). Poses have OpenCV axes (x right, y down, z\n"
    "forward), with axes=body those of REP 103 (x forward, y left, z up); lengths are metres. A .yaml or .json file\n"
    "holds a list of such views."
)


def describe_presets() -> str:
    """All presets with their keys, for people."""
    lines = ["Views are written NAME, NAME:MAIN or NAME:key=value,key=value.", ""]
    for name, preset in PRESETS.items():
        lines += [f"{name}", f"    {preset.summary}", f"    {preset.usage}"]
    return "\n".join([*lines, "", _COMMON])


def parse_views(texts: Sequence[str], *, size: tuple[int, int] | None = None) -> tuple[ViewSampler, ...]:
    """The samplers of a run.

    Args:
        texts: views, or files of views; see this module.
        size: (width, height) of views that say none of their own; None for the source's.

    Raises:
        InvalidInputError: a view that is not known, twice the same, or arguments that it does not take.
        ReadError: a file that cannot be read.
    """
    samplers: list[ViewSampler] = []
    for view in read_view_texts(texts):
        if any(view.text == earlier.text for earlier in samplers):
            raise InvalidInputError(
                f"view {view.text!r} is given twice; give samples=2 to have it drawn twice"
            )
        samplers.append(_sampler(view, size))
    _give_names(samplers)
    return tuple(samplers)


def _sampler(view: ViewText, size: tuple[int, int] | None) -> ViewSampler:
    preset = PRESETS.get(view.name)
    if preset is None:
        raise InvalidInputError(
            f"no view {view.name!r}; choose one of {', '.join(PRESETS)}, or give a .yaml or .json file of views"
        )
    arguments = ViewArguments(view)
    sampler = preset.make(arguments, _settings(view, preset, arguments, size))
    arguments.end()
    if sampler.settings.samples is not None and not sampler.varies:
        raise arguments.error("nothing is drawn at random, so there is one view only; leave out samples")
    return sampler


def _settings(
    view: ViewText, preset: Preset, arguments: ViewArguments, size: tuple[int, int] | None
) -> ViewSettings:
    main = view.values.get(MAIN, "")
    name = arguments.text("name")
    if name and topic_name(name) != name:
        raise arguments.error(
            f"name is {name!r}; give letters, digits and single underscores, such as {topic_name(name)}"
        )
    settings = ViewSettings(
        view.text,
        name or topic_name(f"{preset.prefix}{main}" if preset.prefix else view.name),
        samples=arguments.count("samples"),
        size=arguments.size("size"),
        fov_deg=arguments.number("fov", 0, least=1, most=179) if arguments.has("fov") else None,
        intrinsics=taken_intrinsics(arguments),
    )
    if settings.intrinsics is not None and (settings.size or settings.fov_deg):
        raise arguments.error("intrinsics say the size and the field of view too; leave out size and fov")
    if settings.size is None and settings.intrinsics is None and view.name != "camera":
        settings = replace(settings, size=size)
    return settings


def _give_names(samplers: Sequence[ViewSampler]) -> None:
    """Make names unique: the second of a name gets a letter behind it; names that users gave must be unique."""
    taken: set[str] = set()
    for sampler in samplers:
        name, number = sampler.name, 0
        while _key(name, sampler) in taken:
            number += 1
            name = f"{sampler.name}_{_letters(number)}"
        taken.add(_key(name, sampler))
        sampler.renamed(name)


def _key(name: str, sampler: ViewSampler) -> str:
    """Equal for names of which a view of one may be a view of the other: ``a_3`` may be the fourth view of ``a``."""
    stem, _, last = name.rpartition("_")
    return stem if not sampler.varies and stem and last.isdigit() else name


def _letters(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else f"a{number}"
