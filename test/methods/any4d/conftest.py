from __future__ import annotations

import numpy as np
import pytest
from sliding_box import CAMERA, FRAMES, aside, sliding_box

from anyview_ros.clips import PosedClip
from anyview_ros.scenes import render_clip


@pytest.fixture(scope="session")
def clip() -> PosedClip:
    """Five frames of the box, seen by a camera that stands still."""
    return render_clip(sliding_box(), CAMERA, aside(0.0), 0.1 * np.arange(1, FRAMES + 1), supersampling=2)


@pytest.fixture(scope="session")
def beside() -> PosedClip:
    """The same five instants from a place that is not fitted."""
    return render_clip(sliding_box(), CAMERA, aside(0.25), 0.1 * np.arange(1, FRAMES + 1), supersampling=2)
