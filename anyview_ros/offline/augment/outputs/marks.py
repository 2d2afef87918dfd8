"""What is written wherever a synthesised picture goes: that it is one, and how it was made."""

from __future__ import annotations

import json
from typing import Any

import anyview_ros
from anyview_ros.offline.augment.spool import SpooledView

COMMENT = "Contains synthesised pictures (anyview_ros); they were computed, not filmed."


def provenance_of(view: SpooledView) -> dict[str, Any]:
    """Plain values: that it is synthesised, by what, from which camera, and all that the run knows of it."""
    return {
        "synthesised": True,
        "software": f"anyview_ros {anyview_ros.__version__}",
        "source_camera": view.source,
        **view.provenance,
    }


def picture_text(view: SpooledView) -> dict[str, str]:
    """Entries of text for a PNG file of one of its pictures."""
    return {
        "Software": f"anyview_ros {anyview_ros.__version__}",
        "Comment": COMMENT,
        "Provenance": json.dumps(provenance_of(view), sort_keys=True),
    }
