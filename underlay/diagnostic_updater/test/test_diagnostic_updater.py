"""Tasks, and an updater on a node that is not spun. Runs against the upstream diagnostic_updater as well."""

from __future__ import annotations

import time

import diagnostic_updater as du
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock
from rclpy.exceptions import ParameterAlreadyDeclaredException
from rclpy.parameter import Parameter
from rclpy.time import Time
from std_msgs.msg import Header

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)


def run(task) -> du.DiagnosticStatusWrapper:
    return task.run(du.DiagnosticStatusWrapper())


def values_of(status: DiagnosticStatus) -> dict[str, str]:
    return {value.key: value.value for value in status.values}


def test_a_status_is_filled_and_merged() -> None:
    status = du.DiagnosticStatusWrapper(name="camera")
    status.summary(WARN, "warm")
    status.add("temperature", "71")
    assert (status.level, status.message, values_of(status)) == (WARN, "warm", {"temperature": "71"})
    status.mergeSummary(OK, "fine")
    assert (status.level, status.message) == (WARN, "warm")
    status.mergeSummary(ERROR, "on fire")
    assert (status.level, status.message) == (ERROR, "warm; on fire")
    status.clearSummary()
    assert (status.level, status.message) == (OK, "")
    status.mergeSummary(OK, "fine")
    assert status.message == "fine"
    status.mergeSummary(DiagnosticStatus(level=STALE, message="gone"))
    assert (status.level, status.message) == (STALE, "gone")
    other = du.DiagnosticStatusWrapper()
    other.summary(status)
    assert (other.level, other.message) == (STALE, "gone")


def filled(level: bytes, message: str, key: str):
    def fill(status):
        status.summary(level, message)
        status.add(key, message)
        return status

    return fill


def test_a_composite_keeps_all_values_and_the_worst_level() -> None:
    composite = du.CompositeDiagnosticTask("all")
    composite.addTask(du.FunctionDiagnosticTask("a", filled(OK, "fine", "a")))
    composite.addTask(du.FunctionDiagnosticTask("b", filled(ERROR, "bad", "b")))
    composite.addTask(du.FunctionDiagnosticTask("c", filled(WARN, "so so", "c")))
    composite.addTask(du.DiagnosticTask("says nothing"))
    status = run(composite)
    assert composite.getName() == "all"
    assert (status.level, status.message) == (ERROR, "bad; so so")
    assert values_of(status) == {"a": "fine", "b": "bad", "c": "so so"}


def test_a_heartbeat_is_alive() -> None:
    task = du.Heartbeat()
    assert (task.getName(), run(task).level, run(task).message) == ("Heartbeat", OK, "Alive")


@pytest.mark.parametrize(
    ("events", "bound", "level", "message"),
    [
        (0, {"min": 1.0, "max": 2.0}, ERROR, "No events recorded."),
        (1, {"min": 1000.0}, WARN, "Frequency too low."),
        (100, {"min": 0.0, "max": 0.1}, WARN, "Frequency too high."),
        (100, {"min": 0.1}, OK, "Desired frequency met"),
    ],
)
def test_rates_are_judged_by_their_bounds(events: int, bound: dict, level: bytes, message: str) -> None:
    task = du.FrequencyStatus(du.FrequencyStatusParam(bound, 0.1, 3))
    for _ in range(events):
        task.tick()
    time.sleep(0.02)
    status = run(task)
    assert (status.level, status.message) == (level, message)
    found = values_of(status)
    assert found["Events in window"] == found["Events since startup"] == str(events)
    assert float(found["Duration of window (s)"]) >= 0.02
    rate = events / float(found["Duration of window (s)"])
    assert float(found["Actual frequency (Hz)"]) == pytest.approx(rate, rel=1e-3)
    assert ("Maximum acceptable frequency (Hz)" in found) == ("max" in bound)


def test_a_rate_is_taken_over_the_last_runs_and_bounds_may_change() -> None:
    bound = {"min": 0.1, "max": 1e6}
    task = du.FrequencyStatus(du.FrequencyStatusParam(bound, 0.0, 2))
    task.tick()
    for expected in ("1", "1", "0"):
        time.sleep(0.005)
        status = run(task)
        assert values_of(status)["Events in window"] == expected
    task.tick()
    bound["min"] = 1e5
    time.sleep(0.005)
    assert run(task).message == "Frequency too low."
    task.clear()
    time.sleep(0.005)
    assert values_of(run(task))["Events since startup"] == "0"


def test_stamps_are_judged_by_their_age() -> None:
    task = du.TimeStampStatus(du.TimeStampStatusParam(-1.0, 5.0))
    now_s = Clock().now().nanoseconds * 1e-9
    assert run(task).message == "No data since last update."
    task.tick(now_s)
    assert run(task).level == OK
    task.tick(now_s - 60.0)
    assert run(task).message == "Timestamps too far in past seen."
    task.tick(Time(nanoseconds=int((now_s + 60.0) * 1e9)))
    status = run(task)
    assert (status.level, status.message) == (ERROR, "Timestamps too far in future seen.")
    task.tick(now_s)
    task.tick(0.0)
    status = run(task)
    assert (status.level, status.message) == (ERROR, "Zero timestamp seen.")
    counts = [
        values_of(status)[f"{kind} diagnostic update count:"] for kind in ("Late", "Early", "Zero seen")
    ]
    assert counts == ["1", "1", "1"]
    assert run(task).level == WARN


class FakePublisher:
    """Keeps what is published."""

    topic_name = "/camera/image"

    def __init__(self) -> None:
        self.messages: list = []

    def publish(self, message) -> None:
        self.messages.append(message)


class FakeLogger:
    """Keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    warn = warning


class FakeNode:
    """A node as far as an updater needs one."""

    def __init__(self, **parameters) -> None:
        self.overrides = parameters
        self.parameters: dict[str, Parameter] = {}
        self.publisher = FakePublisher()
        self.logger = FakeLogger()
        self.timers: list[tuple[float, object]] = []

    def create_publisher(self, kind, topic, depth):
        assert (kind, topic) == (DiagnosticArray, "/diagnostics")
        return self.publisher

    def create_timer(self, period, callback):
        timer = FakeTimer(period, callback)
        self.timers.append(timer)
        return timer

    def destroy_timer(self, timer) -> None:
        self.timers.remove(timer)

    def has_parameter(self, name: str) -> bool:
        return name in self.parameters

    def declare_parameter(self, name: str, default):
        if name in self.parameters:
            raise ParameterAlreadyDeclaredException(name)
        self.parameters[name] = Parameter(name, value=self.overrides.get(name, default))
        return self.parameters[name]

    def get_name(self) -> str:
        return "virtual_camera"

    def get_namespace(self) -> str:
        return "/robot"

    def get_fully_qualified_name(self) -> str:
        return "/robot/virtual_camera"

    def get_clock(self):
        return Clock()

    def get_logger(self):
        return self.logger

    def last(self) -> list[DiagnosticStatus]:
        return self.publisher.messages[-1].status


class FakeTimer:
    """A timer that is fired by hand."""

    def __init__(self, period: float, callback) -> None:
        self.period, self.callback = period, callback

    def reset(self) -> None:
        """Start the period anew."""


def test_an_updater_publishes_what_its_tasks_say() -> None:
    node = FakeNode()
    updater = du.Updater(node)
    updater.setHardwareID("gpu-0")
    updater.add(du.Heartbeat())
    assert [(s.name, s.message) for s in node.last()] == [("virtual_camera: Heartbeat", "Node starting up")]
    updater.add("window", filled(WARN, "filling", "frames"))
    updater.add("silent", lambda status: status)
    node.timers[0].callback()
    assert node.publisher.messages[-1].header.stamp.sec > 0
    assert [(s.name, s.level, s.message, s.hardware_id) for s in node.last()] == [
        ("virtual_camera: Heartbeat", OK, "Alive", "gpu-0"),
        ("virtual_camera: window", WARN, "filling", "gpu-0"),
        ("virtual_camera: silent", ERROR, "No message was set", "gpu-0"),
    ]
    assert all(type(status) is DiagnosticStatus for status in node.last())
    assert values_of(node.last()[1]) == {"frames": "filling"}

    updater.broadcast(STALE, "shutting down")
    assert {(s.level, s.message) for s in node.last()} == {(STALE, "shutting down")}
    assert updater.removeByName("window")
    assert not updater.removeByName("window")
    updater.force_update()
    assert len(node.last()) == 2
    assert node.logger.warnings == []


def test_period_and_names_are_parameters() -> None:
    node = FakeNode(**{"diagnostic_updater.period": 0.25, "diagnostic_updater.use_fqn": True})
    updater = du.Updater(node, period=2.0)
    assert updater.period == node.timers[0].period == 0.25
    updater.add(du.Heartbeat())
    assert node.last()[0].name == "/robot/virtual_camera: Heartbeat"
    updater.period = 0.5
    assert updater.period == node.timers[-1].period == 0.5
    with pytest.raises(ParameterAlreadyDeclaredException):
        du.Updater(node)


@pytest.mark.skipif(
    not hasattr(du.Updater, "_run"), reason="the upstream package leaves the old timer running"
)
def test_a_new_period_replaces_the_timer() -> None:
    node = FakeNode()
    du.Updater(node).period = 3.0
    assert [timer.period for timer in node.timers] == [3.0]


def test_a_missing_hardware_id_is_told_once() -> None:
    node = FakeNode()
    updater = du.Updater(node)
    updater.add(du.Heartbeat())
    updater.update()
    updater.update()
    assert len(node.logger.warnings) == 1


def test_faults_are_told_when_verbose() -> None:
    node = FakeNode()
    updater = du.Updater(node)
    updater.add("window", filled(ERROR, "broken", "x"))
    updater.update()
    assert node.logger.warnings == []
    updater.verbose = True
    updater.update()
    assert "broken" in node.logger.warnings[0]


def test_a_topic_is_judged_by_rate_and_stamps() -> None:
    node = FakeNode()
    updater = du.Updater(node)
    frequency, stamps = du.FrequencyStatusParam({"min": 0.1}), du.TimeStampStatusParam(-1, 5)
    topic = du.TopicDiagnostic("depth", updater, frequency, stamps)
    headerless = du.HeaderlessTopicDiagnostic("info", updater, frequency)
    diagnosed = du.DiagnosedPublisher(FakePublisher(), updater, frequency, stamps)
    topic.tick(Clock().now())
    headerless.tick()
    message = type("Message", (), {"header": Header(stamp=Clock().now().to_msg())})()
    diagnosed.publish(message)
    assert diagnosed.publisher.messages == [message]
    time.sleep(0.01)
    updater.update()
    assert [(s.name, s.level) for s in node.last()] == [
        ("virtual_camera: depth topic status", OK),
        ("virtual_camera: info topic status", OK),
        ("virtual_camera: /camera/image topic status", OK),
    ]
    assert node.last()[0].message == "Desired frequency met; Timestamps are reasonable."
    headerless.clear_window()
    time.sleep(0.01)
    updater.update()
    assert node.last()[1].message == "No events recorded."
