"""From posed frames to answers: the engine, or the stated fallback while the engine is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.nodes.virtual_camera.picture import Picture
from anyview_ros.nodes.virtual_camera.session import StreamKeeper, StreamPlan
from anyview_ros.synthesis.by_products import ByProduct


class Viewer:
    """Hands each frame to the engine, or to the fallback once the engine has been away for long enough.

    Args:
        main: stream to the engine.
        fallback: stream to a local engine; None: nothing is published while the engine is away.
        fallback_options: options of the fallback's method.
        fallback_after_s: gives the time that the engine must be away.
    """

    def __init__(
        self,
        main: StreamKeeper,
        fallback: StreamKeeper | None,
        *,
        fallback_options: Mapping[str, Any] | None,
        fallback_after_s: Callable[[], float],
    ) -> None:
        self._main = main
        self._fallback = fallback
        self._fallback_options = fallback_options
        self._fallback_after_s = fallback_after_s
        self._away_since_s: float | None = None

    @property
    def on_fallback(self) -> bool:
        """Whether the engine has been away for long enough that the fallback applies."""
        away_s = self._away_since_s
        return (
            self._fallback is not None
            and away_s is not None
            and time.monotonic() - away_s >= self._fallback_after_s()
        )

    @property
    def frames_replaced(self) -> int:
        """Frames that gave way to newer ones before the engine began them, since its stream opened."""
        return self._main.frames_replaced

    def push(
        self,
        plan: StreamPlan,
        picture: Picture,
        pose: NDArray[np.float64],
        stamp_ns: int,
        targets: Mapping[str, Any],
        by_products: frozenset[ByProduct] = frozenset(),
    ) -> str:
        """Push one frame; return why the engine did not take it, or "". The fallback makes no by-products."""
        problem = self._main.push(plan, picture, pose, stamp_ns, targets, by_products)
        if not problem:
            self._away_since_s = None
            return ""
        if self._away_since_s is None:
            self._away_since_s = time.monotonic()
        if self._fallback is None or not self.on_fallback:
            return problem
        local = replace(plan, steps=None, options=self._fallback_options)
        trouble = self._fallback.push(local, picture, pose, stamp_ns, targets)
        return f"{problem}; fallback: {trouble}" if trouble else problem

    def abandon(self) -> None:
        """Cancel running work; streams are opened anew with the next frame."""
        self._main.abandon()
        if self._fallback is not None:
            self._fallback.abandon()

    def close(self) -> None:
        """Close the streams."""
        self._main.close()
        if self._fallback is not None:
            self._fallback.close()
