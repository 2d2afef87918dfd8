"""A recorded bag, replayed with its clock, seen from virtual cameras."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare


def generate_launch_description() -> LaunchDescription:
    share = FindPackageShare("anyview_ros")
    arguments = [
        DeclareLaunchArgument(
            "bag", description="Bag to play: a folder with metadata.yaml, an .mcap or a .db3 file."
        ),
        DeclareLaunchArgument(
            "loop", default_value="true", choices=["true", "false"], description="Begin again at its end."
        ),
        DeclareLaunchArgument("speed", default_value="1.0", description="Speed at which it is played."),
        DeclareLaunchArgument(
            "camera_params_file",
            default_value=PathJoinSubstitution([share, "config", "virtual_cameras.yaml"]),
            description="YAML file that declares the virtual cameras.",
        ),
    ]
    player = Node(
        package="anyview_ros",
        executable="player",
        name="player",
        parameters=[
            {
                "input": ParameterValue(LaunchConfiguration("bag"), value_type=str),
                "loop": ParameterValue(LaunchConfiguration("loop"), value_type=bool),
                "speed": ParameterValue(LaunchConfiguration("speed"), value_type=float),
            }
        ],
        output="screen",
        emulate_tty=True,
    )
    anyview = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([share, "launch", "anyview.launch.py"])),
        launch_arguments={
            "camera_params_file": LaunchConfiguration("camera_params_file"),
            "use_sim_time": "true",
        }.items(),
    )
    return LaunchDescription([*arguments, player, anyview])
