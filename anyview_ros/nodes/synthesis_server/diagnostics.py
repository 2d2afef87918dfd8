"""What the server says on /diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_updater import FunctionDiagnosticTask, Heartbeat, Updater
from rclpy.node import Node

from anyview_ros.nodes.synthesis_server.gate import Gate
from anyview_ros.synthesis.engine import Engine

_MIB = 1024 * 1024


class Diagnostics:
    """Heartbeat, state, queue, streams, latency and memory, once a second.

    Args:
        node: whose diagnostics these are.
        gate: tells whether work is taken, and why not.
        engine: gives the engine, None while none is loaded.
        clients: gives the names of the streams' clients.
    """

    def __init__(
        self, node: Node, gate: Gate, engine: Callable[[], Engine | None], clients: Callable[[], list[str]]
    ) -> None:
        self._gate = gate
        self._engine = engine
        self._clients = clients
        self._refused = 0
        updater = Updater(node)
        updater.setHardwareID("none")
        updater.add(Heartbeat())
        updater.add(FunctionDiagnosticTask("engine", self._state))
        updater.add(FunctionDiagnosticTask("requests", self._requests))
        updater.add(FunctionDiagnosticTask("streams", self._streams))
        self.updater = updater

    def _state(self, status: Any) -> Any:
        engine = self._engine()
        described = engine.description() if engine is not None else None
        if self._gate.problem:
            status.summary(DiagnosticStatus.WARN, self._gate.problem)
        elif engine is not None and engine.problem():  # it was well when the gate was opened
            status.summary(DiagnosticStatus.ERROR, engine.problem())
        else:
            status.summary(DiagnosticStatus.OK, "takes work")
        if engine is None or described is None:
            return status
        status.hardware_id = described.device
        statistics = engine.statistics()
        status.add("method", described.method.name)
        status.add("device", described.device)
        status.add("weights_hash", described.weights_hash)
        status.add("memory_mib", f"{statistics.memory_bytes / _MIB:.0f}")
        status.add("device_memory_mib", f"{statistics.device_memory_bytes / _MIB:.0f}")
        status.add("restarts", str(statistics.restarts))
        status.add("memory_splits", str(statistics.splits))
        return status

    def _requests(self, status: Any) -> Any:
        engine = self._engine()
        if engine is None:
            status.summary(DiagnosticStatus.STALE, "no method is loaded")
            return status
        statistics = engine.statistics()
        refused, self._refused = statistics.rejected - self._refused, statistics.rejected
        if refused > 0:
            status.summary(
                DiagnosticStatus.WARN,
                f"the queue is full: {refused} requests were refused since the last look",
            )
        else:
            status.summary(DiagnosticStatus.OK, f"{statistics.queued} wait, {statistics.running} at work")
        for name in (
            "submitted",
            "queued",
            "running",
            "completed",
            "failed",
            "cancelled",
            "timed_out",
            "rejected",
        ):
            status.add(name, str(getattr(statistics, name)))
        _add_times(status, "queue", statistics.queue_time)
        _add_times(status, "synthesis", statistics.synthesis_time)
        return status

    def _streams(self, status: Any) -> Any:
        engine = self._engine()
        if engine is None:
            status.summary(DiagnosticStatus.STALE, "no method is loaded")
            return status
        statistics = engine.statistics()
        clients = self._clients()
        status.summary(DiagnosticStatus.OK, f"{len(clients)} open")
        status.add("clients", ", ".join(clients))
        status.add("frames_received", str(statistics.frames_received))
        status.add("frames_done", str(statistics.frames_done))
        status.add("frames_failed", str(statistics.frames_failed))
        for reason, count in statistics.frames_dropped.items():
            status.add(f"frames_dropped_{reason}", str(count))
        _add_times(status, "latency", statistics.stream_latency)
        return status


def _add_times(status: Any, name: str, times: Any) -> None:
    status.add(f"{name}_p50_ms", f"{times.p50_ms:.1f}")
    status.add(f"{name}_p99_ms", f"{times.p99_ms:.1f}")
