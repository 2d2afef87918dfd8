from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import child_methods
import numpy as np
import pytest
from child_methods import BREAKS, DAWDLES, EXITS, FORKS, HANGS, KILLED, NO_MEMORY, REFUSES, WAITS
from clips import CAMERA, box_clip, pose_at, sideways

from anyview_ros.clips import PosedClip
from anyview_ros.errors import (
    EngineClosedError,
    EngineUnavailableError,
    InvalidRequestError,
    SynthesisCancelled,
    SynthesisError,
    WeightsError,
)
from anyview_ros.geometry import PinholeCamera
from anyview_ros.synthesis import SynthesisRequest, load_synthesizer
from anyview_ros.synthesis.by_products import ByProduct
from anyview_ros.synthesis.child_process import ChildSynthesizer, supervisor
from anyview_ros.synthesis.child_process.process import ChildProcess
from anyview_ros.synthesis.child_process.stream import ChildStream
from anyview_ros.synthesis.client import StreamFrame, StreamSpec
from anyview_ros.synthesis.engine import Engine
from anyview_ros.synthesis.protocol import WholeFilmSynthesizer

FAULTY = "child_methods:Faulty"
PATIENCE_S = 60.0


def asked(seed: int = 0) -> SynthesisRequest:
    return SynthesisRequest((box_clip(2),), (sideways(2),), seed=seed)


@pytest.fixture(scope="module")
def faulty():
    with_child = ChildSynthesizer(factory=FAULTY, patience_s=PATIENCE_S)
    yield with_child
    with_child.close()


def ended(process_id: int) -> bool:
    """Whether the process is gone, or waits only for somebody to ask how it ended."""
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def test_pictures_are_those_of_the_same_method_in_this_process():
    child = ChildSynthesizer("reprojection", device="cpu")
    own = load_synthesizer("reprojection")
    try:
        assert child.describe() == own.describe()
        there, here = child.synthesize(asked(3)), own.synthesize(asked(3))
        np.testing.assert_array_equal(there.views[0].frames, here.views[0].frames)
        np.testing.assert_array_equal(there.views[0].depth, here.views[0].depth)
        assert there.provenance == here.provenance
        assert child.process_id != os.getpid()
    finally:
        child.close()
    assert ended(child.process_id) or child.process_id == 0


def test_progress_arrives(faulty):
    steps = []
    faulty.synthesize(asked(), progress=lambda step, total: steps.append((step, total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_progress_that_raises_does_not_leave_its_answer_to_the_next_call(faulty):
    def refuse(_step, _total):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        faulty.synthesize(asked(5), progress=refuse)
    steps = []
    result = faulty.synthesize(asked(6), progress=lambda step, _: steps.append(step))
    assert result.provenance.seed == 6
    assert steps == [1, 2, 3]


class Unknown:
    """In the parent alone: the child cannot import this module."""


def test_a_request_that_the_child_cannot_read_ends_with_an_error(faulty, monkeypatch):
    monkeypatch.setattr(Unknown, "__module__", "nowhere")
    monkeypatch.setitem(sys.modules, "nowhere", SimpleNamespace(Unknown=Unknown))
    with pytest.raises(SynthesisError, match="ended with code 1 while it did 'synthesize'"):
        faulty.synthesize(SynthesisRequest((box_clip(2),), (sideways(2),), options={"x": Unknown()}))
    assert len(faulty.synthesize(asked()).views) == 1


def test_a_child_whose_own_children_hold_the_pipe_is_replaced_too(tmp_path, monkeypatch):
    monkeypatch.setenv("FORKED", str(tmp_path / "process"))
    child = ChildSynthesizer(factory=FAULTY)
    with pytest.raises(SynthesisError, match="ended with code 8"):
        child.synthesize(asked(FORKS))
    holder = int((tmp_path / "process").read_text())
    assert not ended(holder)
    os.kill(holder, signal.SIGKILL)
    assert len(child.synthesize(asked()).views) == 1
    child.close()


def test_loading_ends_with_the_child_though_its_own_children_hold_the_pipe(tmp_path, monkeypatch):
    monkeypatch.setenv("FORKED", str(tmp_path / "process"))
    with pytest.raises(EngineUnavailableError, match="ended with code 8 while it loaded"):
        ChildSynthesizer(factory="child_methods:dies_before_its_own_child", longest_load_s=PATIENCE_S / 2)
    os.kill(int((tmp_path / "process").read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("seed", "told"),
    [(KILLED, "was ended by SIGKILL while it did 'synthesize'"), (EXITS, "ended with code 7")],
)
def test_a_child_that_dies_is_told_and_replaced(faulty, seed, told):
    before, number = faulty.process_id, faulty.restarts
    with pytest.raises(SynthesisError, match=told):
        faulty.synthesize(asked(seed))
    assert faulty.restarts == number + 1
    assert len(faulty.synthesize(asked()).views) == 1
    assert faulty.process_id != before
    assert ended(before)


def test_a_child_killed_while_idle_is_replaced_at_the_next_call(faulty):
    os.kill(faulty.process_id, signal.SIGKILL)
    with pytest.raises(SynthesisError, match="SIGKILL"):
        faulty.synthesize(asked())
    assert len(faulty.synthesize(asked()).views) == 1


@pytest.mark.parametrize(
    ("seed", "kind", "told"),
    [
        (REFUSES, InvalidRequestError, "^seed is 204; give another$"),
        (NO_MEMORY, MemoryError, "no room"),
        (BREAKS, RuntimeError, "ZeroDivisionError: by zero"),
    ],
)
def test_errors_of_the_method_come_across_and_the_child_lives(faulty, seed, kind, told):
    before = faulty.process_id
    with pytest.raises(kind, match=told):
        faulty.synthesize(asked(seed))
    assert faulty.process_id == before


def test_cancel_reaches_the_method(faulty):
    cancel, before = threading.Event(), faulty.process_id
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    with pytest.raises(SynthesisCancelled):
        faulty.synthesize(asked(WAITS), cancel=cancel)
    assert faulty.process_id == before
    assert len(faulty.synthesize(asked()).views) == 1  # an old cancellation does not harm a new call


def test_a_cancel_that_the_child_reads_before_it_begins_the_call_is_kept():
    def refuse(_step, _total):
        raise ZeroDivisionError

    child, cancel = ChildSynthesizer(factory=FAULTY), threading.Event()
    cancel.set()
    before = child.process_id
    try:
        with pytest.raises(ZeroDivisionError):
            child.synthesize(asked(DAWDLES), progress=refuse)  # the child is at it when the next is sent
        with pytest.raises(SynthesisCancelled):
            child.synthesize(asked(WAITS), cancel=cancel)
        assert child.process_id == before
        assert len(child.synthesize(asked()).views) == 1
    finally:
        child.close()


def test_a_hanging_method_is_killed_once_cancelled():
    child, cancel = ChildSynthesizer(factory=FAULTY, patience_s=0.3), threading.Event()
    cancel.set()
    try:
        with pytest.raises(SynthesisCancelled, match=r"did not stop within 0\.3 s, was replaced"):
            child.synthesize(asked(HANGS), cancel=cancel)
        assert child.restarts == 1
    finally:
        child.close()


def test_work_that_is_cancelled_between_long_steps_is_no_crash():
    cancel = threading.Event()
    cancel.set()
    child = ChildSynthesizer(factory=FAULTY, patience_s=0.0)
    try:
        for number in range(2):
            with pytest.raises(SynthesisCancelled):
                child.synthesize(asked(HANGS), cancel=cancel)
            assert child.restarts == number + 1
        assert len(child.synthesize(asked()).views) == 1  # at once
        with pytest.raises(SynthesisError, match="a new one is being started: ask again"):
            child.synthesize(asked(EXITS))
    finally:
        child.close()


def big(seed: int = 0) -> SynthesisRequest:
    """More than a pipe holds."""
    clip = PosedClip(
        np.zeros((1, 1000, 1000, 3), np.uint8),
        PinholeCamera(900.0, 900.0, 499.5, 499.5, 1000, 1000),
        np.eye(4)[None],
        np.ones(1, np.int64),
    )
    return SynthesisRequest((clip,), (sideways(1),), seed=seed)


def test_a_child_that_no_longer_reads_is_replaced():
    child = ChildSynthesizer(factory=FAULTY, patience_s=0.1)
    try:
        camera = big().sources[0].camera
        stream = child.open_stream(camera, [CAMERA])
        stream._longest_push_s = 0.5
        os.kill(child.process_id, signal.SIGSTOP)
        with pytest.raises(SynthesisError, match="SIGKILL while it did 'push'"):
            stream.push(
                big().sources[0].frames[0],
                pose_at(),
                target_camera_to_world=[pose_at()],
                stamp_ns=1,
            )
        assert len(child.synthesize(big()).views) == 1
        os.kill(child.process_id, signal.SIGSTOP)
        cancel = threading.Event()
        cancel.set()
        with pytest.raises(SynthesisCancelled):
            child.synthesize(big(), cancel=cancel)
        assert len(child.synthesize(big()).views) == 1
    finally:
        child.close()


def push(stream, stamp_ns: int, pixel: int = 0):
    frame = np.full((48, 64, 3), pixel, np.uint8)
    return stream.push(frame, pose_at(), target_camera_to_world=[pose_at()], stamp_ns=stamp_ns)


def test_streams_remember_until_the_child_dies_and_then_go_on(faulty):
    with faulty.open_stream(CAMERA, [CAMERA]) as stream:
        assert stream.provenance.method == "copy_source"
        assert [int(push(stream, stamp)[0].frames[0, 0, 0, 0]) for stamp in (1, 2, 3)] == [1, 2, 3]
        with pytest.raises(SynthesisError, match="SIGKILL while it did 'push'"):
            push(stream, 4, KILLED)
        assert int(push(stream, 5)[0].frames[0, 0, 0, 0]) == 1  # a new child, which remembers nothing
    with pytest.raises(EngineClosedError, match="closed"):
        push(stream, 6)


def test_a_stream_is_opened_anew_if_its_child_was_replaced_just_as_it_answered():
    calls, called = SimpleNamespace(generation=0), []

    def call(name, *_arguments, **_limit):
        called.append(name)
        calls.generation += len(called) == 1  # the limit passed while the first answer was on its way
        return "provenance" if name == "open_stream" else ((), "provenance")

    calls.call = call
    stream = ChildStream(calls, (), longest_push_s=1.0)
    for stamp_ns in (1, 2):
        stream.push(None, None, target_camera_to_world=[], stamp_ns=stamp_ns)
    assert called == ["open_stream", "open_stream", "push", "push"]


def test_by_products_come_from_the_child(faulty):
    wanted = frozenset({ByProduct.POINTS})
    with faulty.open_stream(CAMERA, [CAMERA]) as stream:
        push(stream, 1)
        push(stream, 2)
        np.testing.assert_array_equal(stream.by_products(wanted).points.points, [[2, 2, 2]])
        with pytest.raises(SynthesisError, match="SIGKILL"):
            push(stream, 3, KILLED)
        with pytest.raises(SynthesisError, match="push another"):
            stream.by_products(wanted)
        push(stream, 4)
        np.testing.assert_array_equal(stream.by_products(wanted).points.points, [[1, 1, 1]])
    with pytest.raises(EngineClosedError):
        stream.by_products(wanted)


def test_a_frame_that_hangs_ends():
    child = ChildSynthesizer(factory=FAULTY)
    try:
        stream = child.open_stream(CAMERA, [CAMERA])
        stream._longest_push_s = 0.5
        with pytest.raises(SynthesisError, match="SIGKILL"):
            push(stream, 1, HANGS)
    finally:
        child.close()


def test_what_a_method_takes_from_a_whole_film_comes_from_the_child(faulty):
    assert not isinstance(faulty, WholeFilmSynthesizer)
    child = ChildSynthesizer(factory="child_methods:OfAFilm")
    try:
        assert isinstance(child, WholeFilmSynthesizer)
        poses = box_clip(2).camera_to_world
        told = child.options_for_film(box_clip(1), [(poses, poses)], None)
        assert told == {"frames": 1, "paths": 1, "given": None}
    finally:
        child.close()


def test_what_loading_raises_is_raised_here():
    with pytest.raises(WeightsError, match="no weights at nowhere"):
        ChildSynthesizer(factory="child_methods:refuses_to_load")
    with pytest.raises(EngineUnavailableError, match="ended with code 9 while it loaded"):
        ChildSynthesizer(factory="child_methods:dies_while_loading")


def test_arguments_reach_the_factory_without_those_not_given():
    child = ChildSynthesizer("x", factory="child_methods:echo_arguments", device="cpu", weights=None)
    assert child.weights_hash == str([("device", "cpu"), ("name", "x")])
    child.close()


def test_a_method_that_can_no_longer_load_is_tried_again_after_longer_and_longer_pauses(
    tmp_path, monkeypatch
):
    now_s = [0.0]
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    child = ChildSynthesizer(factory="child_methods:loads_once", marker=str(tmp_path / "loaded"))
    os.kill(child.process_id, signal.SIGKILL)
    with pytest.raises(SynthesisError, match="SIGKILL"):
        child.synthesize(asked())
    begun = []
    for tried, pause_s in ((1, 1), (2, 2), (3, 4), (4, 8)):
        with pytest.raises(EngineUnavailableError, match="ended with code 9 while it loaded; see its output"):
            child.synthesize(asked())
        assert child.process_id == 0
        begun.append(child.restarts)
        now_s[0] += pause_s - 0.4
        with pytest.raises(EngineUnavailableError, match=rf"{tried} time\(s\): .*code 9.* again in 0 s"):
            child.synthesize(asked())
        now_s[0] += 0.5
    assert begun == [1, 2, 3, 4]
    now_s[0] += 100
    for _ in range(4):
        with pytest.raises(EngineUnavailableError, match="while it loaded"):
            child.synthesize(asked())
        now_s[0] += 60.1  # never longer than a minute
    (tmp_path / "loaded").unlink()
    assert len(child.synthesize(asked()).views) == 1
    os.kill(child.process_id, signal.SIGKILL)
    with pytest.raises(SynthesisError, match="SIGKILL"):
        child.synthesize(asked())
    with pytest.raises(EngineUnavailableError, match="while it loaded"):
        child.synthesize(asked())
    now_s[0] += 1.1  # counted from the start, after one that loaded
    with pytest.raises(EngineUnavailableError, match="while it loaded"):
        child.synthesize(asked())
    child.close()
    with pytest.raises(EngineClosedError):
        child.synthesize(asked())


def test_a_method_that_loads_for_ever_is_given_up(tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr(
        supervisor, "ChildProcess", lambda begin: begun.append(ChildProcess(begin)) or begun[0]
    )
    arguments = {"factory": "child_methods:hangs_while_loading", "marker": str(tmp_path / "process")}
    with pytest.raises(
        EngineUnavailableError, match=r"not loaded it after 2 s .* longest_load_s .*child_load_"
    ):
        ChildSynthesizer(**arguments, longest_load_s=2.0)
    assert ended(begun[0].process_id)


def test_a_new_child_that_loads_for_ever_is_given_up_too(tmp_path):
    child = ChildSynthesizer(
        factory="child_methods:hangs_the_second_time",
        marker=str(tmp_path / "loaded"),
        longest_load_s=PATIENCE_S,
    )
    with pytest.raises(SynthesisError, match="a new one is being started"):
        child.synthesize(asked(KILLED))
    child._supervisor._longest_load_s = 2.0
    with pytest.raises(EngineUnavailableError, match="not loaded it after 2 s"):
        child.synthesize(asked())
    with pytest.raises(EngineUnavailableError, match=r"could not be loaded anew 1 time\(s\): .* again in"):
        child.synthesize(asked())
    child.close()


def test_children_that_die_at_every_call_are_begun_after_longer_and_longer_pauses(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    child = ChildSynthesizer(factory=FAULTY)
    try:
        with pytest.raises(SynthesisError, match="a new one is being started: ask again"):
            child.synthesize(asked(EXITS))  # once may be chance
        for died, pause_s in ((2, 1), (3, 2), (4, 4)):
            with pytest.raises(
                SynthesisError, match=rf"code 7 .*, {died} times in a row .* again in {pause_s} s"
            ):
                child.synthesize(asked(EXITS))
            assert child.process_id == 0
            now_s[0] += pause_s - 0.6
            with pytest.raises(EngineUnavailableError, match=rf"{died} times in a row .* in 1 s"):
                child.synthesize(asked())
            now_s[0] += 0.7
        assert len(child.synthesize(asked()).views) == 1
        with pytest.raises(SynthesisError, match="a new one is being started: ask again"):
            child.synthesize(asked(EXITS))  # counted anew, after views
    finally:
        child.close()


def test_a_stream_whose_every_frame_kills_the_child_waits_and_goes_on(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    child = ChildSynthesizer(factory=FAULTY)
    try:
        with child.open_stream(CAMERA, [CAMERA]) as stream:
            with pytest.raises(SynthesisError, match="ask again"):
                push(stream, 1, KILLED)
            with pytest.raises(SynthesisError, match="2 times in a row"):
                push(stream, 2, KILLED)
            with pytest.raises(EngineUnavailableError, match="again in 1 s"):
                push(stream, 3)
            now_s[0] += 1.1
            assert int(push(stream, 4)[0].frames[0, 0, 0, 0]) == 1
            with pytest.raises(SynthesisError, match="a new one is being started"):
                push(stream, 5, KILLED)
    finally:
        child.close()


def test_closed_is_closed():
    child = ChildSynthesizer(factory=FAULTY)
    process_id = child.process_id
    child.close()
    child.close()
    assert ended(process_id)
    with pytest.raises(EngineClosedError, match="load the method anew"):
        child.synthesize(asked())


def test_an_engine_outlives_the_death_of_its_method():
    outcomes, came = [], threading.Semaphore(0)

    def note(outcome):
        outcomes.append(outcome)
        came.release()

    with Engine(lambda: ChildSynthesizer(factory=FAULTY), warm_up=False) as engine:
        stream = engine.open_stream(StreamSpec(CAMERA, {"side": CAMERA}), note)
        for stamp, pixel in ((1, 0), (2, KILLED), (3, 0)):
            frame = np.full((48, 64, 3), pixel, np.uint8)
            stream.push(StreamFrame(frame, pose_at(), stamp, {"side": pose_at()}))
            assert came.acquire(timeout=PATIENCE_S)
        assert [bool(outcome.error) for outcome in outcomes] == [False, True, False]
        assert "a new one is being started" in outcomes[1].error
        with pytest.raises(SynthesisError, match="SIGKILL"):
            engine.submit(asked(KILLED)).future.result(PATIENCE_S)
        assert len(engine.submit(asked()).future.result(PATIENCE_S).views) == 1
        assert engine.statistics().restarts == 2


DIES = """
import os, sys
sys.path.insert(0, sys.argv[1])
from anyview_ros.synthesis.child_process import ChildSynthesizer
child = ChildSynthesizer(factory='child_methods:Faulty')
print(child.process_id, flush=True)
os.kill(os.getpid(), 9)
"""

DIES_WHILE_ITS_CHILD_LOADS = """
import os, sys, threading, time
sys.path.insert(0, sys.argv[1])
from anyview_ros.synthesis.child_process import ChildSynthesizer
arguments = {'factory': 'child_methods:hangs_while_loading', 'marker': sys.argv[2]}
threading.Thread(target=ChildSynthesizer, kwargs=arguments).start()
while not os.path.exists(sys.argv[2]):
    time.sleep(0.05)
print(open(sys.argv[2]).read(), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("script", [DIES, DIES_WHILE_ITS_CHILD_LOADS])
def test_the_child_ends_when_its_parent_dies(script, tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(Path(child_methods.__file__).parent), str(tmp_path / "child")],
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(parent.stdout.readline())
    assert parent.wait(PATIENCE_S) == -signal.SIGKILL
    until = time.monotonic() + PATIENCE_S
    while not ended(child):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            pytest.fail("the child outlives its parent")
        time.sleep(0.05)
