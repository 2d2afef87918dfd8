"""What the node says of itself: the latched topic ``status`` and diagnostics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Header

from anyview_ros.msg import CameraStatus, Status
from anyview_ros.nodes.virtual_camera.ledger import Account, Ledger
from anyview_ros.nodes.virtual_camera.live import LiveCamera
from anyview_ros.nodes.virtual_camera.rig import Rig

_RECENT_S = 2.0
_RECENT_PERIODS = 3.0


@dataclass(frozen=True)
class CameraReport:
    """State of one virtual camera; ``state`` as in CameraStatus."""

    state: int
    reason: str


def judge(live: LiveCamera, problem: str, lifecycle: str) -> CameraReport:
    """Tell a virtual camera's state, and why it shows nothing if so.

    Args:
        live: the camera.
        problem: of the node as a whole, or "".
        lifecycle: as in :func:`make_status`.
    """
    if not live.outputs.wanted():
        return CameraReport(CameraStatus.IDLE, "nobody subscribes to its topics")
    if lifecycle:
        return CameraReport(CameraStatus.WAITING, lifecycle)
    showing = live.showing()
    recent = showing.silent_s < max(_RECENT_S, _RECENT_PERIODS / live.camera.rate_hz)
    reason = problem or live.problems.first()
    if recent and showing.fallback:
        return CameraReport(CameraStatus.FALLBACK, reason or "the engine has just come back")
    if recent and not reason:
        return CameraReport(CameraStatus.STREAMING, "")
    if reason:
        return CameraReport(CameraStatus.WAITING, reason)
    return CameraReport(CameraStatus.WAITING, "a frame has been asked for; the engine works on it")


def make_status(header: Header, lifecycle: str, rig: Rig | None, ledger: Ledger) -> Status:
    """The message, consistent in itself: a trouble that it tells of is among the counts.

    Args:
        header: stamp and fixed frame.
        lifecycle: "" while active, else a sentence on what the node waits for.
        rig: the configured node; None before.
        ledger: of the source frames.
    """
    status = Status(header=header, summary=lifecycle)
    if rig is not None:
        _tell_rig(status, rig, lifecycle)
    account = ledger.read()  # last: frames are counted before what became of them is told
    status.frames_received = account.received
    status.frames_pushed = account.pushed
    status.frames_held = account.held
    status.frames_dropped = sum(account.dropped.values())
    status.drop_reasons = list(account.dropped)
    status.drop_counts = list(account.dropped.values())
    return status


def _tell_rig(status: Status, rig: Rig, lifecycle: str) -> None:
    method = rig.method
    status.server = rig.server
    status.server_available = not rig.client.problem()
    status.method = "" if method is None else method.name
    status.window_frames = len(rig.window)
    status.window_capacity = rig.window.capacity
    problem = rig.problems.first()
    status.cameras = [_camera_status(live, problem, lifecycle) for live in rig.cameras.values()]
    status.summary = lifecycle or _summary(status.cameras, problem, on_fallback=rig.on_fallback)


def _camera_status(live: LiveCamera, problem: str, lifecycle: str) -> CameraStatus:
    report, showing = judge(live, problem, lifecycle), live.showing()
    return CameraStatus(
        name=live.camera.name,
        state=report.state,
        reason=report.reason,
        rate_hz=showing.rate_hz,
        age_ms=showing.age_ms,
        mean_confidence=showing.mean_confidence,
        published=showing.published,
    )


def _summary(cameras: list[CameraStatus], problem: str, *, on_fallback: bool) -> str:
    """One sentence: the first trouble, or what is being published."""
    streaming = sum(camera.state == CameraStatus.STREAMING for camera in cameras)
    wanted = sum(camera.state != CameraStatus.IDLE for camera in cameras)
    if problem:
        return f"fallback: {problem}" if on_fallback else problem
    if not wanted:
        return "ready; nobody subscribes to a view"
    waiting = next((camera for camera in cameras if camera.state == CameraStatus.WAITING), None)
    if waiting is not None:
        return f"{streaming} of {wanted} wanted views stream; {waiting.name}: {waiting.reason}"
    return f"{streaming} of {wanted} wanted views stream"


def diagnose(stat: Any, status: Status, rig: Rig | None, account: Account) -> Any:
    """Fill a diagnostic status wrapper from a status message."""
    level = DiagnosticStatus.OK
    if rig is None or not status.server_available or rig.problems.first():
        level = DiagnosticStatus.ERROR if rig is not None and not rig.on_fallback else DiagnosticStatus.WARN
    elif any(camera.state == CameraStatus.WAITING for camera in status.cameras):
        level = DiagnosticStatus.WARN
    stat.summary(level, status.summary)
    stat.add("server", status.server or "unknown")
    stat.add("method", status.method or "unknown")
    stat.add("window", f"{status.window_frames} of {status.window_capacity} frames")
    stat.add("frames received", str(account.received))
    stat.add("frames in the window so far", str(account.pushed))
    stat.add("frames held before the window", str(account.held))
    for reason, count in account.dropped.items():
        stat.add(f"frames dropped: {reason}", str(count))
    if rig is not None:
        stat.add("window bytes", str(rig.window.nbytes))
        stat.add("frames replaced by newer ones in the engine", str(rig.frames_replaced))
        for name, live in rig.cameras.items():
            stat.add(f"views of {name} dropped: changed while they were made", str(live.showing().outdated))
    for camera in status.cameras:
        age = "none yet" if math.isnan(camera.age_ms) else f"{camera.age_ms:.0f} ms old"
        stat.add(f"view {camera.name}", camera.reason or f"{camera.rate_hz:.1f} Hz, {age}")
    return stat
