"""What was seen of a running graph, view by view, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anyview_ros.evaluation.comparison import Comparison


@dataclass(frozen=True, eq=False)
class LiveSample(Comparison):
    """One published view, what it is to be compared with, and how long it took.

    Attributes:
        latency_ms: from the arrival of the source frame to the arrival of the view, both at the observer.
        age_ms: from the stamp to the arrival of the view.
        elapsed_s: since the observation began.
    """

    latency_ms: float
    age_ms: float
    elapsed_s: float


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """The 50th and 99th percentile, None for no values."""
    if not values:
        return {"p50": None, "p99": None}
    return {"p50": float(np.percentile(values, 50)), "p99": float(np.percentile(values, 99))}
