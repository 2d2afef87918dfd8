"""``anyview security-policy``: the SROS 2 policy of a robot's virtual cameras and of their server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from anyview_ros.errors import WriteError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "security-policy",
        help="write the SROS 2 policy of the nodes",
        description="Write the SROS 2 policy that allows the nodes what they use and nothing else. docs/security.md "
        "tells how it is used.",
        epilog="example: anyview security-policy my_cameras.yaml --image /front/image_raw "
        "--camera-info /front/camera_info --output policy.xml",
    )
    parser.add_argument(
        "params_file", type=Path, help="parameter file of virtual_camera, which names its cameras"
    )
    parser.add_argument(
        "--namespace",
        default="/anyview",
        help="namespace of virtual_camera, and of the server unless the file names another (default: %(default)s)",
    )
    parser.add_argument(
        "--image", default="/camera/image_raw", help="topic of the real camera (default: %(default)s)"
    )
    parser.add_argument(
        "--camera-info", default="/camera/camera_info", help="topic of its CameraInfo (default: %(default)s)"
    )
    parser.add_argument(
        "--depth",
        default="/camera/depth/image_raw",
        help="topic of its depth, if the file uses depth (default: %(default)s)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="file to write (default: it is printed)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write or print the policy."""
    from anyview_ros.nodes.security_policy import Deployment, declared_in, policy_xml, rights

    declared = declared_in(arguments.params_file, arguments.namespace)
    uses_depth = declared.pop("use_depth")
    deployment = Deployment(
        namespace=arguments.namespace,
        image=arguments.image,
        camera_info=arguments.camera_info,
        depth=arguments.depth if uses_depth else "",
        **declared,
    )
    text = policy_xml(deployment)
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        try:
            arguments.output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise WriteError(f"cannot write {arguments.output}: {error.strerror}") from error
        nodes = " and ".join(f"{node.inside}/{node.name}" for node in rights(deployment))
        print(f"{arguments.output}: what {nodes} may do")
    return 0
