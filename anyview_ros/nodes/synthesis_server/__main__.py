"""``python -m anyview_ros.nodes.synthesis_server``."""

import sys

from anyview_ros.nodes.synthesis_server import main

sys.exit(main())
