"""The machine and the load that figures were taken under."""

from __future__ import annotations

from anyview_ros.evaluation.machine import machine, machine_line

__all__ = ["machine", "machine_line"]
