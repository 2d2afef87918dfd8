"""Cameras a robot does not have: views synthesised from the cameras it has.

Posed clip in, camera trajectories in, posed clips out. Import what you need from the sub-packages, for instance
``anyview_ros.geometry``, ``anyview_ros.clips`` and ``anyview_ros.synthesis``; this module imports nothing heavy.
"""

import pkgutil

__version__ = "0.1.0"

# Run from a checkout, this package hides the generated anyview_ros.msg, .srv and .action of a colcon install further
# down the path; extending the path merges the two.
__path__ = pkgutil.extend_path(__path__, __name__)
