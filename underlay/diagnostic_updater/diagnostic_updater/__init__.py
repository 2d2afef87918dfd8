"""Periodic diagnostics of a node, on the topic /diagnostics."""

from .composite_diagnostic_task import CompositeDiagnosticTask
from .diagnostic_status_wrapper import DiagnosticStatusWrapper
from .diagnostic_task import DiagnosticTask, FunctionDiagnosticTask
from .frequency_status import FrequencyStatus, FrequencyStatusParam
from .heartbeat import Heartbeat
from .time_stamp_status import TimeStampStatus, TimeStampStatusParam
from .topic_diagnostic import DiagnosedPublisher, HeaderlessTopicDiagnostic, TopicDiagnostic
from .updater import DiagnosticTaskVector, Updater

__all__ = [
    "CompositeDiagnosticTask",
    "DiagnosedPublisher",
    "DiagnosticStatusWrapper",
    "DiagnosticTask",
    "DiagnosticTaskVector",
    "FrequencyStatus",
    "FrequencyStatusParam",
    "FunctionDiagnosticTask",
    "HeaderlessTopicDiagnostic",
    "Heartbeat",
    "TimeStampStatus",
    "TimeStampStatusParam",
    "TopicDiagnostic",
    "Updater",
]
