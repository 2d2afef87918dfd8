"""Checks of the TF tree, its instants, and optical frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evidence_maker import OPTICAL, START_NS, camera, edge, evidence, stream, tree, troubles

from anyview_ros.diagnosis import Edge, Severity, TransformTree
from anyview_ros.diagnosis.checks.optical_frame import check_optical_frame
from anyview_ros.diagnosis.checks.tf_time import check_tf_time
from anyview_ros.diagnosis.checks.tf_tree import check_tf_tree
from anyview_ros.geometry import BODY_FROM_OPTICAL, look_at


def in_tree(transforms: TransformTree, fixed_frame: str = "", **changes: object) -> dict[str, Severity]:
    return troubles(
        check_tf_tree, evidence(camera(**changes), transforms=transforms, fixed_frame=fixed_frame)
    )


def test_no_tf_and_unknown_frames() -> None:
    assert in_tree(TransformTree(())) == {"tf.missing": Severity.ERROR}
    assert in_tree(tree(), images=stream(frames=("left_eye",))) == {"tf.unknown_frame": Severity.ERROR}
    assert in_tree(tree(), images=stream(frames=("",))) == {"tf.no_frame_id": Severity.ERROR}
    assert in_tree(tree(), fixed_frame="odom") == {"tf.unknown_frame": Severity.ERROR}


def test_a_silent_camera_has_no_frame_to_look_for() -> None:
    silent = {
        "images": stream(count=0, frames=()),
        "infos": stream("/camera/camera_info", count=0, frames=()),
    }
    assert in_tree(tree(), **silent) == {}


def test_two_trees() -> None:
    apart = TransformTree(edge for edge in tree().edges if edge.child != "camera_link")
    assert in_tree(apart) == {"tf.split": Severity.ERROR}
    assert in_tree(apart, fixed_frame="map") == {"tf.split": Severity.ERROR}
    beside = TransformTree([*tree().edges, edge("shelf", "box")])
    assert in_tree(beside) == {"tf.split": Severity.WARNING}
    assert in_tree(beside, fixed_frame="map") == {}
    assert in_tree(beside, fixed_frame="shelf") == {"tf.split": Severity.ERROR}


def test_malformed_trees() -> None:
    assert in_tree(TransformTree([*tree().edges, edge("arm", OPTICAL)]))["tf.two_parents"] is Severity.ERROR
    assert in_tree(TransformTree([*tree().edges, edge(OPTICAL, "map")]))["tf.loop"] is Severity.ERROR
    both = TransformTree([*tree().edges, edge("map", "base_link")])
    assert in_tree(both) == {"tf.static_and_dynamic": Severity.WARNING}
    broken = replace(edge("base_link", "camera_link"), invalid="has a quaternion of length 0")
    assert in_tree(tree(broken)) == {"tf.invalid": Severity.ERROR}


def in_time(moving: Edge, **changes: object) -> dict[str, Severity]:
    return troubles(check_tf_time, evidence(camera(**changes), transforms=tree(moving)))


def shortened(whole: Edge, keep: np.ndarray) -> Edge:
    return replace(
        whole, stamps_ns=whole.stamps_ns[keep], receipts_ns=whole.receipts_ns[keep], poses=whole.poses[keep]
    )


def test_transforms_that_are_there_in_time() -> None:
    assert in_time(edge("map", "base_link", rate_hz=50)) == {}
    assert in_time(edge("map", "base_link")) == {}


def test_transforms_that_stop_pause_or_come_once() -> None:
    whole = edge("map", "base_link", rate_hz=50)
    since_s = (whole.stamps_ns - START_NS) / 1e9
    assert in_time(shortened(whole, since_s < 1.0)) == {
        "tf_time.stale": Severity.ERROR,
    }
    assert in_time(shortened(whole, (since_s < 1.0) | (since_s > 2.0))) == {"tf_time.gaps": Severity.WARNING}
    assert in_time(shortened(whole, since_s > 1.5)) == {"tf_time.uncovered": Severity.WARNING}
    assert in_time(shortened(whole, np.arange(len(since_s)) == 3)) == {"tf_time.once": Severity.WARNING}


@pytest.mark.parametrize(
    ("offset_s", "severity"),
    [(-5.0, Severity.ERROR), (5.0, Severity.ERROR), (1.5, Severity.ERROR), (-0.6, Severity.WARNING)],
)
def test_transforms_of_another_clock(offset_s: float, severity: Severity) -> None:
    assert in_time(ahead_by(offset_s)) == {"tf_time.offset": severity}


def ahead_by(offset_s: float) -> Edge:
    """Received from two seconds before the pictures on, stamped so much later."""
    receipts = START_NS + np.arange(-100, 160) * 20_000_000
    stamps = receipts + round(offset_s * 1e9)
    return Edge("map", "base_link", False, stamps, receipts, np.tile(np.eye(4), (len(stamps), 1, 1)))


@pytest.mark.parametrize("offset_s", [0.4, 0.98, 1.2])
def test_transforms_that_localisation_postdates(offset_s: float) -> None:
    """As AMCL does by its transform_tolerance."""
    (finding,) = check_tf_time(evidence(transforms=tree(ahead_by(offset_s))))
    assert finding.severity is Severity.OK
    assert f"map → base_link 50 Hz, postdated by {offset_s:.2f} s" in finding.value


@pytest.mark.parametrize(
    ("pictures_s", "transforms_s", "severity"),
    [(-0.7, 0.98, Severity.ERROR), (-0.7, 0.0, Severity.WARNING), (0.6, 0.1, Severity.WARNING)],
)
def test_pictures_of_another_clock(pictures_s: float, transforms_s: float, severity: Severity) -> None:
    other = replace(stream(), stamps_ns=stream().stamps_ns + round(pictures_s * 1e9))
    assert in_time(ahead_by(transforms_s), images=other) == {"tf_time.offset": severity}


def test_the_offset_is_estimated() -> None:
    other = edge("map", "base_link", rate_hz=50, start_ns=START_NS - 5_000_000_000)
    (finding,) = check_tf_time(evidence(transforms=tree(other)))
    assert "4.98 s ahead" in finding.value


def optical(transforms: TransformTree, frame: str = OPTICAL) -> dict[str, Severity]:
    looked_at = camera(images=stream(frames=(frame,)))
    return troubles(check_optical_frame, evidence(looked_at, transforms=transforms))


def test_frames_that_are_optical_by_name_only() -> None:
    assert optical(tree()) == {}
    assert optical(tree(edge("camera_link", OPTICAL))) == {"optical_frame.is_body": Severity.ERROR}
    turned = edge("camera_link", OPTICAL, BODY_FROM_OPTICAL @ np.diag([-1.0, -1.0, 1.0, 1.0]))
    assert optical(tree(turned)) == {"optical_frame.turned": Severity.WARNING}


def test_a_body_frame_over_several_steps() -> None:
    steps = [
        edge("camera_link", "camera_color_frame"),
        edge("camera_color_frame", "camera_color_optical_frame", BODY_FROM_OPTICAL),
    ]
    assert optical(tree(*steps), "camera_color_optical_frame") == {}


def test_pictures_stamped_with_a_body_frame() -> None:
    assert optical(tree(), "camera_link") == {"optical_frame.body_stamped": Severity.ERROR}
    lone = TransformTree([edge("map", "eye")])
    assert optical(lone, "eye") == {"optical_frame.looks_up": Severity.ERROR}
    forward = TransformTree([edge("map", "eye", look_at((1, 0, 1), (0, 0, 1)))])
    assert optical(forward, "eye") == {"optical_frame.name": Severity.WARNING}


def test_an_optical_frame_that_hangs_from_no_body_of_its_own() -> None:
    above = TransformTree([edge("map", OPTICAL, look_at((0, 0, 2), (0, 0, 0), (1, 0, 0)))])
    assert optical(above) == {}
    assert optical(TransformTree([edge("map", OPTICAL)])) == {"optical_frame.looks_up": Severity.ERROR}
