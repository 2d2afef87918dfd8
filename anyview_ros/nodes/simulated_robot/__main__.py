"""``python -m anyview_ros.nodes.simulated_robot``."""

import sys

from anyview_ros.nodes.simulated_robot import main

sys.exit(main())
