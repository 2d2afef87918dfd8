"""What the node asks of its engine, and what it makes of the answers: with an engine that does as it is told."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from camera_process import camera_node, robot_double
from fake_engine import PROVENANCE, FakeEngine, grey_view
from robot_double import CAMERA, RobotDouble, stamps_ns, tool_x_m

from anyview_ros.errors import SynthesisError
from anyview_ros.msg import CameraStatus
from anyview_ros.nodes import conversions
from anyview_ros.srv import CaptureView
from anyview_ros.synthesis import SynthesisResult
from anyview_ros.synthesis.by_products import ByProducts, RefinedPoses
from anyview_ros.synthesis.client import StreamFrame, StreamOutcome


@pytest.fixture
def robot(ros_environment: dict[str, str]) -> Iterator[RobotDouble]:
    # Best effort: in one process Fast DDS hands messages over directly, and acknowledgements may lock each other out.
    with robot_double(reliable=False) as made:
        yield made


def wait_for(robot: RobotDouble, what: str, condition: Callable[[], Any]) -> Any:
    return robot.wait(what, condition)


def test_what_a_transition_raises_is_told_and_frees_everything(
    robot: RobotDouble, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from anyview_ros.nodes.virtual_camera import node as module

    def break_down(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such luck")

    engine = FakeEngine()
    with monkeypatch.context() as patch:
        patch.setattr(module, "Rig", break_down)
        with camera_node(engine):
            status = robot.wait_for_reason("a transition failed unexpectedly")
            assert status.summary.startswith("unconfigured")
            assert engine.closed
    assert "on_configure failed unexpectedly" in (told := capfd.readouterr().err)
    assert "RuntimeError: no such luck" in told


def test_only_what_somebody_subscribes_is_asked_for(robot: RobotDouble) -> None:
    engine = FakeEngine()
    with camera_node(engine):
        robot.wait("a filling window", lambda: robot.statuses and robot.statuses[-1].window_frames > 5)
        assert engine.streams == []
        assert {camera.state for camera in robot.statuses[-1].cameras} == {CameraStatus.IDLE}
        stop = robot.watch("wrist", "confidence")
        robot.wait_for_views("wrist", 3, topic="confidence")
        assert {name for frame in engine.frames for name in frame.targets} == {"wrist"}
        assert set(engine.stream.spec.targets) == {"overhead", "wrist"}
        stop()
        robot.wait_for_reason("nobody subscribes to a view")
        time.sleep(0.2)
        asked = len(engine.frames)
        robot.wait(
            "more frames", lambda: robot.statuses[-1].frames_received > robot.statuses[0].frames_received + 5
        )
        assert len(engine.frames) == asked


def test_the_window_may_rest_too(robot: RobotDouble) -> None:
    with camera_node(FakeEngine(), fill_when_idle=False):
        robot.wait("idle drops", lambda: robot.statuses and "idle" in robot.statuses[-1].drop_reasons)
        assert robot.statuses[-1].window_frames == 0
        request = CaptureView.Request()
        request.pose.orientation.w = 1.0
        answer = robot.call(CaptureView, "capture_view", request)
        assert not answer.success
        assert "set fill_when_idle to true" in answer.error


def test_poses_follow_tf_stamp_by_stamp(robot: RobotDouble) -> None:
    engine = FakeEngine()
    with camera_node(engine, **{"wrist.position": [0.0, 0.1, 0.2]}):
        robot.watch("wrist")
        robot.wait_for_views("wrist", 20)
    frames = [frame for frame in engine.frames if "wrist" in frame.targets]
    moved = [frame.targets["wrist"][0, 3] for frame in frames]
    assert max(moved) - min(moved) > 0.2
    for frame in frames:
        # TF comes at half a period before and after each image; only at a turn the straight line between misses.
        assert frame.targets["wrist"][0, 3] == pytest.approx(tool_x_m(frame.stamp_ns), abs=0.016)
        np.testing.assert_allclose(frame.targets["wrist"][1:3, 3], [0.1, 0.2], atol=1e-9)
        np.testing.assert_allclose(frame.camera_to_world, np.eye(4), atol=1e-9)
    errors = [abs(frame.targets["wrist"][0, 3] - tool_x_m(frame.stamp_ns)) for frame in frames]
    assert np.median(errors) < 1e-4


def test_a_parent_frame_that_is_late_is_waited_for(robot: RobotDouble) -> None:
    engine = FakeEngine()
    timers: list[threading.Timer] = []

    def delay(transform: Any) -> Any:
        if transform.child_frame_id != "tool0":
            return transform
        timers.append(threading.Timer(0.12, robot._tf.sendTransform, [transform]))
        timers[-1].start()
        return None

    robot.alter_tf = delay
    with camera_node(engine):
        robot.watch("wrist")
        robot.wait_for_views("wrist", 3)
        begun = len(engine.frames)
        robot.wait_for_views("wrist", 15)
        frames = engine.frames[begun:]
        robot.repair()
        for timer in timers:
            timer.join()
    assert all("wrist" in frame.targets for frame in frames)
    assert frames[-1].targets["wrist"][0, 3] == pytest.approx(tool_x_m(frames[-1].stamp_ns), abs=0.016)


def check_asked_at_5_hz(camera: str, frames: list[StreamFrame], sent: list[int]) -> None:
    """Of frames that come at 20 Hz, every fourth asks for the camera's view, or an earlier one after a pause."""
    asking = [index for index, frame in enumerate(frames) if camera in frame.targets]
    stamps = [frames[index].stamp_ns for index in asking]
    assert np.diff(stamps).mean() > 0.18e9
    assert np.median(np.diff(asking)) <= 4
    # All that were sent meanwhile were pushed, but for a few that a busy machine loses.
    assert asking[-1] - asking[0] > 0.8 * sum(stamps[0] <= stamp_ns <= stamps[-1] for stamp_ns in sent)


def test_each_camera_keeps_its_own_rate(robot: RobotDouble) -> None:
    engine, sent = FakeEngine(), robot.note_sent()
    with camera_node(engine, wrist__rate_hz=5.0):
        robot.watch("wrist")
        robot.watch("overhead")
        robot.wait_for_views("wrist", 10)
    check_asked_at_5_hz("wrist", [frame for frame in engine.frames if "overhead" in frame.targets], sent)


@contextmanager
def slow(engine: FakeEngine, synthesis_s: float) -> Iterator[set[int]]:
    """Have the engine take so long for a frame, and then the newest one, as engines do; gives the stamps answered."""
    engine.mute = True
    over = threading.Event()
    answered: set[int] = set()

    def work() -> None:
        while not over.is_set():
            stream = engine.streams[-1] if engine.streams else None
            frame = stream.frames[-1] if stream is not None and stream.frames else None
            over.wait(synthesis_s)
            if stream is not None and frame is not None and not over.is_set():
                stream.answer(frame)
                answered.add(frame.stamp_ns)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield answered
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("beside", ["a camera of a higher rate", "refined poses"])
def test_an_engine_that_is_slower_than_the_frames_starves_no_camera(robot: RobotDouble, beside: str) -> None:
    engine = FakeEngine(streams=True)
    engine.by_products = ByProducts(refined_poses=RefinedPoses(np.array([1]), np.eye(4)[None]))
    refined = "camera_refined" if beside == "refined poses" else ""
    with camera_node(engine, wrist__rate_hz=2.0, refined_frame=refined), slow(engine, 0.2) as answered:
        if not refined:
            robot.watch("overhead")
        robot.watch("wrist")
        shown = stamps_ns(robot.wait_for_views("wrist", 8, timeout_s=20))
    assert np.diff(shown).mean() > 0.45e9  # asked for more often than that, but shown at its rate
    # At 2 Hz, two answers in five show it.
    assert len(shown) - 1 > 0.3 * sum(shown[0] < stamp_ns <= shown[-1] for stamp_ns in answered)


def test_a_camera_that_waits_for_its_view_alone_asks_no_more_than_its_rate(robot: RobotDouble) -> None:
    engine = FakeEngine()
    engine.mute = True
    with camera_node(engine, wrist__rate_hz=2.0):
        robot.watch("wrist")
        robot.wait("three frames", lambda: len(engine.frames) >= 3)
        engine.mute, engine.outcome_error = False, "out of memory"
        robot.wait("three more", lambda: len(engine.frames) >= 6)
    # In the mean: after one that comes late, the next is due on time.
    assert np.diff([frame.stamp_ns for frame in engine.frames]).mean() > 0.45e9


def test_a_camera_of_low_rate_is_asked_for_again_when_the_engine_did_not_take_the_frame(
    robot: RobotDouble,
) -> None:
    engine = FakeEngine()
    engine.stream_problem = "the stream is still being opened"
    with camera_node(engine, overhead__rate_hz=0.05):
        robot.watch("overhead")
        robot.wait_for_reason("still being opened")
        engine.stream_problem = ""
        robot.wait("a view", lambda: robot.views["overhead/image"])
        time.sleep(0.3)
    assert len(engine.frames) == 1


def test_a_method_that_needs_clips_gets_every_frame_of_the_window(robot: RobotDouble) -> None:
    engine, sent = FakeEngine(clip_frames=(5, 8), streams=False), robot.note_sent()
    with camera_node(engine, overhead__rate_hz=5.0):
        robot.wait("a filling window", lambda: robot.statuses and robot.statuses[-1].window_frames > 5)
        assert engine.frames == []
        robot.watch("overhead")
        robot.wait_for_views("overhead", 5)
    check_asked_at_5_hz("overhead", engine.frames, sent)


def test_sources_are_cut_and_scaled_to_the_method_with_true_intrinsics(robot: RobotDouble) -> None:
    engine = FakeEngine(sizes=((60, 60),))
    with camera_node(engine):
        robot.watch("overhead", "camera_info", "image")
        info = robot.wait_for_views("overhead", 1, topic="camera_info")[0]
        image = robot.wait_for_views("overhead", 1)[0]
    spec, frame = engine.stream.spec, engine.frames[0]
    assert spec.source.size == (60, 60)
    assert frame.frame.shape == (60, 60, 3)
    assert spec.source.fx == pytest.approx(CAMERA.fx / 2)
    assert spec.source.cx == pytest.approx(29.5)
    assert (info.width, info.height, image.width, image.height) == (160, 120, 160, 120)
    # The grey of the picture is its column: column 30 of 60 lies at (30.5 * 2 - 0.5) + 20 of 160.
    assert frame.frame[30, 30, 0] == pytest.approx(80.5, abs=1)


def test_a_server_that_is_away_is_named_and_found_again(robot: RobotDouble) -> None:
    engine = FakeEngine()
    engine.away = "no synthesis_server answers"
    with camera_node(engine):
        robot.watch("overhead")
        status = robot.wait_for_reason("no synthesis_server answers")
        assert not status.server_available
        robot.wait_for_silence("overhead", quiet_s=0.3)
        engine.away = ""
        robot.wait_for_views("overhead", 3)
        robot.wait_for_reason("1 of 1 wanted views stream")
        engine.away = "it went away"
        engine.stream.lose("it went away")
        robot.wait_for_reason("it went away")
        engine.away = ""
        robot.wait_for_views("overhead", 3)


def test_while_the_server_is_away_the_fallback_says_that_it_is_one(robot: RobotDouble) -> None:
    engine = FakeEngine()
    engine.away = "no synthesis_server answers"
    with camera_node(engine, fallback="reprojection", fallback_after_s=0.2, assumed_depth_m=2.0):
        robot.watch("overhead", "image", "provenance")
        provenance = robot.wait_for_views("overhead", 2, topic="provenance")[-1]
        assert provenance.fallback
        assert (provenance.method, provenance.server) == ("reprojection", "local")
        status = robot.wait_for_reason("fallback: no synthesis_server answers")
        assert status.cameras[0].state == CameraStatus.FALLBACK
        engine.away = ""
        robot.wait_for_reason("1 of 1 wanted views stream")
        provenance = robot.wait_for_views("overhead", 2, topic="provenance")[-1]
        assert (provenance.method, provenance.fallback, provenance.server) == ("fake", False, "fake server")
        assert (provenance.seed, provenance.steps, provenance.weights_hash) == (7, 4, "abc")


def test_errors_of_the_engine_are_told(robot: RobotDouble) -> None:
    engine = FakeEngine()
    engine.outcome_error = "method 'fake' needs 8 frames, has 3; wait"
    with camera_node(engine):
        robot.watch("overhead")
        robot.wait_for_reason("needs 8 frames, has 3")
        engine.outcome_error = ""
        robot.wait_for_views("overhead", 2)
        robot.wait_for_reason("1 of 1 wanted views stream")


def test_views_that_do_not_fit_are_told_and_bring_nothing_down(robot: RobotDouble) -> None:
    engine = FakeEngine()

    def answer(name: str, size: tuple[int, int]) -> None:
        begun = len(engine.frames)
        robot.wait("a frame to answer", lambda: len(engine.frames) > begun)
        stamp_ns = engine.frames[-1].stamp_ns
        view = grey_view(CAMERA.resized(*size), np.eye(4), stamp_ns)
        engine.stream.on_outcome(StreamOutcome(begun, stamp_ns, {name: view}, PROVENANCE))

    with camera_node(engine):
        robot.watch("overhead")
        robot.watch("wrist")
        robot.wait_for_views("overhead", 2)
        engine.mute = True
        answer("overhead", (80, 60))
        status = robot.wait_for_reason("a view of the engine cannot be shown: image must be (120, 160)")
        reasons = {camera.name: camera.reason for camera in status.cameras}
        assert "cannot be shown" in reasons["overhead"]
        assert "cannot be shown" not in reasons["wrist"]
        answer("stranger", (160, 120))
        robot.wait_for_reason("a view of 'stranger', which it was not asked for")
        engine.mute = False
        robot.wait_for_views("overhead", 2)
        robot.wait_for_reason("2 of 2 wanted views stream")


def test_an_engine_that_falls_silent_is_asked_anew(robot: RobotDouble) -> None:
    engine = FakeEngine()
    engine.mute = True
    with camera_node(engine, answer_timeout_s=0.5):
        robot.watch("overhead")
        robot.wait("a second stream", lambda: len(engine.streams) > 1)
        robot.wait_for_reason("has not answered for")
        engine.mute = False
        robot.wait_for_views("overhead", 2)


def test_views_older_than_max_age_are_withheld(robot: RobotDouble) -> None:
    engine = FakeEngine()
    with camera_node(engine, max_age_s=30.0):
        robot.watch("overhead")
        robot.wait_for_views("overhead", 2)
        robot.shift_ns -= int(40e9)
        robot.wait_for_reason("views are withheld")
        robot.wait_for_silence("overhead", quiet_s=0.3)


def test_what_was_imagined_may_be_striped(robot: RobotDouble) -> None:
    with camera_node(FakeEngine(), imagined_below=1.0):
        robot.watch("overhead")
        striped = conversions.image_to_rgb(robot.wait_for_views("overhead", 1)[0])
        assert len(np.unique(striped[:, 0], axis=0)) == 2  # the engine's one colour, and its stripes


def test_an_instant_is_shown_once_and_never_an_earlier_one(robot: RobotDouble) -> None:
    engine = FakeEngine()
    with camera_node(engine):
        robot.watch("overhead")
        robot.wait_for_views("overhead", 3)
        robot.running = False
        robot.wait_for_silence("overhead", quiet_s=0.3)
        robot.views["overhead/image"].clear()
        for frame in engine.stream.frames[-3:]:
            engine.stream.answer(frame)
        time.sleep(0.5)
        assert not robot.views["overhead/image"]


def test_what_was_asked_before_a_clock_jump_is_not_shown_after_it(robot: RobotDouble) -> None:
    engine = FakeEngine()
    engine.mute = True
    with camera_node(engine):
        robot.watch("overhead")
        robot.wait("frames asked for", lambda: len(engine.frames) > 3)
        before = engine.stream
        robot.shift_ns -= int(60e9)
        robot.wait("a new stream", lambda: engine.stream is not before)
        assert before.closed
        engine.mute = False
        for frame in before.frames:
            before.answer(frame)
        views = stamps_ns(robot.wait_for_views("overhead", 3))
        assert max(views) < min(frame.stamp_ns for frame in before.frames)


def test_headers_of_a_view_are_identical_and_its_stamp_is_the_sources(robot: RobotDouble) -> None:
    engine = FakeEngine()
    topics = ("image", "image/compressed", "camera_info", "confidence", "depth", "provenance")
    with camera_node(engine):
        robot.watch("wrist", *topics)
        for topic in topics:
            robot.wait_for_views("wrist", 3, topic=topic)
        begun_ns = engine.frames[-1].stamp_ns  # views of later frames come on every topic

        def first(topic: str) -> list[Any]:
            kept = list(robot.views[f"wrist/{topic}"])
            return [message for message in kept if stamps_ns([message])[0] > begun_ns][:3]

        robot.wait("all topics", lambda: all(len(first(topic)) == 3 for topic in topics))
        per_topic = {topic: first(topic) for topic in topics}
    shown = stamps_ns(per_topic["image"])
    assert shown == sorted(set(shown))
    assert set(shown) <= {frame.stamp_ns for frame in engine.frames}
    for messages in per_topic.values():
        assert stamps_ns(messages) == shown
        assert {message.header.frame_id for message in messages} == {"wrist_optical_frame"}
    info, confidence = per_topic["camera_info"][0], per_topic["confidence"][0]
    assert info.k[0] == pytest.approx(80 / math.tan(math.radians(30)))
    assert (confidence.encoding, set(confidence.data)) == ("mono8", {128})
    assert np.frombuffer(per_topic["depth"][0].data, np.float32)[0] == pytest.approx(3.0)
    assert per_topic["image/compressed"][0].format == "rgb8; jpeg compressed bgr8"


def test_every_frame_is_accounted_for(robot: RobotDouble) -> None:
    from diagnostic_msgs.msg import DiagnosticArray

    told: list[dict[str, str]] = []

    def take(array: DiagnosticArray) -> None:
        for status in array.status:
            if "virtual cameras" in status.name:
                told.append({entry.key: entry.value for entry in status.values})

    robot.running = False
    robot.node.create_subscription(DiagnosticArray, "/diagnostics", take, 10)
    options = {"diagnostic_updater.period": 0.2, "qos_overrides./image.subscription.depth": 100}
    with camera_node(FakeEngine(), window__rate_hz=7.0, **options):
        robot.watch("overhead")
        robot.wait("the node's subscription", lambda: robot._image.get_subscription_count() == 1)
        robot.wait("its status", lambda: robot.statuses)
        sent = robot.sent
        robot.running = True
        robot.wait_for_views("overhead", 5)
        # At random, since a regular pattern could keep step with the frames that are kept.
        generator = np.random.default_rng(0)

        def spoil(image: Any) -> Any:
            kind = generator.integers(3)
            if kind == 0:
                image.header.stamp.sec = image.header.stamp.nanosec = 0
            if kind == 1:
                image.encoding = "nv21"
            return image

        robot.alter_image = spoil
        robot.wait_for_reason("nv21")
        robot.wait_for_views("overhead", 3)
        robot.running = False
        robot.wait_for_reason("has the camera stopped?")
        told.clear()
        diagnostics = robot.wait("diagnostics", lambda: told and told[-1])
        status = robot.statuses[-1]
        every = list(robot.statuses)
    dropped = dict(zip(status.drop_reasons, status.drop_counts, strict=True))
    assert set(dropped) >= {"zero_stamp", "unreadable_image", "above_window_rate"}
    assert status.frames_held == 0
    assert status.frames_received == robot.sent - sent
    for each in every:
        assert each.frames_dropped == sum(each.drop_counts)
        assert each.frames_received == each.frames_pushed + each.frames_held + each.frames_dropped
    assert diagnostics["frames received"] == str(status.frames_received)
    assert diagnostics["frames in the window so far"] == str(status.frames_pushed)
    assert diagnostics["frames dropped: zero_stamp"] == str(dropped["zero_stamp"])


def capture(robot: RobotDouble, **fields: Any) -> Any:
    request = CaptureView.Request(**fields)
    if request.pose.orientation.w == 0:
        request.pose.orientation.w = 1.0
    return robot.call(CaptureView, "capture_view", request)


def test_capture_view_asks_for_the_last_instant_of_a_clip(robot: RobotDouble) -> None:
    engine = FakeEngine(clip_frames=(4, 6))
    with camera_node(engine):
        robot.wait("a full window", lambda: robot.statuses and robot.statuses[-1].window_frames >= 10)

        def of_six_frames() -> Any:
            # On a busy machine the window has a gap at times, and fewer frames after it.
            answer = capture(robot, parent_frame="tool0", steps=3, seed=5)
            return answer.success and len(engine.requests[-1].sources[0]) == 6 and answer

        answer = robot.wait("a view of 6 frames", of_six_frames)
    assert max(len(request.sources[0]) for request in engine.requests) == 6
    request = engine.requests[-1]
    (source,), (target,) = request.sources, request.targets
    assert stamps_ns([answer.image]) == [source.stamps_ns[-1]]
    assert target.camera_to_world[0, 0, 3] == pytest.approx(tool_x_m(int(source.stamps_ns[-1])), abs=0.016)
    assert answer.camera_to_world.position.x == pytest.approx(target.camera_to_world[0, 0, 3])
    assert (request.steps, request.seed) == (3, 5)
    assert (answer.image.width, answer.image.height) == (160, 120)
    assert (
        answer.image.header
        == answer.camera_info.header
        == answer.confidence.header
        == answer.provenance.header
    )
    assert answer.provenance.method == "fake"


def test_what_capture_view_cannot_give_is_explained(robot: RobotDouble) -> None:
    engine = FakeEngine(clip_frames=(4, 6))
    robot.running = False
    with camera_node(engine):
        robot.wait_for_reason("no image on")
        early = capture(robot)
        assert "frame" in early.error
        assert early.error_type == "ClipNotReadyError"
        robot.running = True
        robot.wait("a window", lambda: robot.statuses[-1].window_frames >= 10)
        lost, absurd, far = (CaptureView.Request() for _ in range(3))
        lost.parent_frame = "nowhere"
        absurd.intrinsics.fx = absurd.intrinsics.fy = 10.0
        absurd.intrinsics.width = absurd.intrinsics.height = 100000
        far.pose.position.x = 1e7
        missing = "waiting for TF base -> nowhere: no such frame"
        for told, request in ((missing, lost), ("100000", absurd), ("none beyond", far)):
            request.pose.orientation.w = 1.0
            robot.wait(  # on a busy machine the window has a gap at times, which is told first
                f"an answer that says {told!r}",
                lambda told=told, request=request: (
                    told in robot.call(CaptureView, "capture_view", request).error
                ),
            )
        robot.running = False
        time.sleep(0.5)
        old = capture(robot, max_age_s=0.3)
        assert "s old" in old.error
        engine.away = "no synthesis_server answers"
        assert capture(robot).error_type == "EngineUnavailableError"
        engine.away, engine.method = "", FakeEngine(clip_frames=(50, 50)).method
        assert "needs 50 frames" in capture(robot).error
    assert engine.requests == []


def test_a_capture_that_is_not_answered_ends_and_holds_nothing_up(robot: RobotDouble) -> None:
    engine = FakeEngine()
    with camera_node(engine):
        robot.watch("overhead")
        robot.wait_for_views("overhead", 2)
        engine.mute = True
        client = robot.node.create_client(CaptureView, "capture_view")
        assert client.wait_for_service(5)
        request = CaptureView.Request(timeout_s=0.5)
        request.pose.orientation.w = 1.0
        waiting = [client.call_async(request) for _ in range(3)]
        robot.wait("three requests at once", lambda: len(engine.jobs) == 3)
        engine.mute = False
        robot.wait_for_views("overhead", 3)
        robot.wait("all answered", lambda: all(future.done() for future in waiting))
        assert {future.result().error_type for future in waiting} == {"SynthesisTimeout"}
        assert all(job.cancelled for job in engine.jobs)
        failing = robot.node.create_client(CaptureView, "capture_view")
        engine.mute = True
        future = failing.call_async(request)
        robot.wait("a fourth request", lambda: len(engine.jobs) == 4)
        engine.jobs[-1].future.set_exception(SynthesisError("the device is on fire"))
        robot.wait("its answer", future.done)
        assert future.result().error == "the device is on fire"


def test_a_capture_of_another_size_is_refused_and_brings_nothing_down(robot: RobotDouble) -> None:
    engine = FakeEngine()
    engine.mute = True
    with camera_node(engine):
        robot.wait("a window", lambda: robot.statuses and robot.statuses[-1].window_frames >= 2)
        client = robot.node.create_client(CaptureView, "capture_view")
        assert client.wait_for_service(5)
        request = CaptureView.Request()
        request.pose.orientation.w = 1.0
        future = client.call_async(request)
        robot.wait("the request", lambda: engine.jobs)
        view = grey_view(CAMERA.resized(80, 60), np.eye(4), 1)
        engine.jobs[0].future.set_result(SynthesisResult((view,), PROVENANCE))
        answer = robot.wait("its answer", lambda: future.done() and future.result())
    assert not answer.success
    assert "image must be (120, 160)" in answer.error
    assert answer.error_type == "InvalidInputError"


def test_set_virtual_camera_moves_the_camera_its_tf_and_its_parameters(robot: RobotDouble) -> None:
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from tf2_msgs.msg import TFMessage

    from anyview_ros.srv import SetVirtualCamera

    placed: dict[str, float] = {}

    def take(message: TFMessage) -> None:
        for transform in message.transforms:
            placed[f"{transform.header.frame_id}>{transform.child_frame_id}"] = (
                transform.transform.translation.x
            )

    latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    robot.node.create_subscription(TFMessage, "/tf_static", take, latched)
    engine = FakeEngine()
    with camera_node(engine) as node:
        robot.watch("overhead")
        robot.wait_for_views("overhead", 2)
        robot.wait("TF", lambda: placed.get("base>overhead_optical_frame") == pytest.approx(0.05))
        robot.wait("TF", lambda: placed.get("tool0>wrist_optical_frame") == pytest.approx(0.0))
        move = SetVirtualCamera.Request(name="overhead", set_pose=True, set_intrinsics=True, rate_hz=3.0)
        move.pose.position.x, move.pose.orientation.w = 0.7, 1.0
        wanted = move.intrinsics
        wanted.fx, wanted.fy, wanted.cx, wanted.cy, wanted.width, wanted.height = (
            50.0,
            51.0,
            20.0,
            21.0,
            40,
            42,
        )
        answer = robot.call(SetVirtualCamera, "set_virtual_camera", move)
        assert answer.success, answer.error
        robot.wait("the new size", lambda: robot.wait_for_views("overhead", 1)[-1].width == 40)
        frame = engine.frames[-1]
        assert frame.targets["overhead"][0, 3] == pytest.approx(0.7)
        asked = engine.stream.spec.targets["overhead"]
        assert (asked.fx, asked.fy, asked.cx, asked.cy, asked.size) == (50, 51, 20, 21, (40, 42))
        robot.wait("TF", lambda: placed.get("base>overhead_optical_frame") == pytest.approx(0.7))
        assert node.get_parameter("overhead.rate_hz").value == 3.0
        assert list(node.get_parameter("overhead.position").value) == [0.7, 0.0, 0.0]


def test_parameters_change_while_it_runs_or_say_that_they_cannot(robot: RobotDouble) -> None:
    from rclpy.parameter import Parameter

    engine = FakeEngine()
    with camera_node(engine) as node:
        robot.watch("overhead")
        robot.wait_for_views("overhead", 2)

        def change(name: str, value: Any) -> Any:
            return node.set_parameters([Parameter(name, value=value)])[0]

        assert change("seed", 9).successful
        robot.wait("a stream with the seed", lambda: engine.stream.spec.seed == 9)
        assert change("overhead.position", [1, 2, 3]).successful
        robot.wait("the new place", lambda: engine.frames[-1].targets["overhead"][0, 3] == pytest.approx(1.0))
        assert "only while the node is unconfigured" in change("fixed_frame", "odom").reason
        assert "fixed_frame" not in change("overhead.orientation", [0.0, 0.0, 0.0, 1.0]).reason
        assert "unit quaternion" in change("overhead.orientation", [0.0, 0.0, 0.0, 0.0]).reason
        assert "cannot be parsed" in change("options_json", "{").reason
        assert not change("virtual_cameras", ["other"]).successful
        assert not change("jpeg_quality", 500).successful


def test_the_time_after_which_the_camera_counts_as_stopped_changes_while_it_runs(robot: RobotDouble) -> None:
    from rclpy.parameter import Parameter

    with camera_node(FakeEngine(), camera_timeout_s=60.0) as node:
        robot.watch("overhead")
        robot.wait_for_views("overhead", 2)
        assert node.set_parameters([Parameter("camera_timeout_s", value=0.3)])[0].successful
        robot.running = False
        robot.wait_for_reason("has the camera stopped?", timeout_s=5)


def test_frames_that_give_way_before_their_tf_is_too_late_are_told(robot: RobotDouble) -> None:
    with camera_node(FakeEngine(), tf_timeout_s=10.0, max_pending=3):
        robot.watch("overhead")
        robot.wait_for_views("overhead", 2)
        robot.alter_tf = lambda transform: None
        told = robot.wait_for_reason("only 3 at once (max_pending)", timeout_s=5).summary
        assert told.startswith("waiting for TF base -> camera_optical_frame: none at the image's stamp yet")
        assert "10 s for it (tf_timeout_s)" in told
        assert "too_many_pending" in robot.statuses[-1].drop_reasons
        robot.repair()
        robot.wait_for_reason("1 of 1 wanted views stream")


def test_a_clock_that_goes_back_while_the_node_is_inactive_starts_everything_anew(robot: RobotDouble) -> None:
    engine = FakeEngine(streams=True)
    with camera_node(engine) as node:
        robot.watch("overhead")
        newest_ns = max(stamps_ns(robot.wait_for_views("overhead", 3)))
        node.trigger_deactivate()
        robot.wait_for_reason("inactive: activate the node")
        robot.shift_ns -= int(60e9)
        time.sleep(0.3)  # TF of the new time comes, which the old one's future keeps out
        node.trigger_activate()
        shown = stamps_ns(robot.wait_for_views("overhead", 3))
        assert max(shown) < newest_ns - int(30e9)
        robot.wait_for_reason("1 of 1 wanted views stream")


def test_simulated_time_is_waited_for_and_may_jump_back(robot: RobotDouble) -> None:
    from rosgraph_msgs.msg import Clock

    from anyview_ros.nodes.conversions import ns_to_time

    clock = robot.node.create_publisher(Clock, "/clock", 10)

    def tell(pictures_of: int) -> Any:
        clock.publish(Clock(clock=ns_to_time(pictures_of)))
        return np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)

    with camera_node(FakeEngine(), use_sim_time=True):
        robot.watch("overhead", "image", "provenance")
        robot.wait_for_reason("no clock arrives on /clock")
        robot.pictures = tell
        robot.wait_for_reason("1 of 1 wanted views stream")
        age = robot.wait_for_views("overhead", 2, topic="provenance")[-1].age
        assert 0 <= age.sec + age.nanosec / 1e9 < 5
        robot.wait("a window", lambda: robot.statuses[-1].window_frames > 8)
        robot.statuses.clear()
        robot.shift_ns -= int(0.7e9)  # less than what stamps alone would show
        robot.wait(
            "a window begun anew", lambda: any(status.window_frames < 5 for status in list(robot.statuses))
        )
        robot.wait_for_views("overhead", 3)
