"""How a live view goes on from picture to picture: flicker beside the truth's own change, rate, and strips of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.evaluation.comparison import Comparison
from anyview_ros.evaluation.live import LiveSample
from anyview_ros.evaluation.pictures import labelled
from anyview_ros.metrics import flicker

RATE_KEPT = 0.9
"""Share of the rate asked above which it counts as kept."""

_STRIP_WIDTH = 960
_STRIP_HEIGHT = 180


@dataclass(frozen=True)
class Continuity:
    """How one virtual camera's views go on.

    Attributes:
        change: mean absolute difference of a view from the next, grey levels of 255; None for fewer than two views.
        truth_change: the same of the truth at the same instants; None where there is none.
        flicker: change / truth_change; 1 is as lively as the truth. None where the truth stands still.
        asked_hz: rate that the camera is declared with; None if it is not known.
        kept_hz: views published per second.
        shortfall: "" if the rate asked was kept, else one sentence that says by how much it was not, and why.
    """

    change: float | None
    truth_change: float | None
    flicker: float | None
    asked_hz: float | None
    kept_hz: float
    shortfall: str

    def as_json(self) -> dict[str, object]:
        """As plain values for ``report.json``."""
        return asdict(self)


def continuity(
    name: str,
    samples: Sequence[LiveSample],
    *,
    published: int,
    duration_s: float,
    asked_hz: float | None = None,
    source_hz: float | None = None,
) -> Continuity:
    """Measure one camera of a run.

    Args:
        name: of the camera.
        samples: in order of time.
        published: views that its node published in the time.
        duration_s: in which they were published.
        asked_hz: rate that the camera is declared with.
        source_hz: rate at which source frames came in.
    """
    kept_hz = published / max(duration_s, 1e-9)
    known = [sample for sample in samples if sample.truth is not None]
    pairs = known or list(samples)
    views = np.stack([sample.view for sample in pairs]) if pairs else None
    truths = np.stack([sample.truth for sample in known if sample.truth is not None]) if known else None
    measured = None if views is None else flicker(views, views if truths is None else truths)
    return Continuity(
        change=None if measured is None else measured.view,
        truth_change=None if measured is None or truths is None else measured.truth,
        flicker=None if measured is None or truths is None else measured.ratio,
        asked_hz=asked_hz,
        kept_hz=kept_hz,
        shortfall=_shortfall(name, samples, kept_hz, asked_hz, source_hz),
    )


def _shortfall(
    name: str,
    samples: Sequence[LiveSample],
    kept_hz: float,
    asked_hz: float | None,
    source_hz: float | None,
) -> str:
    if asked_hz is None or kept_hz >= RATE_KEPT * asked_hz:
        return ""
    told = f"{name}: {asked_hz:g} views per second are asked for, {kept_hz:.1f} were published"
    if source_hz is not None and source_hz < RATE_KEPT * asked_hz:
        return f"{told}, since the source gives {source_hz:.1f} pictures per second only."
    latency = float(np.median([sample.latency_ms for sample in samples])) if samples else None
    if latency is not None and latency > 1e3 / asked_hz:
        return (
            f"{told}: a view takes {latency:.0f} ms, more than the {1e3 / asked_hz:.0f} ms between two; give fewer "
            "steps, smaller views, a lower rate or a faster machine."
        )
    return f"{told}; see the frames that were lost for the reason, if any."


def time_strip(comparisons: Sequence[Comparison]) -> NDArray[np.uint8] | None:
    """One column of every view side by side, the truth's below: a jump between two pictures shows as an upright edge.

    Args:
        comparisons: of one camera, in order of time.

    Returns:
        uint8 (h, w, 3), RGB, labelled; None for fewer than two views.
    """
    known = [one for one in comparisons if one.truth is not None]
    shown = known or list(comparisons)
    if len(shown) < 2:
        return None
    rows = [labelled(_slice([one.view for one in shown]), "SYNTHESISED, middle column over time")]
    truths = [one.truth for one in known if one.truth is not None]
    if truths:
        rows.append(labelled(_slice(truths), "truth, middle column over time"))
    return np.vstack(rows)


def _slice(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    import cv2

    columns = np.stack([picture[:, picture.shape[1] // 2] for picture in pictures], axis=1)
    stretched = cv2.resize(columns, (_STRIP_WIDTH, _STRIP_HEIGHT), interpolation=cv2.INTER_NEAREST)
    return np.asarray(stretched, np.uint8)
