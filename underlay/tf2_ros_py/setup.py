from setuptools import setup

setup(
    name="tf2_ros_py",
    version="0.1.0",
    packages=["tf2_ros"],
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/tf2_ros_py"]),
        ("share/tf2_ros_py", ["package.xml"]),
    ],
    zip_safe=False,
    maintainer="The anyview_ros maintainers",
    maintainer_email="anyview-ros@example.org",
    description="TF for Python nodes, for machines whose ROS has none.",
    license="Apache-2.0",
)
