"""Both nodes on one machine: a synthesis_server and a virtual_camera, as two processes."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration

from anyview_ros.nodes.launching import camera_params_file, config_file, included


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            camera_params_file(),
            DeclareLaunchArgument(
                "server_params_file",
                default_value=config_file("synthesis_server.yaml"),
                description="YAML file with the server's parameters.",
            ),
            included("synthesis_server", {"params_file": LaunchConfiguration("server_params_file")}),
            included("virtual_camera", {"params_file": LaunchConfiguration("camera_params_file")}),
        ]
    )
