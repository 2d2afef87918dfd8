"""The robot: one lifecycle node that watches a camera and TF and publishes the virtual cameras' views."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration

from anyview_ros.nodes.launching import config_file, lifecycle_node


def generate_launch_description() -> LaunchDescription:
    arguments = [
        DeclareLaunchArgument(
            "namespace",
            default_value="anyview",
            description="Namespace of the virtual cameras, and of the server unless the parameter `server` names it.",
        ),
        DeclareLaunchArgument(
            "params_file",
            default_value=config_file("virtual_cameras.yaml"),
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
    ]
    remappings = [
        ("image", LaunchConfiguration("image")),
        ("image/compressed", [LaunchConfiguration("image"), "/compressed"]),
        ("camera_info", LaunchConfiguration("camera_info")),
        ("depth", LaunchConfiguration("depth")),
        ("/tf", LaunchConfiguration("tf")),
        ("/tf_static", LaunchConfiguration("tf_static")),
    ]
    return LaunchDescription([*arguments, *lifecycle_node("virtual_camera", remappings)])
