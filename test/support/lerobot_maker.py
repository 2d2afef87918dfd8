"""Small LeRobot v3.0 datasets with known pictures: frame k of an episode is as bright as its place in the dataset."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anyview_ros.offline.lerobot.dataset_writer import DatasetWriter
from anyview_ros.offline.lerobot.layout import always_features, camera_feature
from anyview_ros.offline.lerobot.statistics import PictureStatistics, column_statistics
from anyview_ros.offline.lerobot.video_encoding import Coding, EpisodeVideo, video_info

TOP, SIDE = "observation.images.top", "observation.images.side"
LENGTHS = (5, 7, 4)
TASKS = ("pick the cup", "place the cup")
CALIBRATION = """
cameras:
  observation.images.top:
    intrinsics: {fx: 60, fy: 60, cx: 31.5, cy: 23.5}
    camera_to_world: {position: [0, 0, 0], quaternion_xyzw: [0, 0, 0, 1]}
"""


def picture(index: int, *, width: int = 64, height: int = 48, shade: int = 0) -> NDArray[np.uint8]:
    """A picture whose brightness is ``10 + 9 * index``, with a darker left half and a tint."""
    image = np.full((height, width, 3), 10 + 9 * (index % 24), np.uint8)
    image[:, : width // 2] //= 2
    image[..., 2] = image[..., 2] // 2 + shade
    return image


def write_dataset(
    path: Path,
    *,
    lengths: Sequence[int] = LENGTHS,
    rate: Fraction = Fraction(10),
    keys: Sequence[str] = (TOP, SIDE),
    size: tuple[int, int] = (64, 48),
    codec: str = "h264",
    pixels: str = "",
    embedded: bool = False,
    video_files_mb: float = 500,
    calibrated: bool = True,
    robot: str = "so100",
) -> Path:
    """Write a dataset; ``embedded`` puts pictures into the rows. State and action are seven numbers."""
    scratch = path.with_name(path.name + "_scratch")
    total, pieces = 0, []
    width, height = size
    info: dict[str, object] = {}
    for episode, length in enumerate(lengths):
        found = {}
        for place, key in enumerate(keys):
            statistics = PictureStatistics(length)
            file = scratch / f"{episode}_{key}.mp4"
            with EpisodeVideo(file, rate=rate, coding=Coding(codec, pixels)) as video:
                for index in range(total, total + length):
                    image = picture(index, width=width, height=height, shade=40 * place)
                    video.add(image)
                    statistics.add(image)
            found[key] = (file, statistics.result())
            info = video_info(file)
        pieces.append(found)
        total += length
    names = [f"joint_{index}" for index in range(7)]
    features = {
        "observation.state": {"dtype": "float32", "shape": [7], "names": names},
        "action": {"dtype": "float32", "shape": [7], "names": names},
        **{
            key: {"dtype": "image", "shape": [height, width, 3], "names": ["height", "width", "channels"]}
            if embedded
            else camera_feature(width, height, info)
            for key in keys
        },
        **always_features(),
    }
    told = {"robot_type": robot, "video_files_size_in_mb": video_files_mb}
    with DatasetWriter(path, features=features, rate=rate, told=told) as writer:
        writer.know_tasks(TASKS)
        total = 0
        for episode, length in enumerate(lengths):
            rng = np.random.default_rng(episode)
            frames = np.arange(length, dtype=np.int64)
            values = {
                key: rng.normal(size=(length, 7)).astype(np.float32)
                for key in ("observation.state", "action")
            }
            times = np.array([float(index / rate) for index in range(length)], np.float32)
            columns = {
                key: pa.FixedSizeListArray.from_arrays(pa.array(each.reshape(-1)), 7)
                for key, each in values.items()
            }
            if embedded:
                for place, key in enumerate(keys):
                    files = [
                        cv2.imencode(
                            ".png",
                            picture(total + k, width=width, height=height, shade=40 * place)[..., ::-1],
                        )
                        for k in range(length)
                    ]
                    rows = [
                        {"bytes": file.tobytes(), "path": f"{k}.png"} for k, (_, file) in enumerate(files)
                    ]
                    columns[key] = pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
            table = pa.table(
                {
                    **columns,
                    "timestamp": times,
                    "frame_index": frames,
                    "episode_index": frames * 0,
                    "index": frames,
                    "task_index": frames * 0 + episode % 2,
                }
            )
            numbers = {**values, "timestamp": times, "frame_index": frames}
            writer.add(
                table,
                tasks=TASKS,
                statistics={
                    **{key: column_statistics(each) for key, each in numbers.items()},
                    **{key: statistics for key, (_, statistics) in pieces[episode].items()},
                },
                videos={}
                if embedded
                else {
                    key: writer.shelves[key].add_piece(file, length)
                    for key, (file, _) in pieces[episode].items()
                },
                further={},
            )
            total += length
        writer.close()
    if calibrated:
        (path / "calibration.yaml").write_text(CALIBRATION)
    return path
