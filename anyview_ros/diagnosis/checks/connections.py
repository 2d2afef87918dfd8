"""Publishers and subscriptions match."""

from __future__ import annotations

from collections.abc import Iterator

from anyview_ros.diagnosis.evidence import Connection, Evidence
from anyview_ros.diagnosis.finding import Finding, error, fine


def check_connections(evidence: Evidence) -> Iterator[Finding]:
    """Pairs whose quality of service keeps messages from passing."""
    wrong = [connection for connection in evidence.connections if _mismatches(connection)]
    for connection in wrong:
        reasons = _mismatches(connection)
        yield error(
            "qos.mismatch",
            connection.topic,
            f"{connection.publisher} offers {connection.offered}; {connection.subscriber} requests "
            f"{connection.requested}: {', '.join(reasons)}",
            _remedy(connection),
        )
    if evidence.connections and not wrong:
        topics = {connection.topic for connection in evidence.connections}
        yield fine("qos", f"{len(topics)} topics", f"{len(evidence.connections)} connections match")


def _mismatches(connection: Connection) -> list[str]:
    """A subscription may ask for less than is offered, never for more (DDS 1.4, 2.2.3)."""
    offered, requested = connection.offered, connection.requested
    reasons = []
    if requested.reliable and not offered.reliable:
        reasons.append("reliable is asked for but not offered")
    if requested.latched and not offered.latched:
        reasons.append("latched (transient local) is asked for but not offered")
    if requested.deadline_ns is not None and (
        offered.deadline_ns is None or offered.deadline_ns > requested.deadline_ns
    ):
        reasons.append("a shorter deadline is asked for than is offered")
    return reasons


def _remedy(connection: Connection) -> str:
    if connection.topic.endswith("tf_static"):
        return "publish /tf_static with StaticTransformBroadcaster (reliable, transient local)"
    if connection.requested.reliable and not connection.offered.reliable:
        return "subscribe best effort (qos_overrides.<topic>.subscription.reliability), or publish reliable"
    return "ask for less in qos_overrides.<topic>.subscription.*, or offer more in the publisher"
