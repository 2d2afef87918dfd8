"""What a user tells a format's reader or writer, by name: checked, so that a mistyped name is no silence."""

from __future__ import annotations

from collections.abc import Sequence

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.synthesize.option_values import split_assignments

OUTPUT_OPTIONS = ("action", "action_frame", "fps", "gap_s", "missing_view", "robot_type", "state", "task")
"""Options of what is written, which every reader lets pass: see ``outputs/lerobot.py``."""


def known_options(settings: AugmentSettings, kind: str, known: Sequence[str]) -> dict[str, str]:
    """The options that a reader knows, as far as they are given.

    Args:
        settings: of the run.
        kind: what the reader reads, for the message.
        known: names of the reader's own options.

    Raises:
        InvalidInputError: an option that neither this reader nor an output knows.
    """
    unknown = sorted(set(settings.source_options) - set(known) - set(OUTPUT_OPTIONS))
    if unknown:
        raise InvalidInputError(
            f"{kind} knows no option {', '.join(unknown)}; there are {', '.join(sorted((*known, *OUTPUT_OPTIONS)))}"
        )
    return {name: value for name, value in settings.source_options.items() if name in known}


def parse_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """Options written as NAME=VALUE, by name.

    Raises:
        InvalidInputError: another form, no value, or a name given twice.
    """
    options = split_assignments(assignments, "--source-option")
    for name, value in options.items():
        if not value:
            raise InvalidInputError(f"--source-option {name} has no value; give NAME=VALUE")
    return options
