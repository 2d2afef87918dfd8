"""The health of a topic: its rate, and its stamps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.time import Time

from .composite_diagnostic_task import CompositeDiagnosticTask
from .frequency_status import FrequencyStatus, FrequencyStatusParam
from .time_stamp_status import TimeStampStatus, TimeStampStatusParam
from .updater import DiagnosticTaskVector

if TYPE_CHECKING:
    from rclpy.publisher import Publisher


class HeaderlessTopicDiagnostic(CompositeDiagnosticTask):
    """The rate of a topic whose messages have no stamps. Adds itself to an updater."""

    def __init__(self, name: str, diag: DiagnosticTaskVector, freq: FrequencyStatusParam) -> None:
        super().__init__(f"{name} topic status")
        self.diag = diag
        self.freq = FrequencyStatus(freq)
        self.addTask(self.freq)
        self.diag.add(self)

    def tick(self) -> None:
        """Count a message."""
        self.freq.tick()

    def clear_window(self) -> None:
        """Start counting anew."""
        self.freq.clear()


class TopicDiagnostic(HeaderlessTopicDiagnostic):
    """The rate and the stamps of a topic. Adds itself to an updater."""

    def __init__(
        self, name: str, diag: DiagnosticTaskVector, freq: FrequencyStatusParam, stamp: TimeStampStatusParam
    ) -> None:
        super().__init__(name, diag, freq)
        self.stamp = TimeStampStatus(stamp)
        self.addTask(self.stamp)

    def tick(self, stamp: Time | float) -> None:
        """Count a message with its stamp: an rclpy Time, or seconds."""
        self.stamp.tick(stamp)
        super().tick()


class DiagnosedPublisher(TopicDiagnostic):
    """A publisher that counts what it publishes."""

    def __init__(
        self,
        pub: Publisher,
        diag: DiagnosticTaskVector,
        freq: FrequencyStatusParam,
        stamp: TimeStampStatusParam,
    ) -> None:
        super().__init__(pub.topic_name, diag, freq, stamp)
        self.publisher = pub

    def publish(self, message: Any) -> None:
        """Count a message by its header's stamp, and publish it."""
        self.tick(Time.from_msg(message.header.stamp))
        self.publisher.publish(message)
