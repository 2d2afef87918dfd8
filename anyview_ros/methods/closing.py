"""What methods say once they have been closed."""

from __future__ import annotations

from anyview_ros.errors import EngineClosedError


def closed_error(method: str) -> EngineClosedError:
    """The error of asking a method that has been closed, to be raised."""
    return EngineClosedError(f"method '{method}' has been closed; load it again")
