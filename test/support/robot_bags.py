"""Bags as a robot's recorder would write them, filmed without ROS: the simulated robot, and films of fixed cameras."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bag_maker import START_NS, STORE, Entry, header, image, message, transform
from numpy.typing import NDArray
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer

from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.offline.recording import RecordedCamera, Recording
from anyview_ros.scenes import film, simulated_robot

JOINTS = tuple(f"joint_{number}" for number in range(1, 7))
PERIOD_S = 12.0
_NEVER = QosTime(2147483647, 4294967295)


def qos(*, latched: bool = False, best_effort: bool = False) -> Qos:
    """A profile as rosbag2 records it."""
    return Qos(
        QosHistory.KEEP_LAST,
        1 if latched else 5,
        QosReliability.BEST_EFFORT if best_effort else QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        _NEVER,
        _NEVER,
        QosLiveliness.AUTOMATIC,
        _NEVER,
        False,
    )


def write_recording(path: Path, entries: Iterator[Entry], *, sqlite: bool = False, **options: Any) -> Path:
    """Write entries, which come in the order of log times, with QoS; ``options`` are of ``set_compression``."""
    plugin = StoragePlugin.SQLITE3 if sqlite else StoragePlugin.MCAP
    writer = Writer(path, version=9, storage_plugin=plugin)
    if options:
        writer.set_compression(**options)
    with writer:
        writer.set_custom_data("operator", "made for a test")
        connections: dict[str, Any] = {}
        for topic, content, log_ns in entries:
            kind = content.__msgtype__
            if topic not in connections:
                latched, seen = topic.endswith("tf_static"), "image" in topic or "camera_info" in topic
                profile = qos(latched=latched, best_effort=seen)
                connections[topic] = writer.add_connection(
                    topic, kind, typestore=STORE, offered_qos_profiles=[profile]
                )
            writer.write(connections[topic], log_ns, STORE.serialize_cdr(content, kind))
    return path


def info(camera: PinholeCamera | DistortedCamera, stamp_ns: int, frame: str) -> Any:
    """A CameraInfo of the pictures as filmed."""
    raw = camera.camera if isinstance(camera, DistortedCamera) else camera
    return message(
        "sensor_msgs/msg/CameraInfo",
        header=header(stamp_ns, frame),
        height=raw.height,
        width=raw.width,
        distortion_model=camera.model if isinstance(camera, DistortedCamera) else "plumb_bob",
        d=np.array(camera.coefficients if isinstance(camera, DistortedCamera) else np.zeros(5), np.float64),
        k=raw.matrix.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([camera.rectified.matrix, np.zeros((3, 1))]).ravel(),
        binning_x=0,
        binning_y=0,
        roi=message(
            "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        ),
    )


def robot_entries(
    *,
    cameras: Sequence[str] = ("front", "overhead"),
    size: tuple[int, int] = (96, 72),
    count: int = 6,
    rate_hz: float = 5.0,
    tf_rate_hz: float = 20.0,
    supersampling: int = 1,
) -> Iterator[Entry]:
    """The simulated robot at work: ``/<camera>/image_raw`` and ``camera_info`` of cameras of the cell, depth of the
    first one, TF and joint states.
    """
    world = simulated_robot(0, period_s=PERIOD_S)
    times_s = np.arange(count) / rate_hz
    shots = {}
    for name in cameras:
        camera = world.cameras[name].camera.resized(*size)
        shots[name] = camera, film(world, camera, name, times_s, supersampling=supersampling)[0]
    for child, (parent, pose) in world.fixed.items():
        if child not in world.hidden_frames:
            yield "/tf_static", transform(parent, child, pose, START_NS), START_NS
    for name in cameras:
        mounted = world.cameras[name]
        optical = transform(mounted.frame, _optical(name), mounted.optical_to_frame, START_NS)
        yield "/tf_static", optical, START_NS
    ticks_s = np.arange(-0.1, times_s[-1] + 0.1, 1 / tf_rate_hz)
    late_ns = 3_000_000  # from the shutter to the recorder
    events = [(t, -1) for t in ticks_s] + [(t + late_ns / 1e9, index) for index, t in enumerate(times_s)]
    for time_s, index in sorted(events):
        log_ns = START_NS + round((time_s + 0.2) * 1e9)
        if index < 0:
            yield from _motion(world, time_s, log_ns)
            continue
        stamp_ns = START_NS + round((times_s[index] + 0.2) * 1e9)
        for name, (camera, shot) in shots.items():
            yield f"/{name}/image_raw", image(shot.frames[index], "rgb8", stamp_ns, _optical(name)), log_ns
            yield f"/{name}/camera_info", info(camera, stamp_ns, _optical(name)), log_ns
            if name == cameras[0]:
                depth = image(shot.depth[index], "32FC1", stamp_ns, _optical(name))
                yield f"/{name}/depth/image_raw", depth, log_ns


def _optical(name: str) -> str:
    return f"{name}_optical_frame"


def _motion(world: Any, time_s: float, stamp_ns: int) -> Iterator[Entry]:
    moving = world.motion(np.asarray(time_s % PERIOD_S))
    stamped = [
        transform(parent, child, pose, stamp_ns).transforms[0]
        for child, (parent, pose) in moving.items()
        if child not in world.hidden_frames
    ]
    yield "/tf", message("tf2_msgs/msg/TFMessage", transforms=stamped), stamp_ns
    turns = [moving[f"link_{number}"][1] for number in range(1, 7)]
    angles = [_angle(turn, about_z=number in (1, 4, 6)) for number, turn in enumerate(turns, 1)]
    joints = message(
        "sensor_msgs/msg/JointState",
        header=header(stamp_ns, ""),
        name=list(JOINTS),
        position=np.array(angles),
        velocity=np.empty(0),
        effort=np.empty(0),
    )
    yield "/joint_states", joints, stamp_ns


def _angle(pose: NDArray[np.float64], *, about_z: bool) -> float:
    return float(np.arctan2(pose[1, 0], pose[0, 0]) if about_z else np.arctan2(pose[0, 2], pose[0, 0]))


def film_entries(
    recording: Recording, *, count: int, step: int = 1, size: tuple[int, int] | None = None
) -> Iterator[Entry]:
    """What fixed cameras filmed: ``/<camera>/image_raw``, ``camera_info`` with distortion, and a static TF each."""
    cameras = (recording.source, *recording.references)
    films = {}
    for camera in cameras:
        yield (
            "/tf_static",
            transform("room", _optical(camera.name), camera.camera_to_world, START_NS),
            START_NS,
        )
        films[camera.name] = islice(camera.frames(), 0, count * step, step)
    for index in range(count):
        stamp_ns = START_NS + round(index * step * 1e9 / recording.rate_hz)
        for camera in cameras:
            pixels = next(films[camera.name]).image
            lens = _resized(camera, size)
            if size is not None:
                pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
            yield (
                f"/{camera.name}/image_raw",
                image(pixels, "rgb8", stamp_ns, _optical(camera.name)),
                stamp_ns,
            )
            yield f"/{camera.name}/camera_info", info(lens, stamp_ns, _optical(camera.name)), stamp_ns


def _resized(camera: RecordedCamera, size: tuple[int, int] | None) -> PinholeCamera | DistortedCamera:
    lens = camera.camera
    if size is None:
        return lens
    if isinstance(lens, DistortedCamera):
        return replace(lens, camera=lens.camera.resized(*size))
    return lens.resized(*size)
