"""What every test stands on."""

from __future__ import annotations

import os

# Several test processes share few cores; torch and OpenCV would each take them all.
os.environ.setdefault("OMP_NUM_THREADS", "1")
