"""What the nodes may do on a secured graph (SROS 2): a policy that allows what they use and nothing else.

The form is that of SROS 2 policies, version 0.2.0 (design.ros2.org, "ROS 2 Access Control Policies"). This module
imports no ROS, so that policies can be written on any machine.
"""

from __future__ import annotations

import re
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
_EVERYWHERE = ("/diagnostics", "/parameter_events", "/rosout")
_WILDCARDS = {"*": r"/\w+", "**": r"(/\w+)*"}  # of names of nodes in parameter files


@dataclass(frozen=True)
class Deployment:
    """The names of one robot with a synthesis server.

    Attributes:
        cameras: names of the virtual cameras.
        namespace: of virtual_camera.
        image, camera_info: topics of the real camera.
        depth: topic of its depth; "" if none is used.
        compressed: whether ``<image>/compressed`` is subscribed instead.
        sim_time: whether the nodes follow /clock.
        by_products: what is published besides views.
        refined_poses: whether refined poses are broadcast on TF.
        server: namespace of the server, as the parameter of that name; "" for that of virtual_camera.
        local: whether virtual_camera synthesises by itself, without a server.
        publish_tf: whether frames of the virtual cameras are broadcast on TF.
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
    server: str = ""
    local: bool = False
    publish_tf: bool = True

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

    @property
    def inside(self) -> str:
        """What the full names of virtual_camera begin with."""
        return self.namespace.rstrip("/")

    @property
    def served_inside(self) -> str:
        """What the full names of the server begin with."""
        server = self.server.rstrip("/")
        return server if self.server.startswith("/") else f"{self.inside}/{server}".rstrip("/")


@dataclass(frozen=True)
class NodeRights:
    """What one node may do; full names, and what those of the node begin with."""

    name: str
    inside: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    reply: tuple[str, ...]
    request: tuple[str, ...]
    execute: tuple[str, ...] = ()
    call: tuple[str, ...] = ()


def rights(deployment: Deployment) -> tuple[NodeRights, ...]:
    """What ``synthesis_server``, where there is one, and ``virtual_camera`` use."""
    camera = _camera_rights(deployment)
    return (camera,) if deployment.local else (_server_rights(deployment), camera)


def _server_rights(deployment: Deployment) -> NodeRights:
    inside = deployment.served_inside
    return NodeRights(
        "synthesis_server",
        inside,
        publish=(
            f"{inside}/stream_views",
            f"{inside}/synthesis_server/transition_event",
            *_EVERYWHERE,
        ),
        subscribe=(f"{inside}/stream_frames", *_clock(deployment)),
        reply=tuple(
            f"{inside}/{name}" for name in ("close_stream", "describe", "open_stream", "synthesize_views")
        )
        + _own_services(inside, "synthesis_server"),
        request=(),
        execute=(f"{inside}/{_ACTION}",),
    )


def _camera_rights(deployment: Deployment) -> NodeRights:
    inside, served = deployment.inside, deployment.served_inside
    remote = not deployment.local
    image = f"{deployment.image}/compressed" if deployment.compressed else deployment.image
    depth = (deployment.depth,) if deployment.depth else ()
    return NodeRights(
        "virtual_camera",
        inside,
        publish=(
            *(f"{inside}/{camera}/{topic}" for camera in deployment.cameras for topic in _VIEW_TOPICS),
            f"{inside}/status",
            *((f"{served}/stream_frames",) if remote else ()),
            f"{inside}/virtual_camera/transition_event",
            *(f"{inside}/virtual_camera/{_BY_PRODUCTS[name]}" for name in deployment.by_products),
            *(("/tf",) if deployment.refined_poses else ()),
            *(("/tf_static",) if deployment.publish_tf else ()),
            *_EVERYWHERE,
        ),
        subscribe=(
            image,
            deployment.camera_info,
            *depth,
            *((f"{served}/stream_views",) if remote else ()),
            "/tf",
            "/tf_static",
            *_clock(deployment),
        ),
        reply=tuple(f"{inside}/{name}" for name in ("capture_view", "set_virtual_camera", "tf2_frames"))
        + _own_services(inside, "virtual_camera"),
        request=tuple(f"{served}/{name}" for name in ("close_stream", "describe", "open_stream") if remote),
        call=(f"{served}/{_ACTION}",) if remote else (),
    )


def _clock(deployment: Deployment) -> tuple[str, ...]:
    return ("/clock",) if deployment.sim_time else ()


def policy_xml(deployment: Deployment) -> str:
    """The policy, one enclave per node, named as the node is: what ``ros2 security create_permission`` takes."""
    policy = ElementTree.Element("policy", version="0.2.0")
    enclaves = ElementTree.SubElement(policy, "enclaves")
    for node in rights(deployment):
        enclave = ElementTree.SubElement(enclaves, "enclave", path=f"{node.inside}/{node.name}")
        profiles = ElementTree.SubElement(enclave, "profiles")
        profile = ElementTree.SubElement(profiles, "profile", ns=node.inside or "/", node=node.name)
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


def declared_in(params_file: Path, namespace: str = "/anyview") -> dict[str, Any]:
    """What a parameter file says that a policy depends on: ``use_depth``, and what else :class:`Deployment` tells.

    Args:
        params_file: of ``virtual_camera``, and of other nodes if it likes.
        namespace: of ``virtual_camera``; what the file says for nodes elsewhere counts for nothing.

    Raises:
        InvalidInputError: a namespace that is not a full name.
        ReadError: no such file, no YAML, or no virtual cameras in it.
    """
    _check_full("namespace", namespace)
    try:
        content = yaml.safe_load(params_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ReadError(f"cannot read {params_file}: {error}; give a ROS parameter file") from error
    node = f"{namespace.rstrip('/')}/virtual_camera"
    values: dict[str, Any] = {}
    for pattern, block in _blocks(content):
        if re.fullmatch(pattern, node):
            values |= block
    cameras = values.get("virtual_cameras")
    if (
        not isinstance(cameras, list)
        or not all(isinstance(name, str) for name in cameras)
        or not any(cameras)
    ):
        raise ReadError(
            f"{params_file} declares no virtual_cameras for {node}; give the parameter file of virtual_camera, and the "
            "namespace that it runs in"
        )
    return {
        "cameras": tuple(name for name in cameras if name),
        "use_depth": bool(values.get("use_depth", False)),
        "compressed": values.get("image_transport") == "compressed",
        "sim_time": bool(values.get("use_sim_time", False)),
        "by_products": tuple(name for name in values.get("by_products") or () if name),
        "refined_poses": bool(values.get("refined_frame")),
        "server": str(values.get("server") or ""),
        "local": values.get("engine") == "local",
        "publish_tf": bool(values.get("publish_tf", True)),
    }


def _blocks(content: Any, pattern: str = "") -> list[tuple[str, dict[str, Any]]]:
    """The parameters in a file with a regular expression of the full names of nodes that they are for, in order.

    Names may be nested, and hold ``*`` for one part of a name and ``**`` for any number of parts. Of what is told
    twice, the later counts.
    """
    if not isinstance(content, dict):
        return []
    found: list[tuple[str, dict[str, Any]]] = []
    for key, value in content.items():
        if key == "ros__parameters":
            found += [(pattern, value)] if isinstance(value, dict) else []
        else:
            parts = [part for part in str(key).split("/") if part]
            deeper = "".join(_WILDCARDS.get(part, f"/{re.escape(part)}") for part in parts)
            found += _blocks(value, pattern + deeper)
    return found


def _check_full(what: str, name: str) -> None:
    if not name.startswith("/"):
        raise InvalidInputError(f"{what} is {name!r}; give a full name that begins with /")


def _own_services(inside: str, node: str) -> tuple[str, ...]:
    return tuple(f"{inside}/{node}/{name}" for name in (*_LIFECYCLE, *_PARAMETERS))
