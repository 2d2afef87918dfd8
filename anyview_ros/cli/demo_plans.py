"""What a demo starts, for each kind of input."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.errors import ReadError
from anyview_ros.geometry import quaternion_from_matrix
from anyview_ros.synthesis import check_method, default_method

if TYPE_CHECKING:
    from anyview_ros.nodes.observer import ObservedTopics
    from anyview_ros.offline.recording import RecordedCamera

_VIEWS = "anyview"
_OPTICAL_FRAME = "camera_optical_frame"
_MAX_SIZE = 480
_RATE_HZ = 5.0


@dataclass(frozen=True)
class DemoPlan:
    """One demo.

    Attributes:
        title, attribution, notes: for the report.
        cameras: names of the virtual cameras.
        fixed_frame: TF frame that stands still.
        source_process, source_module: the process that publishes the real camera, and its module.
        source_parameters: its parameters.
        camera_parameters: parameters of the virtual_camera node.
        server_parameters: parameters of the synthesis_server node.
        source, source_type, source_info, source_depth: topics of the real camera; depth "" if there is none.
        truth: namespace of the true views, or "".
        rate_hz: at which views are asked for.
        sim_time: whether nodes follow /clock.
    """

    title: str
    cameras: Sequence[str]
    fixed_frame: str
    source_process: str
    source_module: str
    source_parameters: dict[str, Any]
    camera_parameters: dict[str, Any]
    server_parameters: dict[str, Any]
    source: str = "/camera/image_raw"
    source_type: str = "raw"
    source_info: str = "/camera/camera_info"
    source_depth: str = ""
    truth: str = ""
    rate_hz: float = _RATE_HZ
    attribution: str = ""
    notes: Sequence[str] = ()
    sim_time: bool = False

    def topics(self, views: str) -> ObservedTopics:
        """Where the observer finds the pictures."""
        from anyview_ros.nodes.observer import ObservedTopics

        return ObservedTopics(
            source=self.source,
            source_type=self.source_type,
            source_info=self.source_info,
            source_depth=self.source_depth,
            views=views,
            truth=self.truth,
            status=f"{views}/status",
        )

    def processes(self, output: Path) -> list[tuple[str, str, list[str]]]:
        """Name, module and arguments of each process; parameters are written to ``output`` as files to learn from."""
        common = {"use_sim_time": self.sim_time}
        image = "image/compressed" if self.source_type == "compressed" else "image"
        remaps = [(image, self.source), ("camera_info", self.source_info)]
        if self.source_depth:
            remaps.append(("depth", self.source_depth))
        source = _arguments(output, self.source_process, self.source_parameters)
        server = _arguments(output, "synthesis_server", common | self.server_parameters, namespace=_VIEWS)
        camera = _arguments(
            output, "virtual_camera", common | self.camera_parameters, namespace=_VIEWS, remaps=remaps
        )
        return [
            (self.source_process, self.source_module, source),
            ("synthesis_server", "anyview_ros.nodes.synthesis_server", server),
            ("virtual_camera", "anyview_ros.nodes.virtual_camera", camera),
        ]


def _arguments(
    output: Path,
    name: str,
    parameters: Mapping[str, Any],
    *,
    namespace: str = "",
    remaps: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """Write a parameter file (JSON is YAML) and name it on the command line."""
    path = output / "parameters" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"/**": {"ros__parameters": parameters}}, indent=2) + "\n", encoding="utf-8")
    arguments = ["--ros-args", "--params-file", str(path), "-r", f"__ns:=/{namespace}"]
    for old, new in remaps:
        arguments += ["-r", f"{old}:={new}"]
    return arguments


def plan_demo(arguments: argparse.Namespace) -> DemoPlan:
    """The plan for the input named on the command line.

    Raises:
        ReadError: an input that cannot be read.
        UnknownMethodError: no such method.
    """
    from anyview_ros.offline.inputs import is_bag

    if arguments.method:
        check_method(arguments.method)
    server = {"autostart": True} | {
        key: value for key, value in (("method", arguments.method), ("device", arguments.device)) if value
    }
    if arguments.input == "robot":
        return _robot(server)
    if is_bag(arguments.input):
        return _bag(arguments.input, server)
    return _recording(arguments, server)


def _robot(server: dict[str, Any]) -> DemoPlan:
    """As ``config/demo.yaml`` says."""
    import yaml

    content = yaml.safe_load(config_file("demo.yaml").read_text(encoding="utf-8"))
    shared, robot, camera = (
        content[key]["ros__parameters"] for key in ("/**", "/**/simulated_robot", "/**/virtual_camera")
    )
    return DemoPlan(
        title="simulated robot",
        cameras=tuple(shared["virtual_cameras"]),
        fixed_frame=camera["fixed_frame"],
        source_process="simulated_robot",
        source_module="anyview_ros.nodes.simulated_robot",
        source_parameters=shared | robot,
        camera_parameters=shared | camera,
        server_parameters=server,
        source_depth="/camera/depth/image_raw",
        truth="/truth",
        attribution="rendered by anyview_ros.scenes",
    )


def _recording(arguments: argparse.Namespace, server: dict[str, Any]) -> DemoPlan:
    from anyview_ros.offline.inputs import open_recording
    from anyview_ros.offline.playback import reduced

    path = arguments.input
    recording = reduced(
        open_recording(path, calibration=arguments.calibration, samples_folder=arguments.samples), _MAX_SIZE
    )
    first = next(recording.source.frames())
    has_depth = first.depth is not None
    reference_cameras = {camera.name: _as_virtual(camera) for camera in recording.references}
    cameras = reference_cameras or _beside(_OPTICAL_FRAME, *recording.source.camera.rectified.size)
    camera_parameters = {
        "autostart": True,
        "fixed_frame": "world",
        "use_depth": has_depth,
        "max_source_size": _MAX_SIZE,
    }
    notes = []
    if not has_depth:
        assumption, note = _assumed_depth(arguments.method, on_floor=path == "people")
        camera_parameters |= {"options_json": json.dumps(assumption)} if assumption else {}
        notes += [note] if note else []
    return DemoPlan(
        title=recording.title,
        cameras=tuple(cameras),
        fixed_frame="world",
        source_process="player",
        source_module="anyview_ros.nodes.player",
        source_parameters={
            "input": path,
            "calibration": arguments.calibration,
            "samples": arguments.samples,
            "rate_hz": _RATE_HZ,
            "max_size": _MAX_SIZE,
        },
        camera_parameters=camera_parameters | declared(cameras),
        server_parameters=server,
        source_depth="/camera/depth/image_raw" if has_depth else "",
        truth="/truth" if reference_cameras else "",
        attribution=recording.attribution,
        notes=notes,
    )


def _bag(path: str, server: dict[str, Any]) -> DemoPlan:
    from anyview_ros.offline.bags import Bag, describe_camera, find_cameras

    with Bag(path) as bag:
        cameras = find_cameras(bag.topics)
        if not cameras:
            raise ReadError(
                f"bag {path} has no camera: no image topic with a camera_info beside it; "
                f"it has {', '.join(topic.name for topic in bag.topics)}"
            )
        camera = cameras[0]
        described = describe_camera(bag, camera)
    virtual = _beside(described.optical_frame, described.width, described.height)
    depth = "" if camera.has_compressed_depth else camera.depth  # nodes take raw depth only
    assumption, note = ({}, "") if depth else _assumed_depth(server.get("method", ""), on_floor=False)
    return DemoPlan(
        title=Path(path).name,
        cameras=tuple(virtual),
        fixed_frame=described.root_frame,
        source_process="player",
        source_module="anyview_ros.nodes.player",
        source_parameters={"input": path},
        camera_parameters={
            "autostart": True,
            "fixed_frame": described.root_frame,
            "use_depth": bool(depth),
            "image_transport": "compressed" if camera.is_compressed else "raw",
        }
        | ({"options_json": json.dumps(assumption)} if assumption else {})
        | declared(virtual),
        server_parameters=server,
        source=camera.image,
        source_type="compressed" if camera.is_compressed else "raw",
        source_info=camera.camera_info,
        source_depth=depth,
        notes=[note] if note else [],
        sim_time=True,
    )


def declared(cameras: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Parameters that declare virtual cameras."""
    entries = {f"{name}.{key}": value for name, camera in cameras.items() for key, value in camera.items()}
    return {"virtual_cameras": list(cameras)} | entries


def _as_virtual(recorded: RecordedCamera) -> dict[str, Any]:
    """A virtual camera at the place of a real one, in the frame ``world``."""
    pinhole = recorded.camera.rectified
    return {
        "parent_frame": "world",
        "position": recorded.camera_to_world[:3, 3].tolist(),
        "orientation": quaternion_from_matrix(recorded.camera_to_world[:3, :3]).tolist(),
        "width": pinhole.width,
        "height": pinhole.height,
        **{key: float(getattr(pinhole, key)) for key in ("fx", "fy", "cx", "cy")},
        "rate_hz": _RATE_HZ,
    }


def _beside(frame: str, width: int, height: int) -> dict[str, dict[str, Any]]:
    """Two virtual cameras beside a real one of which nothing else is known: 10 cm to its left, and above it."""
    scale = min(1.0, 320 / max(width, height))
    size = {"width": round(width * scale), "height": round(height * scale)}
    common = {"parent_frame": frame, "orientation": [0.0, 0.0, 0.0, 1.0], "rate_hz": _RATE_HZ, **size}
    return {
        "left": {**common, "position": [-0.1, 0.0, 0.0]},
        "above": {**common, "position": [0.0, -0.1, 0.0]},
    }


def _assumed_depth(method: str, *, on_floor: bool) -> tuple[dict[str, Any], str]:
    """Options for sources without depth, none for methods that need no assumption; and a note for the reader."""
    name = method or default_method()
    if name == "copy_source":  # looks at no depth
        return {}, ""
    if name != "reprojection":
        return {}, (
            f"The source has no depth images: {name} has to guess how far things are, so the further aside a view is, "
            "the more it blurs, doubles or drifts."
        )
    if on_floor:
        return (
            {"plane_point": [0.0, 0.0, 0.0], "plane_normal": [0.0, 0.0, 1.0]},
            "The source has no depth: reprojection takes everything to lie on the floor, so what stands up is smeared.",
        )
    return {"depth_m": 2.0}, "The source has no depth: reprojection takes everything to be 2 m away."


def config_file(name: str) -> Path:
    """A file of ``config/``: of the checkout, or of the installed package.

    Raises:
        ReadError: neither is there.
    """
    beside = Path(__file__).resolve().parents[2] / "config" / name
    if beside.is_file():
        return beside
    try:
        from ament_index_python.packages import get_package_share_directory

        return Path(get_package_share_directory("anyview_ros")) / "config" / name
    except (ImportError, LookupError) as error:
        raise ReadError(
            f"cannot find config/{name}; run in a checkout, or source the workspace ({error})"
        ) from error
