"""What a user may name as an input, and how it is opened."""

from __future__ import annotations

from pathlib import Path

from anyview_ros.errors import ReadError
from anyview_ros.offline import samples
from anyview_ros.offline.recording import Recording
from anyview_ros.offline.stereo import read_middlebury
from anyview_ros.offline.video import calibrated_video

SAMPLES = ("people", "motorcycle")
_BAG_SUFFIXES = (".mcap", ".db3", ".mcap.zstd", ".db3.zstd")


def is_bag(path: str | Path) -> bool:
    """Whether this names a ROS bag: a folder with metadata.yaml, or an .mcap or .db3 file."""
    path = Path(path)
    return path.name.endswith(_BAG_SUFFIXES) or (path / "metadata.yaml").is_file()


def open_recording(name: str | Path, *, calibration: str = "", samples_folder: str = "") -> Recording:
    """Open a recording other than a bag.

    Args:
        name: "people", "motorcycle", a Middlebury stereo folder, or a video file.
        calibration: ROS calibration YAML of a video; "" takes the one beside it.
        samples_folder: where :func:`anyview_ros.offline.samples.unpack_people` unpacked the people.

    Raises:
        ReadError: nothing that can be read; the message says what would do.
    """
    if name == "motorcycle":
        return samples.motorcycle()
    if name == "people":
        if not samples_folder:
            raise ReadError(
                "the people's film is not unpacked; run `make demo-real`, or give the samples folder"
            )
        return samples.people(samples_folder)
    path = Path(name)
    if path.is_dir():
        return read_middlebury(path)
    if path.is_file():
        return calibrated_video(path, calibration or None)
    raise ReadError(
        f"no input at {path}; give a bag, a video with its calibration, a Middlebury stereo folder, "
        f"or one of {', '.join(SAMPLES)}"
    )
