"""How far a pixel is supported by what was seen, and will be good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyview_ros.methods.anyview_small.weights import Calibration

if TYPE_CHECKING:
    from torch import Tensor


def confidence(support: Tensor, log_error: Tensor, calibration: Calibration) -> Tensor:
    """The probability that a pixel is good, in [0, 1], less where it was not seen.

    Args:
        support: share of the mixture that the source shows, in [0, 1].
        log_error: logarithm of the error that the network expects.
        calibration: fitted on held-out scenes.
    """
    import math

    good = (calibration.slope * (math.log(calibration.middle) - log_error)).sigmoid()
    return (good * (support + calibration.beyond * (1 - support))).clamp(0, 1)
