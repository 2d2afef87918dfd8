"""Both nodes on one machine: a synthesis_server and a virtual_camera, as two processes."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare


def generate_launch_description() -> LaunchDescription:
    share = FindPackageShare("anyview_ros")
    arguments = [
        DeclareLaunchArgument(
            "camera_params_file",
            default_value=PathJoinSubstitution([share, "config", "virtual_cameras.yaml"]),
            description="YAML file that declares the virtual cameras.",
        ),
        DeclareLaunchArgument(
            "server_params_file",
            default_value=PathJoinSubstitution([share, "config", "synthesis_server.yaml"]),
            description="YAML file with the server's parameters.",
        ),
    ]
    included = [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(PathJoinSubstitution([share, "launch", f"{name}.launch.py"])),
            launch_arguments={"params_file": LaunchConfiguration(params_file)}.items(),
        )
        for name, params_file in (
            ("synthesis_server", "server_params_file"),
            ("virtual_camera", "camera_params_file"),
        )
    ]
    return LaunchDescription([*arguments, *included])
