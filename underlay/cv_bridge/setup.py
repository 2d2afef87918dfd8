from setuptools import setup

setup(
    name="cv_bridge",
    version="0.1.0",
    packages=["cv_bridge"],
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/cv_bridge"]),
        ("share/cv_bridge", ["package.xml"]),
    ],
    zip_safe=False,
    maintainer="The anyview_ros maintainers",
    maintainer_email="anyview-ros@example.org",
    description="Images between ROS messages and OpenCV arrays, for machines whose ROS has none.",
    license="Apache-2.0",
)
