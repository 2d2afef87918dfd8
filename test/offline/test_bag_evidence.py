"""One small bag per fault that the doctor must find, and a whole one in which it finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bag_maker import (
    DEPTH,
    DEPTH_INFO,
    IMAGE,
    INFO,
    OPTICAL,
    START_NS,
    Edit,
    Entry,
    entries,
    image,
    message,
    stamp,
    write_bag,
)
from filmed import moving_clip, sway
from tiny_bags import in_small_chunks

from anyview_ros.diagnosis import Diagnosis, Severity, diagnose
from anyview_ros.errors import ReadError
from anyview_ros.geometry import invert_rigid, opencv_to_opengl
from anyview_ros.offline.bag_evidence import bag_evidence
from anyview_ros.offline.bags import Bag


def examine(path: Path, edit: Edit | None = None, **recording: Any) -> Diagnosis:
    bag = write_bag(path / "bag", entries(moving_clip(), **recording), edit)
    return diagnose(bag_evidence(bag))


def troubles(diagnosis: Diagnosis) -> dict[str, Severity]:
    return {f.check: f.severity for f in diagnosis.findings if f.severity is not Severity.OK}


def on(*topics: str) -> Callable[[Callable[[Any, int], Any]], Edit]:
    """Make an edit of one that takes message and log time and returns the message, or None."""

    def decorate(change: Callable[[Any, int], Any]) -> Edit:
        def edit(topic: str, content: Any, log_ns: int) -> Entry | None:
            changed = change(content, log_ns) if topic in topics else content
            return None if changed is None else (topic, changed, log_ns)

        return edit

    return decorate


def restamped(content: Any, stamp_ns: int) -> Any:
    return replace(content, header=replace(content.header, stamp=stamp(stamp_ns)))


def stamp_of(content: Any) -> int:
    return int(content.header.stamp.sec) * 10**9 + int(content.header.stamp.nanosec)


def with_transforms(content: Any, change: Callable[[Any], Any]) -> Any:
    return replace(content, transforms=[change(transform) for transform in content.transforms])


@pytest.mark.parametrize("sqlite", [False, True])
def test_nothing_is_wrong_with_a_whole_bag(tmp_path: Path, *, sqlite: bool) -> None:
    bag = write_bag(tmp_path / "bag", entries(moving_clip()), sqlite=sqlite)
    diagnosis = diagnose(bag_evidence(bag, fixed_frame="map"))
    assert troubles(diagnosis) == {}
    checks = {finding.check for finding in diagnosis.findings}
    assert checks >= {
        "images",
        "rate",
        "camera_info",
        "distortion",
        "tf",
        "tf_time",
        "optical_frame",
        "poses",
    }
    assert any("fit each other" in finding.value for finding in diagnosis.findings)


@on("/tf", "/tf_static")
def no_tf(content: Any, log_ns: int) -> Any:
    return None


@on("/tf")
def tf_stops(content: Any, log_ns: int) -> Any:
    return content if log_ns < START_NS - 300_000_000 else None


@on("/tf_static")
def mounting_is_missing(content: Any, log_ns: int) -> Any:
    return None if content.transforms[0].child_frame_id == "camera_link" else content


@on("/tf")
def tf_clock_is_behind(content: Any, log_ns: int) -> Any:
    return with_transforms(content, lambda t: restamped(t, stamp_of(t) - 3_000_000_000))


@on(INFO)
def no_camera_info(content: Any, log_ns: int) -> Any:
    return None


@on(INFO)
def uncalibrated(content: Any, log_ns: int) -> Any:
    return replace(content, k=np.zeros(9), p=np.zeros(12))


@on(INFO)
def info_of_twice_the_size(content: Any, log_ns: int) -> Any:
    return replace(content, width=content.width * 2, height=content.height * 2)


@on(INFO)
def matrix_of_twice_the_size(content: Any, log_ns: int) -> Any:
    k = content.k.copy()
    k[[0, 2, 4, 5]] *= 2
    return replace(content, k=k)


@on(INFO)
def unknown_distortion(content: Any, log_ns: int) -> Any:
    return replace(content, distortion_model="brown", d=np.array([0.1, 0.0, 0.0, 0.0]))


@on(INFO)
def folding_distortion(content: Any, log_ns: int) -> Any:
    return replace(content, d=np.array([-1.2, 0.0, 0.0, 0.0, 0.0]))


@on(IMAGE, DEPTH)
def no_stamps(content: Any, log_ns: int) -> Any:
    return restamped(content, 0)


@on(IMAGE)
def body_frame(content: Any, log_ns: int) -> Any:
    return replace(content, header=replace(content.header, frame_id="camera_link"))


@on(IMAGE)
def unknown_frame(content: Any, log_ns: int) -> Any:
    return replace(content, header=replace(content.header, frame_id="left_eye"))


@on(IMAGE, DEPTH, INFO, DEPTH_INFO)
def camera_stops(content: Any, log_ns: int) -> Any:
    return content if log_ns < START_NS + 400_000_000 else None


@on(IMAGE, DEPTH)
def a_gap(content: Any, log_ns: int) -> Any:
    return None if START_NS + 250_000_000 < log_ns < START_NS + 900_000_000 else content


@on(DEPTH)
def metres_in_millimetres(content: Any, log_ns: int) -> Any:
    values = content.data.view(np.uint16).reshape(content.height, content.width)
    return image(values.astype(np.float32), "32FC1", stamp_of(content), OPTICAL)


@on(DEPTH)
def millimetres_in_metres(content: Any, log_ns: int) -> Any:
    values = content.data.view(np.uint16).reshape(content.height, content.width)
    return image((values // 1000).astype(np.uint16), "16UC1", stamp_of(content), OPTICAL)


@on(DEPTH)
def small_depth(content: Any, log_ns: int) -> Any:
    values = content.data.view(np.uint16).reshape(content.height, content.width)
    return image(values[::2, ::2], "16UC1", stamp_of(content), OPTICAL)


@on(DEPTH)
def shifted_depth(content: Any, log_ns: int) -> Any:
    values = content.data.view(np.uint16).reshape(content.height, content.width)
    return image(np.roll(values, 9, axis=1), "16UC1", stamp_of(content), OPTICAL)


@on(DEPTH)
def depth_in_its_own_frame(content: Any, log_ns: int) -> Any:
    return replace(content, header=replace(content.header, frame_id="camera_link"))


@on(DEPTH)
def empty_depth(content: Any, log_ns: int) -> Any:
    return replace(content, data=np.zeros_like(content.data))


@on(DEPTH)
def late_depth(content: Any, log_ns: int) -> Any:
    return restamped(content, stamp_of(content) - 45_000_000)


@on(DEPTH_INFO)
def other_depth_lens(content: Any, log_ns: int) -> Any:
    return replace(content, k=content.k * np.array([0.8, 1, 1, 1, 0.8, 1, 1, 1, 1]))


@on(DEPTH)
def coloured_depth(content: Any, log_ns: int) -> Any:
    return image(
        np.zeros((content.height, content.width, 3), np.uint8) + 90, "rgb8", stamp_of(content), OPTICAL
    )


@on(IMAGE)
def wrong_step(content: Any, log_ns: int) -> Any:
    return replace(content, step=content.step + 8)


@on("/tf_static")
def bad_quaternion(content: Any, log_ns: int) -> Any:
    def zero(transform: Any) -> Any:
        turn = message("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=0.0)
        return replace(transform, transform=replace(transform.transform, rotation=turn))

    return with_transforms(content, zero)


@pytest.mark.parametrize(
    ("edit", "check", "severity"),
    [
        (no_tf, "tf.missing", Severity.ERROR),
        (tf_stops, "tf_time.stale", Severity.ERROR),
        (mounting_is_missing, "tf.split", Severity.ERROR),
        (tf_clock_is_behind, "tf_time.offset", Severity.ERROR),
        (no_camera_info, "camera_info.missing", Severity.ERROR),
        (uncalibrated, "camera_info.uncalibrated", Severity.ERROR),
        (info_of_twice_the_size, "camera_info.does_not_fit", Severity.ERROR),
        (matrix_of_twice_the_size, "camera_info.off_centre", Severity.WARNING),
        (unknown_distortion, "distortion.unusable", Severity.ERROR),
        (folding_distortion, "distortion.folds", Severity.ERROR),
        (no_stamps, "stamps.zero", Severity.ERROR),
        (body_frame, "optical_frame.body_stamped", Severity.ERROR),
        (unknown_frame, "tf.unknown_frame", Severity.ERROR),
        (camera_stops, "rate.stopped", Severity.ERROR),
        (a_gap, "rate.gaps", Severity.WARNING),
        (metres_in_millimetres, "depth.unit", Severity.ERROR),
        (millimetres_in_metres, "depth.unit", Severity.ERROR),
        (small_depth, "depth_alignment.size", Severity.ERROR),
        (shifted_depth, "depth_alignment.edges", Severity.WARNING),
        (depth_in_its_own_frame, "depth_alignment.frame", Severity.ERROR),
        (empty_depth, "depth.empty", Severity.ERROR),
        (late_depth, "depth.not_synchronised", Severity.WARNING),
        (other_depth_lens, "depth_alignment.intrinsics", Severity.ERROR),
        (coloured_depth, "depth.encoding", Severity.ERROR),
        (wrong_step, "images.unreadable", Severity.ERROR),
        (bad_quaternion, "tf.invalid", Severity.ERROR),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_each_fault_is_found(tmp_path: Path, edit: Edit, check: str, severity: Severity) -> None:
    diagnosis = examine(tmp_path, edit)
    assert troubles(diagnosis).get(check) is severity, troubles(diagnosis)
    assert all(f.remedy for f in diagnosis.findings if f.severity is not Severity.OK)


def inverted(times_s: Any) -> Any:
    return invert_rigid(sway(times_s))


def of_opengl(times_s: Any) -> Any:
    return opencv_to_opengl(sway(times_s))


def late(times_s: Any) -> Any:
    return sway(np.asarray(times_s) - 0.2)


def unrelated(times_s: Any) -> Any:
    return sway(3 * np.asarray(times_s) + 0.4, side=0.8)


@pytest.mark.parametrize(
    ("poses", "check"),
    [
        (inverted, "poses.inverted"),
        (of_opengl, "poses.opengl"),
        (late, "poses.time_offset"),
        (unrelated, "poses.do_not_fit"),
    ],
)
def test_poses_that_do_not_carry_a_picture_into_the_next(tmp_path: Path, poses: Any, check: str) -> None:
    assert troubles(examine(tmp_path, poses=poses)) == {check: Severity.ERROR}


def test_an_optical_frame_with_the_axes_of_the_body(tmp_path: Path) -> None:
    found = troubles(examine(tmp_path, optical_in_body=np.eye(4)))
    assert found == {"optical_frame.is_body": Severity.ERROR, "poses.body": Severity.ERROR}


def test_a_name_of_a_missing_topic_lists_those_there(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", entries(moving_clip()))
    with pytest.raises(ReadError, match=f"no pictures on /nowhere; there are {IMAGE}"):
        bag_evidence(bag, image="/nowhere")


def test_only_the_first_seconds_are_read(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", entries(moving_clip()))
    (camera,) = bag_evidence(bag, duration_s=1.0).cameras
    assert 0 < len(camera.images) < len(moving_clip())


def test_views_that_were_synthesised_are_no_cameras(tmp_path: Path) -> None:
    def recording() -> Any:
        yield from entries(moving_clip())
        for topic in ("/anyview/wrist/image", "/anyview/wrist/confidence"):
            yield topic, image(np.zeros((4, 4), np.uint8), "mono8", START_NS, "wrist"), START_NS

    evidence = bag_evidence(write_bag(tmp_path / "bag", recording()))
    assert [camera.name for camera in evidence.cameras] == [IMAGE]


def test_a_bag_without_pictures(tmp_path: Path) -> None:
    def recording() -> Any:
        yield "/tf_static", message("tf2_msgs/msg/TFMessage", transforms=[]), START_NS

    diagnosis = diagnose(bag_evidence(write_bag(tmp_path / "bag", recording())))
    assert troubles(diagnosis)["images.no_camera"] is Severity.ERROR


@pytest.mark.parametrize("fault", ["empty", "no_files", "no_messages"])
def test_empty_bags_are_refused_in_clear_words(tmp_path: Path, fault: str) -> None:
    bag = write_bag(tmp_path / "bag", iter(()) if fault == "no_messages" else entries(moving_clip()))
    (content,) = bag.glob("*.mcap")
    if fault == "empty":
        content.write_bytes(b"")
    elif fault == "no_files":
        content.unlink()
    with pytest.raises(ReadError, match=str(bag)):
        bag_evidence(bag)


def test_a_bag_with_damage_in_the_middle_is_looked_at_as_far_as_it_is_whole(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", entries(moving_clip()))
    file = in_small_chunks(bag, 20_000)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    evidence = bag_evidence(bag)
    assert any("damaged chunks" in loss for loss in evidence.losses)
    assert len(evidence.cameras[0].images) > 0


def test_a_topic_that_is_not_there_is_no_reason_to_read_the_bag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bag = write_bag(tmp_path / "bag", entries(moving_clip()))
    opened: list[bool] = []
    before = Bag.__init__

    def note(self: Bag, path: Path, *, from_start: bool = False) -> None:
        opened.append(from_start)
        before(self, path, from_start=from_start)

    monkeypatch.setattr(Bag, "__init__", note)
    with pytest.raises(ReadError, match="no pictures on /camera/imge_raw"):
        bag_evidence(bag, image="/camera/imge_raw")
    assert opened == [False]
