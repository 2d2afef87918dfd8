"""Every parameter of the node: name, type, default, range and when it may change; and the settings they make.

Nothing here knows ROS. ``declare.py`` declares this table on the node, ``read_settings`` turns values into settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.camera_parameters import camera_names, camera_table, make_virtual_cameras
from anyview_ros.nodes.declared_camera import MAX_DISTANCE_M, MAX_SIDE, MIN_SIDE, VirtualCamera
from anyview_ros.nodes.parameters import Change, Parameter, check_values
from anyview_ros.synthesis.by_products import ByProduct
from anyview_ros.synthesis.option_json import options_from_json

BY_PRODUCTS = (ByProduct.POINTS.value, ByProduct.RAY_WEIGHTS.value)

NODE_PARAMETERS = (
    Parameter(
        "virtual_cameras",
        ("",),
        "Names of the virtual cameras; each has parameters <name>.parent_frame, <name>.position and so on.",
        Change.NEVER,
    ),
    Parameter("autostart", False, "Configure and activate without being told to.", Change.NEVER),
    Parameter(
        "engine",
        "remote",
        "Where views are synthesised: by a synthesis_server (remote) or in this process (local).",
        Change.UNCONFIGURED,
        choices=("remote", "local"),
    ),
    Parameter(
        "server",
        "",
        "Namespace of the synthesis_server's services, such as /anyview; empty: the node's own.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "server_timeout_s",
        3.0,
        "Seconds without an answer after which a remote engine counts as away.",
        Change.UNCONFIGURED,
        0.5,
        60.0,
    ),
    Parameter("method", "", "Method of a local engine; empty: the default.", Change.UNCONFIGURED),
    Parameter("device", "", "Torch device of a local engine; empty: the best there is.", Change.UNCONFIGURED),
    Parameter("weights", "", "Path of the weights of a local engine's method.", Change.UNCONFIGURED),
    Parameter("scene", "", "Path of the fitted scene of a local engine's method.", Change.UNCONFIGURED),
    Parameter(
        "fixed_frame",
        "",
        "TF frame that stands still while the camera moves; window poses are given in it. Must be set.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "image_transport",
        "raw",
        "Whether image is a sensor_msgs/Image (raw) or image/compressed a CompressedImage (compressed).",
        Change.UNCONFIGURED,
        choices=("raw", "compressed"),
    ),
    Parameter("use_depth", False, "Subscribe depth, aligned with image.", Change.UNCONFIGURED),
    Parameter(
        "depth_slop_s",
        0.02,
        "Most seconds between the stamps of an image and its depth; 0: they must be equal.",
        Change.UNCONFIGURED,
        0.0,
        1.0,
    ),
    Parameter(
        "sync_queue", 10, "Images and depths held while their partner is awaited.", Change.UNCONFIGURED, 1, 10
    ),
    Parameter(
        "rectify",
        True,
        "Remove the distortion that camera_info tells; false: image is rectified already and P holds.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "max_source_size",
        640,
        "Longest side in pixels to which images are reduced where the method has no size of its own.",
        Change.UNCONFIGURED,
        MIN_SIDE,
        MAX_SIDE,
    ),
    Parameter(
        "window.rate_hz",
        10.0,
        "Frames per second that enter the window; a camera at most 4/3 as fast as this is not thinned.",
        Change.UNCONFIGURED,
        0.1,
        120.0,
    ),
    Parameter("window.length_s", 2.0, "Seconds that the window holds.", Change.UNCONFIGURED, 0.05, 60.0),
    Parameter(
        "window.max_gap_s",
        0.5,
        "Seconds without a frame after which the window begins anew.",
        Change.UNCONFIGURED,
        0.01,
        60.0,
    ),
    Parameter(
        "fill_when_idle",
        True,
        "Keep the window filled while nobody subscribes a view, so that capture_view answers at once.",
        Change.LIVE,
    ),
    Parameter(
        "max_pending", 10, "Frames that may wait for TF or for the converter.", Change.UNCONFIGURED, 1, 100
    ),
    Parameter(
        "steps",
        0,
        "Sampling steps; 0: the method's default, or fewer where a method that works on clips could not keep a live "
        "view's rate otherwise.",
        Change.LIVE,
        0,
        1000,
    ),
    Parameter("seed", 0, "Seed of every random draw.", Change.LIVE, 0, 2**62),
    Parameter(
        "options_json", "", "JSON object of the method's own options; empty: its defaults.", Change.LIVE
    ),
    Parameter(
        "fallback",
        "none",
        "What is published while the engine is away: nothing, or the local reprojection of the newest frame.",
        Change.UNCONFIGURED,
        choices=("none", "reprojection"),
    ),
    Parameter(
        "fallback_after_s",
        1.0,
        "Seconds that the engine must be away before the fallback begins.",
        Change.LIVE,
        0.0,
        60.0,
    ),
    Parameter(
        "assumed_depth_m",
        1.0,
        "Depth that the fallback assumes where the source has none, metres.",
        Change.UNCONFIGURED,
        0.01,
        MAX_DISTANCE_M,
    ),
    Parameter(
        "max_age_s",
        0.0,
        "Views of a source frame older than this are withheld, seconds; 0: no limit.",
        Change.LIVE,
        0.0,
        3600.0,
    ),
    Parameter("tf_timeout_s", 0.5, "Seconds that a frame waits for its TF.", Change.LIVE, 0.0, 10.0),
    Parameter("tf_cache_s", 30.0, "Seconds of TF kept.", Change.NEVER, 1.0, 600.0),
    Parameter(
        "camera_timeout_s",
        2.0,
        "Seconds without an image after which the camera counts as stopped.",
        Change.LIVE,
        0.1,
        60.0,
    ),
    Parameter(
        "answer_timeout_s",
        10.0,
        "Seconds without an answer to a frame after which the stream is opened anew; each time in vain, the next "
        "one is given twice as long.",
        Change.LIVE,
        0.5,
        600.0,
    ),
    Parameter(
        "capture_timeout_s",
        10.0,
        "Time limit of capture_view where the caller gives none.",
        Change.LIVE,
        0.1,
        600.0,
    ),
    Parameter("jpeg_quality", 90, "Quality of <name>/image/compressed.", Change.LIVE, 1, 100),
    Parameter(
        "imagined_below",
        0.0,
        "Stripes over pixels of <name>/image whose confidence is below this, so that people see what no camera saw; "
        "0: none.",
        Change.LIVE,
        0.0,
        1.0,
    ),
    Parameter("status_period_s", 1.0, "Seconds between two status messages.", Change.NEVER, 0.05, 60.0),
    Parameter(
        "by_products",
        ("",),
        "What to publish besides views, with engine local: points (~/points, of any4d and ddr) and ray_weights "
        "(~/debug/ray_weights, of ddr: an image of the density along five camera rays). A topic stays empty, and the "
        "log says so once, if the method does not make it or the engine is remote.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "by_products_rate_hz",
        2.0,
        "Most points and ray_weights per second; none are made while nobody subscribes.",
        Change.LIVE,
        0.01,
        120.0,
    ),
    Parameter(
        "refined_frame",
        "",
        "TF frame, new to TF, under which the camera's pose is broadcast as the method refines it (ddr with the option "
        "refine_poses, engine local); empty: none.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "publish_tf",
        True,
        "Broadcast <name>_optical_frame of every virtual camera; one that TF has from elsewhere is not overwritten, "
        "and its camera shows nothing.",
        Change.UNCONFIGURED,
    ),
)


@dataclass(frozen=True)
class WindowSettings:
    """Rate (Hz), length (s) and largest gap (s) of the sliding window."""

    rate_hz: float
    length_s: float
    max_gap_s: float


@dataclass(frozen=True)
class SourceSettings:
    """How the real camera is read; see the parameters of the same names."""

    image_transport: str
    use_depth: bool
    depth_slop_s: float
    sync_queue: int
    rectify: bool
    max_source_size: int
    max_pending: int
    camera_timeout_s: float


@dataclass(frozen=True)
class EngineSettings:
    """Which engine is asked, and how; see the parameters of the same names."""

    engine: str
    server: str
    server_timeout_s: float
    method: str
    device: str
    weights: str
    scene: str
    steps: int | None
    seed: int
    options: Mapping[str, Any] | None
    fallback: str
    fallback_after_s: float
    assumed_depth_m: float
    answer_timeout_s: float
    capture_timeout_s: float


@dataclass(frozen=True)
class SceneSettings:
    """What is published of the method's scene besides views; see the parameters of the same names."""

    by_products: tuple[str, ...]
    by_products_rate_hz: float
    refined_frame: str


@dataclass(frozen=True)
class Settings:
    """Everything that the parameters say."""

    cameras: tuple[VirtualCamera, ...]
    fixed_frame: str
    window: WindowSettings
    source: SourceSettings
    engine: EngineSettings
    scene: SceneSettings
    fill_when_idle: bool
    max_age_s: float
    tf_timeout_s: float
    jpeg_quality: int
    imagined_below: float
    publish_tf: bool


def table(names: Sequence[str]) -> dict[str, Parameter]:
    """All parameters by full name for virtual cameras of these names."""
    return {parameter.name: parameter for parameter in NODE_PARAMETERS} | camera_table(names)


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Turn parameter values into settings.

    Args:
        values: value by full name, every parameter of :func:`table` present.

    Raises:
        InvalidInputError: a value out of range, a fixed frame that is not named, a virtual camera that cannot be.
    """
    names = camera_names(values["virtual_cameras"])
    known = check_values(table(names), values)
    fixed_frame = str(known["fixed_frame"]).lstrip("/")
    if not fixed_frame:
        raise InvalidInputError(
            "fixed_frame is empty; name the TF frame that stands still while the camera moves, such as odom"
        )
    cameras = make_virtual_cameras(names, known, fixed_frame=fixed_frame)
    source = {key: known[key] for key in SourceSettings.__dataclass_fields__}
    window = {key: known[f"window.{key}"] for key in WindowSettings.__dataclass_fields__}
    rest = ("fill_when_idle", "max_age_s", "tf_timeout_s", "jpeg_quality", "imagined_below", "publish_tf")
    return Settings(
        cameras=cameras,
        fixed_frame=fixed_frame,
        window=WindowSettings(**window),
        source=SourceSettings(**source),
        engine=_engine_settings(known),
        scene=_scene_settings(known, cameras),
        **{key: known[key] for key in rest},
    )


def _engine_settings(known: Mapping[str, Any]) -> EngineSettings:
    derived: dict[str, Any] = {
        "steps": known["steps"] or None,
        "options": options_from_json(known["options_json"]),
    }
    rest: dict[str, Any] = {
        key: known[key] for key in EngineSettings.__dataclass_fields__ if key not in derived
    }
    return EngineSettings(**derived, **rest)


def _scene_settings(known: Mapping[str, Any], cameras: Sequence[VirtualCamera]) -> SceneSettings:
    named = tuple(name for name in known["by_products"] if name)
    for name in named:
        if name not in BY_PRODUCTS:
            raise InvalidInputError(f"by_products names '{name}'; choose of {', '.join(BY_PRODUCTS)}")
    frame = str(known["refined_frame"]).lstrip("/")
    taken = {known["fixed_frame"].lstrip("/"), *(camera.optical_frame for camera in cameras)}
    if frame and frame in taken:
        raise InvalidInputError(f"refined_frame is '{frame}', which is a frame already; name one of its own")
    if (named or frame) and not cameras:
        raise InvalidInputError(
            "by_products and refined_frame come with a live stream of views, and virtual_cameras is empty; "
            "declare one camera at least"
        )
    return SceneSettings(named, known["by_products_rate_hz"], frame)
