"""An exact rate for what was recorded at its own pace: nearest pictures, and values held until the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError

Stamps = NDArray[np.int64]

_JITTER = 0.25  # of a period, beyond the half that a steady camera may be away
_LONGEST_HOLD_S = 0.5


@dataclass(frozen=True, eq=False)
class Timeline:
    """Instants at an exact rate.

    Attributes:
        rate: frames per second.
        stamps_ns: (N,), the first and then one every 1 / rate, rounded to nanoseconds.
    """

    rate: Fraction
    stamps_ns: Stamps

    def __len__(self) -> int:
        return len(self.stamps_ns)


def make_timeline(
    rate: Fraction, cameras: Mapping[str, Stamps], values: Mapping[str, Stamps], episode: str
) -> Timeline:
    """Instants from when all is there: every camera has begun and every value is known, until the first camera ends.

    Args:
        rate: frames per second.
        cameras: stamps of each one's pictures, by name.
        values: stamps of each topic's values, by name.
        episode: for messages.

    Raises:
        InvalidInputError: there is no such instant.
    """
    begins = {name: int(stamps[0]) for name, stamps in {**cameras, **values}.items()}
    ends = {name: int(stamps[-1]) for name, stamps in cameras.items()}
    latest, earliest = max(begins, key=begins.__getitem__), min(ends, key=ends.__getitem__)
    begin, end = begins[latest], ends[earliest]
    if end < begin:
        raise InvalidInputError(
            f"{episode}: {latest} begins {(begin - end) / 1e9:.3f} s after {earliest} has ended, so that no frame has "
            "both; are they stamped by the same clock?"
        )
    count = int(Fraction(end - begin, 10**9) * rate) + 1
    return Timeline(
        rate, np.array([begin + round(Fraction(index * 10**9) / rate) for index in range(count)], np.int64)
    )


def nearest_pictures(
    timeline: Timeline, stamps_ns: Stamps, camera: str, longest_gap_s: float | None
) -> list[int]:
    """Number of the picture nearest to each instant.

    Args:
        timeline: the instants.
        stamps_ns: (M,), of the pictures, increasing.
        camera: for messages.
        longest_gap_s: how far the nearest picture may be away, seconds; None for half a period of the timeline, and a
            quarter for jitter.

    Returns:
        (N,) ascending numbers; some may repeat, and some may be left out.

    Raises:
        InvalidInputError: an instant without a picture near it.
    """
    after = np.clip(np.searchsorted(stamps_ns, timeline.stamps_ns), 1, max(len(stamps_ns) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(stamps_ns) - 1)
    closer = timeline.stamps_ns - stamps_ns[before] <= stamps_ns[after] - timeline.stamps_ns
    nearest = np.where(closer, before, after)
    apart_s = np.abs(stamps_ns[nearest] - timeline.stamps_ns) / 1e9
    allowed_s = (0.5 + _JITTER) / float(timeline.rate) if longest_gap_s is None else longest_gap_s
    worst = int(apart_s.argmax())
    if apart_s[worst] > allowed_s:
        begin_s = (int(timeline.stamps_ns[worst]) - int(timeline.stamps_ns[0])) / 1e9
        raise InvalidInputError(
            f"camera {camera} has no picture within {allowed_s:.4f} s of second {begin_s:.3f} at "
            f"{float(timeline.rate):g} frames per second: the nearest is {apart_s[worst]:.4f} s away; give a lower "
            "fps, cut the recording there, or allow it with gap_s"
        )
    return [int(number) for number in nearest]


def held_values(
    timeline: Timeline,
    stamps_ns: Stamps,
    values: NDArray[np.float64],
    topic: str,
    longest_hold_s: float | None,
) -> NDArray[np.float64]:
    """The last value (N, D) at or before each instant.

    Args:
        timeline: the instants.
        stamps_ns: (M,), of the values, increasing.
        values: (M, D).
        topic: for messages.
        longest_hold_s: how old a value may be; None for any age.

    Raises:
        InvalidInputError: an instant before the first value, or a value that is too old.
    """
    last = np.searchsorted(stamps_ns, timeline.stamps_ns, side="right") - 1
    if last[0] < 0:
        raise InvalidInputError(f"{topic} has no value at the first frame")
    ages_s = (timeline.stamps_ns - stamps_ns[last]) / 1e9
    worst = int(ages_s.argmax())
    if longest_hold_s is not None and ages_s[worst] > longest_hold_s:
        begin_s = (int(timeline.stamps_ns[worst]) - int(timeline.stamps_ns[0])) / 1e9
        raise InvalidInputError(
            f"{topic} is {ages_s[worst]:.3f} s old at second {begin_s:.3f}, more than {longest_hold_s:g} s: it "
            "stopped or has a gap; cut the recording there, or allow it with gap_s"
        )
    return values[last]


def increasing(stamps_ns: Stamps, values: NDArray[np.float64]) -> tuple[Stamps, NDArray[np.float64]]:
    """Values in the order of their stamps; of several with one stamp, the last."""
    order = np.argsort(stamps_ns, kind="stable")
    stamps, sorted_values = stamps_ns[order], values[order]
    kept = np.append(np.diff(stamps) > 0, True)
    return stamps[kept], sorted_values[kept]


def state_hold_s(gap_s: float | None) -> float:
    """How old a state may be: half a second, unless the user allows more."""
    return _LONGEST_HOLD_S if gap_s is None else max(gap_s, _LONGEST_HOLD_S)


def whole_rate(rates_hz: Sequence[float], episode: str) -> Fraction:
    """The whole number of frames per second that is nearest to the first camera's rate.

    Raises:
        InvalidInputError: it is far from any.
    """
    rate = rates_hz[0]
    whole = round(rate)
    if whole < 1 or abs(rate - whole) > 0.03 * rate:
        raise InvalidInputError(
            f"the source camera of {episode} gives {rate:.3f} pictures per second, which is near no whole number; give "
            "the rate of the dataset with fps"
        )
    return Fraction(whole)
