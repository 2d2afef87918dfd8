"""The updater runs tasks periodically and publishes what they say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from .diagnostic_status_wrapper import DiagnosticStatusWrapper
from .diagnostic_task import DiagnosticTask, FunctionDiagnosticTask

if TYPE_CHECKING:
    from rclpy.node import Node

Fill = Callable[[DiagnosticStatusWrapper], DiagnosticStatusWrapper]


class DiagnosticTaskVector:
    """Tasks in the order in which they were added."""

    def __init__(self) -> None:
        self.tasks: list[DiagnosticTask] = []
        self.lock = threading.RLock()

    def add(self, *args: DiagnosticTask | str | Fill) -> None:
        """Add a task: add(task), or add(name, function)."""
        task = args[0] if len(args) == 1 else FunctionDiagnosticTask(*args)
        with self.lock:
            self.tasks.append(task)
            self.addedTaskCallback(task)

    def removeByName(self, name: str) -> bool:
        """Remove the first task of a name; returns whether there was one."""
        with self.lock:
            found = next((task for task in self.tasks if task.getName() == name), None)
            if found is not None:
                self.tasks.remove(found)
            return found is not None

    def addedTaskCallback(self, task: DiagnosticTask) -> None:
        """Take note of a new task."""


class Updater(DiagnosticTaskVector):
    """Runs its tasks on a timer of the node and publishes their statuses on /diagnostics.

    Declares the parameters `diagnostic_updater.period` (seconds; the argument is its default) and
    `diagnostic_updater.use_fqn` (statuses are named by the node's full name), so a node has one updater only. The
    timer is in the node's default callback group: a callback that blocks delays it.
    """

    def __init__(self, node: Node, period: float = 1.0) -> None:
        super().__init__()
        self.node = node
        self.verbose = False
        self.hwid = ""
        self.warn_nohwid_done = False
        self.publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 1)
        self.period_parameter = "diagnostic_updater.period"
        self.use_fqn_parameter = "diagnostic_updater.use_fqn"
        self._period = node.declare_parameter(self.period_parameter, period).value
        full_name = node.declare_parameter(self.use_fqn_parameter, False).value
        self.node_name = node.get_fully_qualified_name() if full_name else node.get_name()
        self.timer = node.create_timer(self._period, self.update)

    @property
    def period(self) -> float:
        """The time between updates, in seconds; may be set."""
        return self._period

    @period.setter
    def period(self, period: float) -> None:
        self._period = period
        self.node.destroy_timer(self.timer)
        self.timer = self.node.create_timer(period, self.update)

    def setHardwareID(self, hwid: str) -> None:
        """Name the hardware in all statuses; "none" if there is none."""
        self.hwid = hwid

    def update(self) -> None:
        """Run all tasks and publish their statuses."""
        with self.lock:
            statuses = [self._run(task) for task in self.tasks]
        self._warn_without_hardware_id(statuses)
        self.publish(statuses)

    def force_update(self) -> None:
        """Update now, whatever the timer says."""
        self.update()

    def broadcast(self, lvl: bytes, msg: str) -> None:
        """Publish one level and message for all tasks: the node is about to end, say."""
        statuses = []
        with self.lock:
            for task in self.tasks:
                status = DiagnosticStatusWrapper(name=task.getName())
                status.summary(lvl, msg)
                statuses.append(status)
        self.publish(statuses)

    def publish(self, msg: DiagnosticStatus | Iterable[DiagnosticStatus]) -> None:
        """Publish one status or several under the node's name."""
        statuses = [msg] if isinstance(msg, DiagnosticStatus) else list(msg)
        message = DiagnosticArray()
        message.header.stamp = self.node.get_clock().now().to_msg()
        message.status = [
            DiagnosticStatus(
                level=status.level,
                name=f"{self.node_name}: {status.name}",
                message=status.message,
                hardware_id=status.hardware_id,
                values=status.values,
            )
            for status in statuses
        ]
        self.publisher.publish(message)

    def addedTaskCallback(self, task: DiagnosticTask) -> None:
        """Publish that the task is starting."""
        status = DiagnosticStatusWrapper(name=task.getName())
        status.summary(DiagnosticStatus.OK, "Node starting up")
        self.publish(status)

    def _run(self, task: DiagnosticTask) -> DiagnosticStatusWrapper:
        status = DiagnosticStatusWrapper(name=task.getName(), hardware_id=self.hwid)
        status.summary(DiagnosticStatus.ERROR, "No message was set")
        status = task.run(status)
        if self.verbose and status.level != DiagnosticStatus.OK:
            self.node.get_logger().warning(
                f"Non-zero diagnostic status. Name: {status.name}, status {status.level!r}: {status.message}"
            )
        return status

    def _warn_without_hardware_id(self, statuses: list[DiagnosticStatusWrapper]) -> None:
        healthy = all(status.level == DiagnosticStatus.OK for status in statuses)
        if healthy and not self.hwid and not self.warn_nohwid_done:
            self.warn_nohwid_done = True
            self.node.get_logger().warning(
                'diagnostic_updater: no hardware ID was set. Call setHardwareID("none") if there is no hardware.'
            )
