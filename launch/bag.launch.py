"""A recorded bag, replayed with its clock, seen from virtual cameras."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.parameter_descriptions import ParameterValue

from anyview_ros.nodes.launching import camera_params_file, included, node


def generate_launch_description() -> LaunchDescription:
    played = {
        "input": ParameterValue(LaunchConfiguration("bag"), value_type=str),
        "loop": ParameterValue(LaunchConfiguration("loop"), value_type=bool),
        "speed": ParameterValue(LaunchConfiguration("speed"), value_type=float),
    }
    cameras = {
        "camera_params_file": LaunchConfiguration("camera_params_file"),
        "use_sim_time": "true",
    }
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "bag", description="Bag to play: a folder with metadata.yaml, an .mcap or a .db3 file."
            ),
            DeclareLaunchArgument(
                "loop",
                default_value="true",
                choices=["true", "false"],
                description="Begin again at its end.",
            ),
            DeclareLaunchArgument("speed", default_value="1.0", description="Speed at which it is played."),
            camera_params_file(),
            node("player", [played]),
            included("anyview", cameras),
        ]
    )
