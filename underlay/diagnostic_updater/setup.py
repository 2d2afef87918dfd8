from setuptools import setup

setup(
    name="diagnostic_updater",
    version="0.1.0",
    packages=["diagnostic_updater"],
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/diagnostic_updater"]),
        ("share/diagnostic_updater", ["package.xml"]),
    ],
    zip_safe=False,
    maintainer="The anyview_ros maintainers",
    maintainer_email="anyview-ros@example.org",
    description="Periodic diagnostics of a node, for machines whose ROS has none.",
    license="Apache-2.0",
)
