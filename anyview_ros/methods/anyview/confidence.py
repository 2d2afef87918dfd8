"""How far to trust a view: what the model itself can tell, which is little.

AnyView has no output for uncertainty, and it may repaint even what the source saw. So a single view claims nothing:
its confidence is 0. Several views of the same target, drawn with different seeds, show where the model is sure of
itself: confidence is then 1 where they agree and falls to 0 where they spread as far as independent draws of unseen
scenes do. Agreement is not truth: a model can be sure and wrong.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FARTHEST_SPREAD = 50.0
"""Grey levels of standard deviation at which nothing is left of the confidence: two independent draws of the
published model differ by 65 to 80 grey levels RMS (10 to 12 dB), which is the square root of 2 times as much."""


def agreement(samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Confidence of each pixel from S views of one target.

    Args:
        samples: uint8 (S, N, h, w, 3).

    Returns:
        float32 (N, h, w) in [0, 1]; 0 everywhere if S is 1.
    """
    if len(samples) == 1:
        return np.zeros(samples.shape[1:4], np.float32)
    variance = samples.astype(np.float32).var(axis=0, ddof=1).mean(axis=-1)
    confidence: NDArray[np.float32] = np.clip(1 - np.sqrt(variance) / np.float32(FARTHEST_SPREAD), 0, 1)
    return confidence
