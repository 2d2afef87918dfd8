"""A simulated arm with one camera, a synthesis_server, a virtual_camera, and RViz if asked for.

`anyview demo` runs the same graph without launch, observes it and writes a report.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare


def generate_launch_description() -> LaunchDescription:
    share = FindPackageShare("anyview_ros")
    arguments = [
        DeclareLaunchArgument(
            "params_file",
            default_value=PathJoinSubstitution([share, "config", "demo.yaml"]),
            description="YAML file with the robot's camera and the virtual cameras.",
        ),
        DeclareLaunchArgument(
            "rviz", default_value="false", choices=["true", "false"], description="Open RViz as well."
        ),
    ]
    robot = Node(
        package="anyview_ros",
        executable="simulated_robot",
        name="simulated_robot",
        parameters=[LaunchConfiguration("params_file")],
        output="screen",
        emulate_tty=True,
    )
    anyview = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([share, "launch", "anyview.launch.py"])),
        launch_arguments={"camera_params_file": LaunchConfiguration("params_file")}.items(),
    )
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", PathJoinSubstitution([share, "config", "anyview.rviz"])],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return LaunchDescription([*arguments, robot, anyview, rviz])
