"""What the launch files have in common. Needs ``launch`` and ``launch_ros``, which PyPI does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node
from launch_ros.descriptions import Parameter
from launch_ros.substitutions import FindPackageShare

_PACKAGE = "anyview_ros"
_FILE_OR_SAID = {"default_value": "file", "choices": ["true", "false", "file"]}


def config_file(name: str) -> PathJoinSubstitution:
    """The path of one of our files in ``config/``."""
    return PathJoinSubstitution([FindPackageShare(_PACKAGE), "config", name])


def camera_params_file() -> DeclareLaunchArgument:
    """The argument that names the file of the virtual cameras."""
    return DeclareLaunchArgument(
        "camera_params_file",
        default_value=config_file("virtual_cameras.yaml"),
        description="YAML file that declares the virtual cameras.",
    )


def included(name: str, arguments: Mapping[str, Any]) -> IncludeLaunchDescription:
    """Another launch file of ours, ``<name>.launch.py``, with these arguments."""
    path = PathJoinSubstitution([FindPackageShare(_PACKAGE), "launch", f"{name}.launch.py"])
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(path), launch_arguments=arguments.items())


def node(executable: str, parameters: Sequence[Any]) -> Node:
    """One of our nodes that is no lifecycle node, named as its executable."""
    return Node(**_ours(executable), parameters=parameters)


def lifecycle_node(executable: str, remappings: Iterable[tuple[str, Any]] = ()) -> list[Any]:
    """One of our lifecycle nodes, named as its executable, after the arguments that say how it starts.

    Args:
        executable: see ``scripts/``.
        remappings: of its topics; from a name to what is to stand there.

    Returns:
        What belongs at the end of a launch description that declares the arguments ``namespace`` and ``params_file``.
    """

    def start(context: LaunchContext) -> list[LifecycleNode]:
        asked = {name: LaunchConfiguration(name).perform(context) for name in ("autostart", "use_sim_time")}
        given = {name: value == "true" for name, value in asked.items() if value != "file"}
        made = LifecycleNode(
            **_ours(executable),
            namespace=LaunchConfiguration("namespace"),
            parameters=[
                Parameter("autostart", True),  # of what is told twice, the later counts
                LaunchConfiguration("params_file"),
                *([given] if given else []),
            ],
            remappings=remappings,
            ros_arguments=["--log-level", LaunchConfiguration("log_level")],
        )
        return [made]

    return [
        DeclareLaunchArgument(
            "autostart",
            **_FILE_OR_SAID,
            description="Configure and activate at once; false leaves it to a lifecycle manager; "
            "file: as params_file says, else true.",
        ),
        DeclareLaunchArgument(
            "use_sim_time",
            **_FILE_OR_SAID,
            description="Follow /clock (simulation, bag replay); file: as params_file says, else false.",
        ),
        DeclareLaunchArgument(
            "log_level",
            default_value="info",
            choices=["debug", "info", "warn", "error"],
            description="Log level of the node.",
        ),
        OpaqueFunction(function=start),
    ]


def _ours(executable: str) -> dict[str, Any]:
    return {
        "package": _PACKAGE,
        "executable": executable,
        "name": executable,
        "output": "screen",
        "emulate_tty": True,
    }
