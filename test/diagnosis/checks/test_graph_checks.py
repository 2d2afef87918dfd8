"""Checks of connections and of virtual cameras."""

from __future__ import annotations

from dataclasses import replace

import pytest
from evidence_maker import evidence, troubles

from anyview_ros.diagnosis import (
    Connection,
    QosProfile,
    Severity,
    VirtualCamerasState,
    VirtualCameraState,
)
from anyview_ros.diagnosis.checks.connections import check_connections
from anyview_ros.diagnosis.checks.virtual_cameras import check_virtual_cameras

RELIABLE, BEST_EFFORT = QosProfile(reliable=True, latched=False), QosProfile(reliable=False, latched=False)
LATCHED = QosProfile(reliable=True, latched=True)


@pytest.mark.parametrize(
    ("offered", "requested", "matches"),
    [
        (RELIABLE, RELIABLE, True),
        (RELIABLE, BEST_EFFORT, True),
        (LATCHED, RELIABLE, True),
        (LATCHED, LATCHED, True),
        (BEST_EFFORT, RELIABLE, False),
        (RELIABLE, LATCHED, False),
        (replace(RELIABLE, deadline_ns=50), replace(RELIABLE, deadline_ns=100), True),
        (replace(RELIABLE, deadline_ns=100), replace(RELIABLE, deadline_ns=50), False),
        (RELIABLE, replace(RELIABLE, deadline_ns=50), False),
    ],
)
def test_a_subscription_may_not_ask_for_more(
    offered: QosProfile, requested: QosProfile, *, matches: bool
) -> None:
    connection = Connection("/camera/image_raw", "/camera", "/rviz", offered, requested)
    found = troubles(check_connections, evidence(connections=(connection,)))
    assert found == ({} if matches else {"qos.mismatch": Severity.ERROR})


WRIST = VirtualCameraState("wrist", "streaming", "", is_published=True)
NODE = VirtualCamerasState("/anyview/status", "streaming", "/server", True, 100, {}, (WRIST,))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (NODE, {}),
        (replace(NODE, cameras=()), {"virtual_cameras.none": Severity.WARNING}),
        (replace(NODE, server_available=False), {"virtual_cameras.no_server": Severity.ERROR}),
        (replace(NODE, drops={"no_pose": 60}), {"virtual_cameras.drops": Severity.WARNING}),
        (replace(NODE, drops={"no_pose": 6}), {}),
        (
            replace(NODE, cameras=(replace(WRIST, is_published=False),)),
            {"virtual_cameras.no_topic": Severity.ERROR},
        ),
        (
            replace(NODE, cameras=(replace(WRIST, state="waiting", reason="no TF"),)),
            {"virtual_cameras.waiting": Severity.ERROR},
        ),
        (
            replace(NODE, cameras=(replace(WRIST, state="fallback", reason="server away"),)),
            {"virtual_cameras.fallback": Severity.WARNING},
        ),
        (replace(NODE, cameras=(replace(WRIST, state="idle"),)), {}),
    ],
)
def test_what_the_node_says_is_told(node: VirtualCamerasState, expected: dict[str, Severity]) -> None:
    assert troubles(check_virtual_cameras, evidence(virtual_cameras=(node,))) == expected
