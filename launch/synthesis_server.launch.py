"""The GPU machine: one lifecycle node that holds the model and serves every robot."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument

from anyview_ros.nodes.launching import config_file, lifecycle_node


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "namespace",
                default_value="anyview",
                description="Namespace of the server's services and topics.",
            ),
            DeclareLaunchArgument(
                "params_file",
                default_value=config_file("synthesis_server.yaml"),
                description="YAML file with the server's parameters.",
            ),
            *lifecycle_node("synthesis_server"),
        ]
    )
