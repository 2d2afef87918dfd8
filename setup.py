"""Installation by pip: the ROS-free core and the command `anyview`.

The nodes need the interfaces in msg/, srv/ and action/, which only colcon can generate: see CMakeLists.txt.
"""

from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent

# The same places as under a colcon install.
configuration = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "config").iterdir() if path.is_file())

setup(data_files=[("share/anyview_ros/config", configuration)])
