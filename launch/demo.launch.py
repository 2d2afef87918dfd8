"""A simulated arm with one camera, a synthesis_server, a virtual_camera, and RViz if asked for.

`anyview demo` runs the same graph without launch, observes it and writes a report.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from anyview_ros.nodes.launching import config_file, included, node


def generate_launch_description() -> LaunchDescription:
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", config_file("anyview.rviz")],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "params_file",
                default_value=config_file("demo.yaml"),
                description="YAML file with the robot's camera and the virtual cameras.",
            ),
            DeclareLaunchArgument(
                "rviz", default_value="false", choices=["true", "false"], description="Open RViz as well."
            ),
            node("simulated_robot", [LaunchConfiguration("params_file")]),
            included("anyview", {"camera_params_file": LaunchConfiguration("params_file")}),
            rviz,
        ]
    )
