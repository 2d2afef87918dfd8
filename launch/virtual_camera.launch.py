"""The robot: one lifecycle node that watches a camera and TF and publishes the virtual cameras' views."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.descriptions import Parameter
from launch_ros.substitutions import FindPackageShare


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument(
            "namespace",
            default_value="anyview",
            description="Namespace of the virtual cameras, and of the server unless the parameter `server` names it.",
        ),
        DeclareLaunchArgument(
            "params_file",
            default_value=PathJoinSubstitution(
                [FindPackageShare("anyview_ros"), "config", "virtual_cameras.yaml"]
            ),
            description="YAML file that declares the virtual cameras; copy the package's and change it.",
        ),
        DeclareLaunchArgument(
            "image", default_value="/camera/image_raw", description="Topic of the real camera's picture."
        ),
        DeclareLaunchArgument(
            "camera_info", default_value="/camera/camera_info", description="Topic of its CameraInfo."
        ),
        DeclareLaunchArgument(
            "depth",
            default_value="/camera/depth/image_raw",
            description="Topic of its depth picture, aligned with the colour; used if use_depth is true.",
        ),
        DeclareLaunchArgument(
            "tf", default_value="/tf", description="Topic of TF; a robot with a namespace may have its own."
        ),
        DeclareLaunchArgument("tf_static", default_value="/tf_static", description="Topic of static TF."),
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
        executable="virtual_camera",
        name="virtual_camera",
        namespace=LaunchConfiguration("namespace"),
        parameters=[
            Parameter("autostart", True),  # of what is told twice, the later counts
            LaunchConfiguration("params_file"),
            *([given] if given else []),
        ],
        remappings=[
            ("image", LaunchConfiguration("image")),
            ("image/compressed", [LaunchConfiguration("image"), "/compressed"]),
            ("camera_info", LaunchConfiguration("camera_info")),
            ("depth", LaunchConfiguration("depth")),
            ("/tf", LaunchConfiguration("tf")),
            ("/tf_static", LaunchConfiguration("tf_static")),
        ],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
        output="screen",
        emulate_tty=True,
    )
    return [node]
