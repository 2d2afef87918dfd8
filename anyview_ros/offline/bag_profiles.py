"""QoS profiles as bags hold them: rosbag2 wrote numbers once, and writes names since Jazzy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from anyview_ros.errors import ReadError

LATCHED: dict[str, Any] = {
    "history": "keep_last",
    "depth": 1,
    "reliability": "reliable",
    "durability": "transient_local",
    "deadline": {"sec": 0, "nsec": 0},
    "lifespan": {"sec": 0, "nsec": 0},
    "liveliness": "automatic",
    "liveliness_lease_duration": {"sec": 0, "nsec": 0},
    "avoid_ros_namespace_conventions": False,
}
"""Profile of what is sent once and given to those who come later, such as /tf_static."""

RELIABLE: dict[str, Any] = {**LATCHED, "depth": 10, "durability": "volatile"}
"""The default profile of publishers."""


@lru_cache(maxsize=256)  # few profiles are offered on many topics
def read_profiles(text: str) -> tuple[dict[str, Any], ...]:
    """The profiles of a bag's ``offered_qos_profiles``, in YAML, under the names of rosbag2.

    Raises:
        ReadError: text that says no profiles.
    """
    import yaml
    from rosbags.rosbag2.metadata import parse_qos

    try:
        return profiles_of(parse_qos(load_yaml(text) or []))
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ReadError(f"offered_qos_profiles is {text!r}, which says no QoS profiles") from error


def load_yaml(text: str) -> Any:
    """What YAML says, read in C where that is built in: bags are opened often.

    Raises:
        yaml.YAMLError, ValueError, RecursionError: no YAML.
    """
    import yaml

    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe


def profiles_of(qos: Sequence[Any]) -> tuple[dict[str, Any], ...]:
    """The profiles that rosbags has read."""
    from rosbags.rosbag2.metadata import dump_qos_v9

    return tuple(dict(profile) for profile in dump_qos_v9(list(qos)))


def profiles_text(profiles: Sequence[Mapping[str, Any]]) -> str:
    """YAML of profiles, as the metadata of a channel hold it."""
    import yaml

    return yaml.safe_dump([dict(profile) for profile in profiles], sort_keys=False)
