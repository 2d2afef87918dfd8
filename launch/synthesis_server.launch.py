"""The GPU machine: one lifecycle node that holds the model and serves every robot."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.descriptions import Parameter
from launch_ros.substitutions import FindPackageShare


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument(
            "namespace", default_value="anyview", description="Namespace of the server's services and topics."
        ),
        DeclareLaunchArgument(
            "params_file",
            default_value=PathJoinSubstitution(
                [FindPackageShare("anyview_ros"), "config", "synthesis_server.yaml"]
            ),
            description="YAML file with the server's parameters.",
        ),
        DeclareLaunchArgument(
            "autostart",
            default_value="file",
            choices=["true", "false", "file"],
            description="Configure and activate at once; false leaves it to a lifecycle manager; "
            "file: as params_file says, else true.",
        ),
        DeclareLaunchArgument(
            "use_sim_time",
            default_value="file",
            choices=["true", "false", "file"],
            description="Follow /clock (simulation, bag replay); file: as params_file says, else false.",
        ),
        DeclareLaunchArgument(
            "log_level",
            default_value="info",
            choices=["debug", "info", "warn", "error"],
            description="Log level of the node.",
        ),
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_node)])


def _node(context: LaunchContext) -> list[LifecycleNode]:
    asked = {name: LaunchConfiguration(name).perform(context) for name in ("autostart", "use_sim_time")}
    given = {name: value == "true" for name, value in asked.items() if value != "file"}
    node = LifecycleNode(
        package="anyview_ros",
        executable="synthesis_server",
        name="synthesis_server",
        namespace=LaunchConfiguration("namespace"),
        parameters=[
            Parameter("autostart", True),  # of what is told twice, the later counts
            LaunchConfiguration("params_file"),
            *([given] if given else []),
        ],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
        output="screen",
        emulate_tty=True,
    )
    return [node]
