"""Speed and memory of `anyview augment`, bag to bag, against a plain copy by `rosbags`.

Run from a checkout: ``python -m benchmarks.augment_bag``. The method is ``copy_source``, which costs next to nothing:
what is measured is all else, that is reading and decoding, views in the spool, the guard, and writing. In turn, each in
a process of its own and several times over:

- ``augment``: one view more, from opening the bag to the output in its place, with its hashes and its report;
- ``originals``: `rosbags` reads all messages of the input and writes them to another bag, undecoded;
- ``all``: the same with all messages of the augmented bag.

The least time of each counts. The speed is that of the plain copy's time over the augmentation's, once for each of the
two copies. With several bags, the views of one are made while the one before is written. Memory is the most that a
process had resident, for a bag and for one ten times as long.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from anyview_ros.cli.arguments import picture_size
from anyview_ros.evaluation.machine import machine, machine_line
from benchmarks.support.progress import Progress

SPEED_BAR = 0.5
MEMORY_BAR = 1.1
RATE_HZ = 30.0
START_NS = 1_700_000_000_000_000_000
_IMPORTED = (
    "anyview_ros.methods.copy_source",
    "anyview_ros.offline.augment.bag_episode",
    "anyview_ros.offline.augment.engines",
    "anyview_ros.offline.augment.outputs.bag",
    "anyview_ros.offline.augment.run",
    "jinja2",
)


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        results = measure(Path(folder), arguments)
    lines = [machine_line(), *told(results)]
    sys.stdout.write("\n".join(lines) + "\n")
    if arguments.json:
        Path(arguments.json).write_text(
            json.dumps({"machine": machine(), "results": results}, indent=1), encoding="utf-8"
        )


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures: seconds by kind of work, and peaks of memory, bytes."""
    width, height = arguments.size
    progress = Progress(3 * arguments.rounds + 2)
    short, long = folder / "short", folder / "long"
    for number in range(arguments.bags):
        write_input(short / str(number), arguments.frames, width, height)
    times: dict[str, list[float]] = {"augment": [], "originals": [], "all": []}
    peaks = []
    augmented = folder / "augmented"
    for number in range(arguments.rounds):
        for kind, taken in times.items():
            progress.step(f"{kind}, round {number + 1}")
            if kind == "augment":
                shutil.rmtree(augmented, ignore_errors=True)
                seconds, peak = apart(augment, short, augmented)
                peaks.append(peak)
            else:
                source = short if kind == "originals" else augmented
                seconds, _ = apart(copy, source, folder / "copied")
                shutil.rmtree(folder / "copied")
            taken.append(seconds)
    progress.step("a bag ten times as long")
    write_input(long / "0", 10 * arguments.frames, width, height)
    shutil.rmtree(augmented)
    progress.step("its augmentation")
    seconds, long_peak = apart(augment, long, augmented)
    return {
        "bags": arguments.bags,
        "frames": arguments.frames,
        "size": [width, height],
        "input_bytes": _bytes(short),
        "times_s": times,
        "long_s": seconds,
        "peaks": peaks,
        "long_peak": long_peak,
    }


def told(results: dict[str, Any]) -> list[str]:
    """The figures, for people."""
    least = {kind: min(times) for kind, times in results["times_s"].items()}
    most = {kind: max(times) for kind, times in results["times_s"].items()}
    width, height = results["size"]
    megabytes = results["input_bytes"] / 1e6
    lines = [
        f"{results['bags']} bags of {results['frames']} frames of {width}x{height}, {megabytes:.0f} MB in all"
    ]
    for kind, seconds in least.items():
        lines.append(f"  {kind:<10} {seconds:6.2f} s ({seconds:.2f} to {most[kind]:.2f})")
    for kind in ("originals", "all"):
        ratio = least[kind] / least["augment"]
        lines.append(
            f"  speed against the copy of {kind:<10} {ratio:.2f}   bar {SPEED_BAR:g}: "
            f"{'kept' if ratio >= SPEED_BAR else 'MISSED'}"
        )
    growth = results["long_peak"] / min(results["peaks"])
    lines.append(
        f"  peak memory {min(results['peaks']) / 1e6:.0f} MB, of a bag ten times as long "
        f"{results['long_peak'] / 1e6:.0f} MB: {growth:.2f} times   bar {MEMORY_BAR:g}: "
        f"{'kept' if growth <= MEMORY_BAR else 'MISSED'}"
    )
    return lines


def apart(work: Callable[[Path, Path], None], source: Path, target: Path) -> tuple[float, int]:
    """Do some work in a fresh process: its seconds, once all is imported, and the process's peak memory in bytes."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_timed, (work, source, target))


def _timed(work: Callable[[Path, Path], None], source: Path, target: Path) -> tuple[float, int]:
    for module in _IMPORTED:
        importlib.import_module(module)
    began_s = time.perf_counter()
    work(source, target)
    return time.perf_counter() - began_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def augment(source: Path, target: Path) -> None:
    """One view more of every bag of a folder, by the source's own pictures."""
    from anyview_ros.offline.augment.engines import LocalEngine
    from anyview_ros.offline.augment.run import run
    from anyview_ros.offline.augment.settings import AugmentSettings

    settings = AugmentSettings(("vista_small",), method="copy_source")
    run(
        [source],
        target,
        settings,
        lambda output_format: LocalEngine(settings, output_format),
        report=lambda _: None,
        cancel=threading.Event(),
    )


def copy(source: Path, target: Path) -> None:
    """All messages of a folder's bags read and written by `rosbags`, undecoded."""
    target.mkdir()
    for bag in sorted(path.parent for path in source.glob("*/metadata.yaml")):
        copy_bag(bag, target / bag.name)


def copy_bag(source: Path, target: Path) -> None:
    """All messages of a bag."""
    with (
        AnyReader([source]) as reader,
        Writer(target, version=9, storage_plugin=StoragePlugin.MCAP) as writer,
    ):
        connections = {
            connection.id: writer.add_connection(
                connection.topic, connection.msgtype, typestore=reader.typestore
            )
            for connection in reader.connections
        }
        for connection, log_ns, content in reader.messages():
            writer.write(connections[connection.id], log_ns, content)


def write_input(path: Path, frames: int, width: int, height: int) -> None:
    """A bag of a camera that stands still: raw pictures of noise, CameraInfo, and TF and joint states at 100 Hz."""
    store = get_typestore(Stores.ROS2_JAZZY)
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 255, (8, height * width * 3), np.uint8)

    def message(kind: str, **fields: Any) -> Any:
        return store.types[kind](**fields)

    def header(stamp_ns: int, frame: str) -> Any:
        stamp = message("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        return message("std_msgs/msg/Header", stamp=stamp, frame_id=frame)

    def transform(stamp_ns: int, parent: str, child: str) -> Any:
        moved = message(
            "geometry_msgs/msg/Transform",
            translation=message("geometry_msgs/msg/Vector3", x=0.1, y=0.2, z=0.3),
            rotation=message("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
        )
        stamped = message(
            "geometry_msgs/msg/TransformStamped",
            header=header(stamp_ns, parent),
            child_frame_id=child,
            transform=moved,
        )
        return message("tf2_msgs/msg/TFMessage", transforms=[stamped])

    def image(stamp_ns: int, number: int) -> Any:
        return message(
            "sensor_msgs/msg/Image",
            header=header(stamp_ns, "camera_optical_frame"),
            height=height,
            width=width,
            encoding="rgb8",
            is_bigendian=0,
            step=3 * width,
            data=pictures[number % len(pictures)],
        )

    def info(stamp_ns: int) -> Any:
        K = np.array([width, 0, (width - 1) / 2, 0, width, (height - 1) / 2, 0, 0, 1], np.float64)
        region = message(
            "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        )
        return message(
            "sensor_msgs/msg/CameraInfo",
            header=header(stamp_ns, "camera_optical_frame"),
            height=height,
            width=width,
            distortion_model="plumb_bob",
            d=np.zeros(5),
            k=K,
            r=np.eye(3).ravel(),
            p=np.hstack([K.reshape(3, 3), np.zeros((3, 1))]).ravel(),
            binning_x=0,
            binning_y=0,
            roi=region,
        )

    def joints(stamp_ns: int) -> Any:
        return message(
            "sensor_msgs/msg/JointState",
            header=header(stamp_ns, "base_link"),
            name=[f"joint_{index}" for index in range(7)],
            position=np.zeros(7),
            velocity=np.zeros(7),
            effort=np.zeros(7),
        )

    path.parent.mkdir(exist_ok=True)
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections: dict[str, Any] = {}

        def write(topic: str, content: Any, log_ns: int) -> None:
            kind = content.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=store)
            writer.write(connections[topic], log_ns, store.serialize_cdr(content, kind))

        write("/tf_static", transform(START_NS, "base_link", "camera_optical_frame"), START_NS)
        ticks = round(frames * 100 / RATE_HZ)
        due = 0
        for number in range(frames):
            stamp_ns = START_NS + round(number * 1e9 / RATE_HZ)
            while due <= ticks and START_NS + due * 10**7 <= stamp_ns:
                tick_ns = START_NS + due * 10**7
                write("/tf", transform(tick_ns, "map", "base_link"), tick_ns)
                write("/joint_states", joints(tick_ns), tick_ns)
                due += 1
            write("/camera/image_raw", image(stamp_ns, number), stamp_ns)
            write("/camera/camera_info", info(stamp_ns), stamp_ns)


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bags", type=int, default=1, help="of the input (1)")
    parser.add_argument("--frames", type=int, default=300, help="of a bag (300)")
    parser.add_argument(
        "--size", type=picture_size, default=(640, 480), metavar="WxH", help="of pictures (640x480)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of each kind of work (3)")
    parser.add_argument(
        "--folder", type=Path, help="on the disk to be used (default: that for temporary files)"
    )
    parser.add_argument("--json", help="file that gets all figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
