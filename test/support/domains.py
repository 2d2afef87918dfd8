"""Domain ids that no other test process on this machine uses."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Above 101 the ports of a domain reach into those that Linux hands out by itself.
DOMAINS = range(10, 102)


@contextmanager
def reserved_domain() -> Iterator[int]:
    """Hold a domain id until the block ends: ROS_DOMAIN_ID if it is set, else one that is free."""
    if "ROS_DOMAIN_ID" in os.environ:
        yield int(os.environ["ROS_DOMAIN_ID"])
        return
    with free_domain() as domain:
        yield domain


@contextmanager
def free_domain(domains: Iterable[int] = DOMAINS) -> Iterator[int]:
    """Hold the first of these domain ids that is free, until the block ends."""
    folder = Path(tempfile.gettempdir(), f"anyview_ros_domains_{os.getuid()}")
    folder.mkdir(exist_ok=True)
    for domain in domains:
        with (folder / str(domain)).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield domain
            return
    message = f"all {len(DOMAINS)} test domains are in use: end some test processes, or set ROS_DOMAIN_ID"
    raise RuntimeError(message)
