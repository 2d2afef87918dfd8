#!/usr/bin/env python3
"""Print the packages of the underlay that the present environment lacks, one name a line.

A package is there if what it supplies can be imported, in a process of its own: a library that cannot be loaded
counts as missing, and cannot take this program down. A package that was built from this folder counts as missing
too, so that the answer does not depend on whether the underlay is sourced already.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROBES = {
    "tf2_msgs": "from tf2_msgs.msg import TFMessage; from tf2_msgs.srv import FrameGraph",
    "tf2_ros_py": "from tf2_ros import Buffer, TransformListener, LookupException",
    "message_filters": "from message_filters import Subscriber, ApproximateTimeSynchronizer",
    "cv_bridge": "from cv_bridge import CvBridge; CvBridge().encoding_to_dtype_with_channels('bgr8')",
    "tf_transformations": "from tf_transformations import quaternion_matrix; quaternion_matrix([0, 0, 0, 1])",
    "diagnostic_updater": "from diagnostic_updater import Updater, TopicDiagnostic",
}
"""What must run for a package to be of use; the keys are all packages of the underlay, in the order of a build."""

MARK = "<underlay_of>anyview_ros</underlay_of>"
TIMEOUT_S = 60.0


def is_importable(probe: str) -> bool:
    """Run a probe in a new interpreter."""
    try:
        done = subprocess.run(  # noqa: S603 - the probes are the constants above
            [sys.executable, "-c", probe], capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def is_from_underlay(package: str) -> bool:
    """Say whether the first package of this name in the environment was built from this folder."""
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        manifest = Path(prefix, "share", package, "package.xml")
        if prefix and manifest.is_file():
            return MARK in manifest.read_text(encoding="utf-8")
    return False


def missing() -> list[str]:
    """Return the names of the packages to build here."""
    return [
        package for package, probe in PROBES.items() if is_from_underlay(package) or not is_importable(probe)
    ]


def main() -> None:
    """Print them."""
    print("\n".join(missing()))  # noqa: T201 - this is what the program is for


if __name__ == "__main__":
    main()
