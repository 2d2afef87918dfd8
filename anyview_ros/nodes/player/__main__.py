"""``python -m anyview_ros.nodes.player``."""

import sys

from anyview_ros.nodes.player.node import main

sys.exit(main())
