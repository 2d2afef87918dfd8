"""The policy against a running graph: the nodes use what it allows, and it allows nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from camera_process import node_process, parameters
from rclpy.node import Node

from anyview_ros.nodes.security_policy import Deployment, NodeRights, rights

NAMESPACE = "/anyview"


def used(node: Node, name: str, namespace: str) -> dict[str, set[str]]:
    """What a node has on the graph, actions by their own names."""

    def names(kind: str) -> set[str]:
        look: Callable[..., list[tuple[str, list[str]]]] = getattr(
            node, f"get_{kind}_names_and_types_by_node"
        )
        return {found for found, _ in look(name, namespace)}

    plain = {kind: names(kind) for kind in ("publisher", "subscriber", "service", "client")}
    hidden = {kind: {found.partition("/_action")[0] for found in found_ if "/_action" in found}
              for kind, found_ in plain.items()}  # fmt: skip
    plain = {kind: {found for found in found_ if "/_action" not in found} for kind, found_ in plain.items()}
    return {**plain, "execute": hidden["service"], "call": hidden["client"]}


def given(allowed: NodeRights) -> dict[str, set[str]]:
    return {
        "publisher": set(allowed.publish), "subscriber": set(allowed.subscribe), "service": set(allowed.reply),
        "client": set(allowed.request), "execute": set(allowed.execute), "call": set(allowed.call),
    }  # fmt: skip


@pytest.mark.parametrize("server", ["", "/gpu"])
def test_the_nodes_use_exactly_what_the_policy_allows(
    ros_environment: dict[str, str], test_node: Node, server: str
) -> None:
    values = parameters(
        engine="remote",
        server=server,
        use_depth=True,
        by_products=["points", "ray_weights"],
        refined_frame="refined",
    )
    deployment = Deployment(
        ("overhead", "wrist"),
        NAMESPACE,
        f"{NAMESPACE}/image",
        f"{NAMESPACE}/camera_info",
        f"{NAMESPACE}/depth",
        by_products=("points", "ray_weights"),
        refined_poses=True,
        server=server,
    )
    served = {"autostart": True, "method": "copy_source"}
    with (
        node_process(
            ros_environment,
            served,
            module="anyview_ros.nodes.synthesis_server",
            namespace=server or NAMESPACE,
        ),
        node_process(ros_environment, values, namespace=NAMESPACE),
    ):
        wait_until_used(test_node, deployment)


def test_a_node_with_an_engine_of_its_own_uses_exactly_what_the_policy_allows(
    ros_environment: dict[str, str], test_node: Node
) -> None:
    deployment = Deployment(
        ("overhead", "wrist"),
        NAMESPACE,
        f"{NAMESPACE}/image",
        f"{NAMESPACE}/camera_info",
        local=True,
        publish_tf=False,
    )
    with node_process(ros_environment, parameters(publish_tf=False), namespace=NAMESPACE):
        wait_until_used(test_node, deployment)


def wait_until_used(node: Node, deployment: Deployment) -> None:
    allowed = rights(deployment)
    expected = {one.name: given(one) for one in allowed}
    deadline = time.monotonic() + 60
    while True:
        try:
            found = {one.name: used(node, one.name, one.inside) for one in allowed}
        except Exception:  # noqa: BLE001 - rclpy raises one of its own while a node is not known yet
            found = {}
        if found == expected:
            return
        if time.monotonic() > deadline:
            pytest.fail(f"used and allowed differ: {differences(found, expected)}")
        time.sleep(0.2)


def differences(found: dict[str, dict[str, set[str]]], expected: dict[str, dict[str, set[str]]]) -> list[str]:
    return [
        f"{node} {kind}: uses beyond it {sorted(found.get(node, {}).get(kind, set()) - names)}, "
        f"allowed in vain {sorted(names - found.get(node, {}).get(kind, set()))}"
        for node, kinds in expected.items()
        for kind, names in kinds.items()
        if found.get(node, {}).get(kind) != names
    ]
