"""Pictures are stamped, in order, by a clock that fits the receiver's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from anyview_ros.diagnosis.evidence import Evidence, Origin, Stream
from anyview_ros.diagnosis.finding import Finding, error, fine, warning

_AHEAD_S = 0.05
_BEHIND_S = 1.0
_REWIND_NS = 1_000_000_000


def check_stamps_set(evidence: Evidence) -> Iterator[Finding]:
    """Zero stamps, stamps that repeat or go back, stamps of another clock than the receiver's."""
    for camera in evidence.cameras:
        streams = [camera.images, *([camera.depth.stream] if camera.depth is not None else [])]
        for stream in streams:
            if len(stream):
                yield from _one(evidence, stream)


def _one(evidence: Evidence, stream: Stream) -> Iterator[Finding]:
    stamps = stream.stamps_ns
    zero = int(np.sum(stamps <= 0))
    if zero and evidence.origin is not Origin.EPISODE:
        yield error(
            "stamps.zero",
            stream.topic,
            f"{zero} of {len(stamps)} messages have no stamp",
            "make the driver set header.stamp; without it no pose can be looked up and the frame is dropped",
        )
        return
    order = list(_order(stream))
    yield from order
    if evidence.origin is Origin.EPISODE or any(finding.check == "stamps.rewind" for finding in order):
        return
    delay_s = float(np.median(stream.receipts_ns - stamps)) / 1e9
    clock = list(_clock(evidence, stream, delay_s))
    yield from clock
    if not order and not clock:
        yield fine("stamps", stream.topic, f"in order, received {delay_s * 1e3:.0f} ms after their stamps")


def _order(stream: Stream) -> Iterator[Finding]:
    steps = np.diff(stream.stamps_ns)
    back = int(np.sum(steps < 0))
    if np.any(steps < -_REWIND_NS):
        yield warning(
            "stamps.rewind",
            stream.topic,
            f"the stamps jump back by {-int(steps.min()) / 1e9:.1f} s",
            "expected of a bag that is looped; otherwise two publishers share the topic, or a clock was set",
        )
    elif back:
        yield warning(
            "stamps.out_of_order",
            stream.topic,
            f"{back} of {len(steps)} steps go back",
            "make sure that only one driver publishes the topic",
        )
    repeated = int(np.sum(steps == 0))
    if repeated:
        yield warning(
            "stamps.repeated",
            stream.topic,
            f"{repeated} stamps come twice",
            "make sure that only one driver publishes the topic and that it stamps each frame",
        )


def _clock(evidence: Evidence, stream: Stream, delay_s: float) -> Iterator[Finding]:
    receiver = "received" if evidence.origin is Origin.GRAPH else "logged"
    if delay_s < -_AHEAD_S:
        yield warning(
            "stamps.ahead",
            stream.topic,
            f"stamped {-delay_s:.3g} s later than {receiver}",
            "synchronise the clocks of the machines (chrony, PTP); set use_sim_time where a clock is simulated",
        )
    elif delay_s > _BEHIND_S:
        yield warning(
            "stamps.behind",
            stream.topic,
            f"{receiver} {delay_s:.3g} s after its stamp",
            "synchronise the clocks of the machines (chrony, PTP), stamp by the system's clock and not the camera's, "
            "or set use_sim_time where a clock is simulated",
        )
