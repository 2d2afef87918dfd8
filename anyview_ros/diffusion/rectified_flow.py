"""Rectified flow written in the noise levels of EDM.

A sample of level sigma is y = x + sigma n. The network sees the point y / (1 + sigma) = (1 - tau) x + tau n of the
straight path from picture to noise, tau = sigma / (1 + sigma), and predicts the flow F = n - x.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RectifiedFlow:
    """Factors around a network that predicts flow: x = skip * y + out * F(inside * y, noise).

    Attributes:
        skip: of the sample.
        out: of the network's prediction.
        inside: of the sample on its way into the network.
        noise: the noise level told to the network, tau in [0, 1).
    """

    skip: float
    out: float
    inside: float
    noise: float

    @classmethod
    def at(cls, sigma: float) -> RectifiedFlow:
        """The factors at noise level ``sigma``."""
        tau = sigma / (1.0 + sigma)
        return cls(skip=1.0 - tau, out=-tau, inside=1.0 - tau, noise=tau)
