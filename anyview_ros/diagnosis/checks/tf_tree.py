"""The camera's frame hangs in one tree with the fixed frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from anyview_ros.diagnosis.evidence import CameraEvidence, Evidence
from anyview_ros.diagnosis.finding import Finding, error, fine, warning
from anyview_ros.diagnosis.transforms import TransformTree

_SHOWN = 6


def check_tf_tree(evidence: Evidence) -> Iterator[Finding]:
    """No TF, unknown frames, several parents, loops, several trees, transforms that are none."""
    tree = evidence.transforms
    if tree is None:
        return
    if not tree.edges:
        yield error(
            "tf.missing",
            "/tf, /tf_static",
            "no transform at all",
            "run robot_state_publisher, or ros2 run tf2_ros static_transform_publisher for a camera that stands; "
            "namespaced robots remap /tf and /tf_static; record both in a bag",
        )
        return
    yield from _malformed(tree)
    for camera in evidence.cameras:
        if len(camera.images) or (camera.infos is not None and len(camera.infos)):
            yield from _one(evidence, tree, camera)
    yield from _fixed(evidence, tree)


def _malformed(tree: TransformTree) -> Iterator[Finding]:
    for edge in tree.edges:
        if edge.invalid:
            yield error(
                "tf.invalid",
                edge.name,
                edge.invalid,
                "publish finite values and a unit quaternion (x, y, z, w)",
            )
    parents: dict[str, set[str]] = {}
    for edge in tree.edges:
        parents.setdefault(edge.child, set()).add(edge.parent)
    for child, names in sorted(parents.items()):
        if len(names) > 1:
            yield error(
                "tf.two_parents",
                child,
                f"hangs from {' and from '.join(sorted(names))}",
                "a frame has one parent: stop one of the publishers (a camera driver and a URDF often both publish)",
            )
    loop = tree.loop()
    if loop:
        yield error(
            "tf.loop", ", ".join(loop), "hang from each other in a loop", "remove one of the transforms"
        )
    both = Counter((edge.parent, edge.child) for edge in tree.edges)
    for (parent, child), count in sorted(both.items()):
        if count > 1:
            yield warning(
                "tf.static_and_dynamic",
                f"{parent} → {child}",
                "comes on /tf and on /tf_static",
                "publish it on one",
            )


def _one(evidence: Evidence, tree: TransformTree, camera: CameraEvidence) -> Iterator[Finding]:
    frame = camera.frame
    if not frame:
        yield error(
            "tf.no_frame_id",
            camera.name,
            "frame_id is empty",
            "set the driver's frame_id to the camera's optical frame",
        )
        return
    if frame not in tree.frames:
        yield error(
            "tf.unknown_frame",
            frame,
            f"TF has no such frame; it has {_listed(tree.frames)}",
            "add the camera to the URDF or publish its mounting; check the driver's frame_id for a prefix",
        )
        return
    if len(tree.trees) == 1:
        yield fine("tf", frame, f"hangs from {tree.root(frame)} over {len(tree.chain(frame))} transforms")
        return
    yield from _split(evidence, tree, camera)


def _split(evidence: Evidence, tree: TransformTree, camera: CameraEvidence) -> Iterator[Finding]:
    """An error if the camera's tree is not that of the fixed frame, or plainly not that of the robot."""
    mine = tree.root(camera.frame)
    wanted = _robot(tree)
    if evidence.fixed_frame in tree.frames:
        wanted = tree.root(evidence.fixed_frame)
    others = {root: frames for root, frames in tree.trees.items() if root != mine}
    told = "; ".join(f"{root} with {_listed(frames - {root})}" for root, frames in list(others.items())[:3])
    value = f"its tree {mine} is apart from {told}"
    if mine != wanted:
        yield error(
            "tf.split",
            camera.frame,
            value,
            f"publish the transform between {wanted} and {mine} (where the camera is mounted)",
        )
    elif evidence.fixed_frame:
        yield fine("tf", camera.frame, f"hangs from {mine}; other trees do not matter: {', '.join(others)}")
    else:
        yield warning(
            "tf.split",
            camera.frame,
            value,
            f"publish what connects {mine} and {next(iter(others))}, or name the frame that matters with --fixed-frame",
        )


def _robot(tree: TransformTree) -> str:
    """The root of the tree that moves, or else of the largest."""
    moving = {tree.root(edge.child) for edge in tree.edges if not edge.static}
    return next((root for root in tree.trees if root in moving), next(iter(tree.trees)))


def _fixed(evidence: Evidence, tree: TransformTree) -> Iterator[Finding]:
    fixed = evidence.fixed_frame
    if fixed and fixed not in tree.frames:
        yield error(
            "tf.unknown_frame",
            fixed,
            f"the fixed frame is not in TF, which has {_listed(tree.frames)}",
            "name one of these, or start the localisation that publishes it",
        )


def _listed(frames: frozenset[str]) -> str:
    names = sorted(frames)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
