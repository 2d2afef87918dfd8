from setuptools import setup

setup(
    name="tf_transformations",
    version="0.1.0",
    packages=["tf_transformations"],
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/tf_transformations"]),
        ("share/tf_transformations", ["package.xml"]),
    ],
    zip_safe=False,
    maintainer="The anyview_ros maintainers",
    maintainer_email="anyview-ros@example.org",
    description="Quaternions, Euler angles and 4x4 matrices, for machines whose ROS has none.",
    license="Apache-2.0",
)
