"""``python -m anyview_ros.nodes.virtual_camera``."""

import sys

from anyview_ros.nodes.virtual_camera import main

sys.exit(main())
