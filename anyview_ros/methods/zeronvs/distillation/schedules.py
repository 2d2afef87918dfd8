"""What changes while a scene is distilled: quantities that go from one value to another over a part of the fit."""

from __future__ import annotations

from dataclasses import dataclass

from anyview_ros.errors import InvalidRequestError


@dataclass(frozen=True)
class Ramp:
    """A quantity that goes evenly from one value to another, and stays at either before and after.

    Attributes:
        first, last: values.
        begin, end: when it leaves the first and reaches the last, as shares of the fit, 0 to 1.

    Raises:
        InvalidRequestError: an end before the beginning, or outside the fit.
    """

    first: float
    last: float
    begin: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.begin <= self.end <= 1:
            raise InvalidRequestError(
                f"a ramp goes from {self.begin} to {self.end} of the fit; give 0 <= begin <= end <= 1"
            )

    def at(self, share: float) -> float:
        """The value when this share of the fit is done."""
        if share >= self.end:
            return self.last
        if share <= self.begin:
            return self.first
        return self.first + (share - self.begin) / (self.end - self.begin) * (self.last - self.first)


@dataclass(frozen=True)
class TimestepRange:
    """From which noise levels a step draws: high ones first, which place things, low ones at last, which sharpen them.

    Attributes:
        least, most: shares of all levels. By default those of the published distillation: in its 4,000 steps the
            least falls from 0.75 to 0.02 by step 1,000, then the most from 0.98 to 0.025 by step 2,500.
    """

    least: Ramp = Ramp(0.75, 0.02, 0.0, 0.25)
    most: Ramp = Ramp(0.98, 0.025, 0.25, 0.625)

    def at(self, share: float, levels: int) -> tuple[int, int]:
        """The first and the last level, both included, when this share of the fit is done."""
        low = min(max(int(self.least.at(share) * levels), 0), levels - 1)
        return low, max(low, min(int(self.most.at(share) * levels), levels - 1))


ANCHOR_USE = Ramp(1.0, 0.0, 0.0, 0.5)
"""The chance that a step is conditioned on the nearest anchor rather than on the input."""
