"""What the nodes may do on a secured graph (SROS 2): a policy that allows what they use and nothing else.

The form is that of SROS 2 policies, version 0.2.0 (design.ros2.org, "ROS 2 Access Control Policies"). This module
imports no ROS, so that policies can be written on any machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree  # what is written here is our own; nothing is parsed

import yaml

from anyview_ros.errors import InvalidInputError, ReadError

_LIFECYCLE = (
    "change_state",
    "get_available_states",
    "get_available_transitions",
    "get_state",
    "get_transition_graph",
)
_PARAMETERS = (
    "describe_parameters",
    "get_parameter_types",
    "get_parameters",
    "get_type_description",
    "list_parameters",
    "set_parameters",
    "set_parameters_atomically",
)
_VIEW_TOPICS = ("camera_info", "confidence", "depth", "image", "image/compressed", "provenance")
_BY_PRODUCTS = {"points": "points", "ray_weights": "debug/ray_weights"}
_ACTION = "synthesize_clip"


@dataclass(frozen=True)
class Deployment:
    """The names of one robot with a synthesis server.

    Attributes:
        cameras: names of the virtual cameras.
        namespace: of both nodes.
        image, camera_info: topics of the real camera.
        depth: topic of its depth; "" if none is used.
        compressed: whether ``<image>/compressed`` is subscribed instead.
        sim_time: whether the nodes follow /clock.
        by_products: what is published besides views.
        refined_poses: whether refined poses are broadcast on TF.
    """

    cameras: Sequence[str]
    namespace: str = "/anyview"
    image: str = "/camera/image_raw"
    camera_info: str = "/camera/camera_info"
    depth: str = ""
    compressed: bool = False
    sim_time: bool = False
    by_products: Sequence[str] = ()
    refined_poses: bool = False

    def __post_init__(self) -> None:
        if not self.cameras:
            raise InvalidInputError("cameras is empty; name the virtual cameras of the robot")
        for name in ("namespace", "image", "camera_info"):
            _check_full(name, getattr(self, name))
        if self.depth:
            _check_full("depth", self.depth)
        for name in self.by_products:
            if name not in _BY_PRODUCTS:
                raise InvalidInputError(f"by_products names '{name}'; choose of {', '.join(_BY_PRODUCTS)}")


@dataclass(frozen=True)
class NodeRights:
    """What one node may do; full names."""

    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    reply: tuple[str, ...]
    request: tuple[str, ...]
    execute: tuple[str, ...] = ()
    call: tuple[str, ...] = ()


def rights(deployment: Deployment) -> tuple[NodeRights, NodeRights]:
    """What ``synthesis_server`` and ``virtual_camera`` use."""
    inside = deployment.namespace.rstrip("/")
    clock = ("/clock",) if deployment.sim_time else ()
    everywhere = ("/diagnostics", "/parameter_events", "/rosout")
    server = NodeRights(
        "synthesis_server",
        publish=(
            f"{inside}/stream_views",
            f"{inside}/synthesis_server/transition_event",
            *everywhere,
        ),
        subscribe=(f"{inside}/stream_frames", *clock),
        reply=tuple(
            f"{inside}/{name}" for name in ("close_stream", "describe", "open_stream", "synthesize_views")
        )
        + _own_services(inside, "synthesis_server"),
        request=(),
        execute=(f"{inside}/{_ACTION}",),
    )
    image = f"{deployment.image}/compressed" if deployment.compressed else deployment.image
    depth = (deployment.depth,) if deployment.depth else ()
    camera = NodeRights(
        "virtual_camera",
        publish=(
            *(f"{inside}/{camera}/{topic}" for camera in deployment.cameras for topic in _VIEW_TOPICS),
            f"{inside}/status",
            f"{inside}/stream_frames",
            f"{inside}/virtual_camera/transition_event",
            *(f"{inside}/virtual_camera/{_BY_PRODUCTS[name]}" for name in deployment.by_products),
            *(("/tf",) if deployment.refined_poses else ()),
            "/tf_static",
            *everywhere,
        ),
        subscribe=(
            image,
            deployment.camera_info,
            *depth,
            f"{inside}/stream_views",
            "/tf",
            "/tf_static",
            *clock,
        ),
        reply=tuple(f"{inside}/{name}" for name in ("capture_view", "set_virtual_camera", "tf2_frames"))
        + _own_services(inside, "virtual_camera"),
        request=tuple(f"{inside}/{name}" for name in ("close_stream", "describe", "open_stream")),
        call=(f"{inside}/{_ACTION}",),
    )
    return server, camera


def policy_xml(deployment: Deployment) -> str:
    """The policy, one enclave per node, named as the node is: what ``ros2 security create_permission`` takes."""
    policy = ElementTree.Element("policy", version="0.2.0")
    enclaves = ElementTree.SubElement(policy, "enclaves")
    for node in rights(deployment):
        enclave = ElementTree.SubElement(
            enclaves, "enclave", path=f"{deployment.namespace.rstrip('/')}/{node.name}"
        )
        profiles = ElementTree.SubElement(enclave, "profiles")
        profile = ElementTree.SubElement(profiles, "profile", ns=deployment.namespace, node=node.name)
        for kind, right, names in (
            ("topic", "publish", node.publish),
            ("topic", "subscribe", node.subscribe),
            ("service", "reply", node.reply),
            ("service", "request", node.request),
            ("action", "execute", node.execute),
            ("action", "call", node.call),
        ):
            if names:
                group = ElementTree.SubElement(profile, f"{kind}s", {right: "ALLOW"})
                for name in sorted(names):
                    ElementTree.SubElement(group, kind).text = name
    ElementTree.indent(policy)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(policy, encoding="unicode") + "\n"
    )


def declared_in(params_file: Path) -> dict[str, Any]:
    """What a parameter file of ``virtual_camera`` says that a policy depends on: cameras, depth, transport, clock,
    by-products.

    Raises:
        ReadError: no such file, no YAML, or no virtual cameras in it.
    """
    try:
        content = yaml.safe_load(params_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ReadError(f"cannot read {params_file}: {error}; give a ROS parameter file") from error
    for node in _nodes(content):
        cameras = node.get("virtual_cameras")
        if isinstance(cameras, list) and cameras and all(isinstance(name, str) for name in cameras):
            return {
                "cameras": tuple(cameras),
                "use_depth": bool(node.get("use_depth", False)),
                "compressed": node.get("image_transport") == "compressed",
                "sim_time": bool(node.get("use_sim_time", False)),
                "by_products": tuple(name for name in node.get("by_products") or () if name),
                "refined_poses": bool(node.get("refined_frame")),
            }
    raise ReadError(f"{params_file} declares no virtual_cameras; give the parameter file of virtual_camera")


def _nodes(content: Any) -> list[dict[str, Any]]:
    """The parameters of every node of a parameter file, however deep its namespaces are written."""
    if not isinstance(content, dict):
        return []
    found: list[dict[str, Any]] = []
    for key, value in content.items():
        found += [value] if key == "ros__parameters" and isinstance(value, dict) else _nodes(value)
    return found


def _check_full(what: str, name: str) -> None:
    if not name.startswith("/"):
        raise InvalidInputError(f"{what} is {name!r}; give a full name that begins with /")


def _own_services(inside: str, node: str) -> tuple[str, ...]:
    return tuple(f"{inside}/{node}/{name}" for name in (*_LIFECYCLE, *_PARAMETERS))
