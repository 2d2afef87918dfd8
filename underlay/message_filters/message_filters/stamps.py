"""When a message was taken."""

from __future__ import annotations

from typing import Any

from rclpy.clock import ROSClock
from rclpy.logging import get_logger
from rclpy.time import Time


def time_of(message: Any, *, allow_headerless: bool, logger: str) -> Time | None:
    """Return the header's stamp; without one, the present time if that is allowed, else None."""
    stamp = getattr(getattr(message, "header", None), "stamp", None)
    if stamp is not None:
        return stamp if hasattr(stamp, "nanoseconds") else Time.from_msg(stamp)
    if allow_headerless:
        return ROSClock().now()
    get_logger(logger).warning(
        f"Dropping a {type(message).__name__} without a header.stamp. "
        "Pass allow_headerless=True to take the time of its arrival instead."
    )
    return None
