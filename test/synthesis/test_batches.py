"""Requests of several callers in one batch of a method that can serve them so: the engine's side of it."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import Counter

import pytest
from batching_fake import BatchingFake
from fake_synthesizers import PATIENCE_S, STEPS, FakeSynthesizer, request, spec, stream_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.errors import (
    AnyViewError,
    EngineClosedError,
    InvalidInputError,
    InvalidRequestError,
    SynthesisCancelled,
    SynthesisError,
    SynthesisTimeout,
)
from anyview_ros.synthesis import BatchingSynthesizer, Synthesizer
from anyview_ros.synthesis.engine import Engine
from anyview_ros.synthesis.smaller_batches import SmallerBatches

HOLDER = 99


@pytest.fixture
def fake():
    return BatchingFake(lone={HOLDER})


@pytest.fixture
def engine(fake):
    engine = Engine(fake, warm_up=False)
    engine.start()
    yield engine
    fake.gate.open()
    assert engine.close(PATIENCE_S)
    check_accounts(engine)


def check_accounts(engine):
    numbers = engine.statistics()
    ended = numbers.completed + numbers.failed + numbers.cancelled + numbers.timed_out
    assert numbers.submitted == numbers.queued + numbers.running + ended
    return numbers


def hold(fake, engine):
    """Keep the device busy with a request that goes alone and waits in its first step."""
    fake.gate.shut()
    before = fake.gate.visitors()
    engine.submit(request(HOLDER), client="holder")
    fake.gate.wait_for_visitors(before + 1)


def release(fake, steps=STEPS):
    """Let the holder pass, and whatever comes behind it come to its first step."""
    before = fake.gate.visitors()
    fake.gate.let(steps)
    fake.gate.wait_for_visitors(before + steps)


def result(job):
    return int(job.future.result(PATIENCE_S).views[0].frames[0, 0, 0, 0])


def error(job):
    return job.future.exception(PATIENCE_S)


def test_the_capability_is_told_by_the_face(fake):
    assert isinstance(fake, BatchingSynthesizer)
    assert isinstance(fake, Synthesizer)
    assert not isinstance(FakeSynthesizer(), BatchingSynthesizer)


def test_a_batch_is_formed_of_one_key_and_is_bounded(fake, engine):
    hold(fake, engine)
    alike = [engine.submit(request(seed), client=f"c{seed}") for seed in range(6)]
    other = [engine.submit(request(seed, frames=2), client=f"c{seed}") for seed in (10, 11)]
    fake.lone.add(20)
    alone = engine.submit(request(20), client="c20")
    fake.gate.open()
    assert [result(job) for job in (*alike, *other, alone)] == [0, 1, 2, 3, 4, 5, 10, 11, 20]
    assert fake.batches == [[0, 1, 2, 3], [4, 5], [10, 11]]
    assert fake.log == [("request", HOLDER), ("request", 20)]
    assert check_accounts(engine).batched == 8


def test_a_request_that_waits_alone_does_not_wait_for_others(fake, engine):
    assert result(engine.submit(request(5))) == 5
    assert fake.batches == []
    assert engine.statistics().batched == 0


def test_one_client_may_fill_a_batch_if_nobody_else_waits(fake, engine):
    hold(fake, engine)
    jobs = [engine.submit(request(seed)) for seed in range(3)]
    fake.gate.open()
    assert [result(job) for job in jobs] == [0, 1, 2]
    assert fake.batches == [[0, 1, 2]]


def test_nobody_has_two_places_in_a_batch_while_another_kind_waits(fake, engine):
    hold(fake, engine)
    for seed in range(4):
        engine.submit(request(seed), client="flood")
    odd = engine.submit(request(50, frames=2), client="odd")
    same = engine.submit(request(60), client="same")
    last = engine.submit(request(4), client="flood")
    fake.gate.open()
    for job in (odd, same, last):
        result(job)
    assert fake.batches == [[0, 60], [1, 2, 3, 4]]
    assert fake.log == [("request", HOLDER), ("request", 50)]  # before the flood's second


def test_max_batch_of_one_runs_each_alone():
    fake = BatchingFake()
    with Engine(fake, warm_up=False, max_batch=1) as engine:
        hold(fake, engine)
        jobs = [engine.submit(request(seed)) for seed in range(3)]
        fake.gate.open()
        assert [result(job) for job in jobs] == [0, 1, 2]
    assert fake.batches == []
    with pytest.raises(InvalidInputError, match="max_batch is 0"):
        Engine(fake, max_batch=0)


def test_all_of_a_batch_run_hear_its_steps_and_have_their_own_times(fake, engine):
    hold(fake, engine)
    heard = {seed: [] for seed in range(3)}
    jobs = [
        engine.submit(
            request(seed), client=str(seed), progress=lambda *told, seed=seed: heard[seed].append(told)
        )
        for seed in range(3)
    ]
    release(fake)
    assert check_accounts(engine).running == 3
    assert [job.position for job in jobs] == [0, 0, 0]
    later = engine.submit(request(7))
    assert later.position == 3
    assert engine.statistics().queued == 1
    fake.gate.open()
    assert [result(job) for job in (*jobs, later)] == [0, 1, 2, 7]
    assert list(heard.values()) == [[(step, STEPS) for step in range(1, STEPS + 1)]] * 3
    assert (
        jobs[0].queue_ms > jobs[1].queue_ms > jobs[2].queue_ms
    )  # all began at once, one after the other asked
    assert engine.statistics().queue_time.count == 5
    assert engine.statistics().synthesis_time.count == 5


@pytest.mark.parametrize("which", range(3))
def test_a_cancelled_member_leaves_the_others_their_results(fake, engine, which):
    hold(fake, engine)
    jobs = [engine.submit(request(seed), client=str(seed)) for seed in range(3)]
    release(fake)
    jobs[which].cancel()
    fake.gate.open()
    assert isinstance(error(jobs[which]), SynthesisCancelled)
    assert [result(jobs[seed]) for seed in range(3) if seed != which] == [
        seed for seed in range(3) if seed != which
    ]
    assert fake.batches == [[0, 1, 2]]
    assert fake.log == [("request", HOLDER)]
    assert engine.statistics().cancelled == 1


def test_a_member_whose_time_is_up_ends_at_once_and_the_others_later(fake, engine):
    hold(fake, engine)
    brief = engine.submit(request(0), client="a", timeout_s=1.0)
    other = engine.submit(request(1), client="b")
    release(fake)
    assert isinstance(error(brief), SynthesisTimeout)
    assert not other.future.done()
    assert check_accounts(engine).running == 1
    fake.gate.open()
    assert result(other) == 1
    assert engine.statistics().timed_out == 1


@pytest.mark.parametrize("looks_at_token", [True, False])
def test_a_batch_stops_once_all_its_members_are_stopped(fake, engine, looks_at_token, caplog):
    fake.looks_at_token = looks_at_token
    hold(fake, engine)
    jobs = [engine.submit(request(seed), client=str(seed)) for seed in range(2)]
    release(fake)
    for job in jobs:
        job.cancel()
    fake.gate.open()
    assert all(isinstance(error(job), SynthesisCancelled) for job in jobs)
    assert fake.log == [("request", HOLDER)]
    assert [job.steps for job in jobs] == [None if looks_at_token else (STEPS, STEPS)] * 2
    assert caplog.text == ""


def test_what_is_over_before_it_begins_takes_no_place(fake, engine):
    hold(fake, engine)
    late = engine.submit(request(0), client="a", timeout_s=0.05)
    gone = engine.submit(request(1), client="b")
    jobs = [engine.submit(request(seed), client=str(seed)) for seed in range(2, 6)]
    gone.cancel()
    assert isinstance(error(late), SynthesisTimeout)
    fake.gate.open()
    assert [result(job) for job in jobs] == [2, 3, 4, 5]
    assert fake.batches == [[2, 3, 4, 5]]


def test_what_is_over_takes_no_place_even_if_callbacks_hold_up_the_clock(fake, engine):
    hold(fake, engine)
    begun, blocked = threading.Event(), threading.Event()
    blocker = engine.submit(request(30), client="blocker")
    blocker.future.add_done_callback(lambda _: (begun.set(), blocked.wait(PATIENCE_S)))
    blocker.cancel()
    assert begun.wait(PATIENCE_S)
    jobs = [
        engine.submit(request(seed), client=str(seed), timeout_s=0.05 if seed == 1 else None)
        for seed in range(3)
    ]
    while jobs[1].remaining_s() > 0:
        time.sleep(0.01)
    assert check_accounts(engine).queued == 3
    fake.gate.open()
    after = engine.submit(request(40, frames=2), client="after")
    fake.wait_for("request", 40)
    blocked.set()
    assert (result(jobs[0]), result(jobs[2]), result(after)) == (0, 2, 40)
    assert isinstance(error(jobs[1]), SynthesisTimeout)
    assert fake.batches == [[0, 2]]


def test_an_error_of_one_member_is_its_own(fake, engine):
    hold(fake, engine)
    fake.raises[1] = InvalidRequestError("seed 1 is refused")
    jobs = [engine.submit(request(seed), client=str(seed)) for seed in range(3)]
    fake.gate.open()
    assert error(jobs[1]) is fake.raises[1]
    assert (result(jobs[0]), result(jobs[2])) == (0, 2)
    assert fake.log == [("request", HOLDER)]
    assert engine.statistics().failed == 1


def test_a_batch_that_fails_as_a_whole_is_asked_one_by_one(fake, engine, caplog):
    hold(fake, engine)
    fake.raises[1] = ZeroDivisionError("by zero")
    heard = []
    jobs = [
        engine.submit(
            request(seed),
            client=str(seed),
            progress=(lambda *told: heard.append(told)) if seed == 2 else None,
        )
        for seed in range(3)
    ]
    with caplog.at_level(logging.WARNING):
        fake.gate.open()
        assert (result(jobs[0]), result(jobs[2])) == (0, 2)
    assert isinstance(error(jobs[1]), SynthesisError)
    assert "by zero" in str(error(jobs[1]))
    assert [seed for _, seed in fake.log] == [HOLDER, 0, 1, 2]
    assert "3 requests in one batch failed (by zero); each is asked alone" in caplog.text
    assert heard == [(1, 4), (2, 5), (3, 5), (4, 5), (5, 5)]  # what was lost is not taken back


def test_a_member_stopped_while_the_others_are_asked_one_by_one_is_not_asked(fake, engine):
    hold(fake, engine)
    fake.raises[0] = ZeroDivisionError("by zero")
    jobs = [engine.submit(request(seed), client=str(seed)) for seed in range(3)]
    release(fake)
    fake.gate.let(1)  # the batch fails after its first step, and the first request comes to its own
    fake.wait_for("request", 0)
    jobs[2].cancel()
    fake.gate.open()
    assert result(jobs[1]) == 1
    assert isinstance(error(jobs[0]), SynthesisError)
    assert isinstance(error(jobs[2]), SynthesisCancelled)
    assert [seed for _, seed in fake.log] == [HOLDER, 0, 1]


def ask_in_batches(fake, engine, count):
    hold(fake, engine)
    jobs = [engine.submit(request(seed), client=str(seed)) for seed in range(count)]
    fake.gate.open()
    assert [result(job) for job in jobs] == list(range(count))


def test_out_of_memory_goes_on_one_by_one_and_remembers(fake, engine, caplog):
    fake.room = 2
    with caplog.at_level(logging.WARNING):
        ask_in_batches(fake, engine, 4)
    assert fake.batches == [[0, 1, 2, 3]]
    assert [seed for _, seed in fake.log] == [HOLDER, 0, 1, 2, 3]
    assert "memory does not hold 4 requests of 'fake' at once; going on with 2" in caplog.text
    assert check_accounts(engine).splits == 1
    ask_in_batches(fake, engine, 4)
    assert fake.batches[1:] == [[0, 1], [2, 3]]
    assert engine.statistics().splits == 1


def test_more_requests_are_tried_together_again(fake, engine):
    fake.room = 1
    ask_in_batches(fake, engine, 2)
    ask_in_batches(fake, engine, 2)
    assert fake.batches == [[0, 1]]
    fake.room = 100
    for _ in range(32):
        result(engine.submit(request(0)))
    ask_in_batches(fake, engine, 2)
    assert fake.batches[1:] == [[0, 1]]


@pytest.mark.parametrize("outcomes", [[], [1, 2, 3]])
def test_a_method_that_does_not_answer_each_is_not_believed(fake, engine, monkeypatch, outcomes):
    monkeypatch.setattr(fake, "synthesize_together", lambda *_, **__: outcomes)
    ask_in_batches(fake, engine, 2)
    assert [seed for _, seed in fake.log] == [HOLDER, 0, 1]


def test_a_member_with_too_few_views_fails_alone(fake, engine, monkeypatch):
    outcome = fake.outcome

    def forgetful(asked):
        whole = outcome(asked)
        return type(whole)((), whole.provenance) if asked.seed == 1 else whole

    monkeypatch.setattr(fake, "outcome", forgetful)
    hold(fake, engine)
    jobs = [engine.submit(request(seed), client=str(seed)) for seed in range(2)]
    fake.gate.open()
    assert result(jobs[0]) == 0
    assert "0 views for 1 targets" in str(error(jobs[1]))


@pytest.mark.parametrize("key", [ValueError("cannot tell"), []])
def test_a_key_that_cannot_be_told_runs_alone(fake, engine, monkeypatch, key):
    def tell(_):
        if isinstance(key, Exception):
            raise key
        return key

    monkeypatch.setattr(fake, "batch_key", tell)
    ask_in_batches(fake, engine, 2)
    assert fake.batches == []


def test_a_method_that_does_not_batch_has_no_keys(caplog):
    assert SmallerBatches(FakeSynthesizer()).batch_key(request(0)) is None
    assert caplog.text == ""


def test_close_ends_a_whole_batch(fake):
    engine = Engine(fake, warm_up=False)
    engine.start()
    hold(fake, engine)
    jobs = [engine.submit(request(seed), client=str(seed)) for seed in range(4)]
    release(fake)
    closing = threading.Thread(target=engine.close, args=(PATIENCE_S,))
    closing.start()
    assert all(isinstance(error(job), EngineClosedError) for job in jobs)
    fake.gate.open()
    closing.join(PATIENCE_S)
    assert check_accounts(engine).running == 0
    assert fake.closed.is_set()


def test_a_method_that_exits_ends_all_of_the_batch():
    fake = BatchingFake(lone={HOLDER}, raises={2: SystemExit(3)})
    engine = Engine(fake, warm_up=False)
    engine.start()
    hold(fake, engine)
    jobs = [engine.submit(request(seed), client=str(seed)) for seed in range(3)]
    fake.gate.open()
    assert all(isinstance(error(job), EngineClosedError) for job in jobs)
    assert engine.close(PATIENCE_S)
    check_accounts(engine)


def test_streams_have_their_turn_after_each_batch(fake, engine):
    outcomes = queue.Queue()
    stream = engine.open_stream(spec(), outcomes.put)
    stream.opened.result(PATIENCE_S)
    hold(fake, engine)
    jobs = [engine.submit(request(seed), client=str(seed)) for seed in range(8)]
    stream.push(stream_frame(1))
    order = queue.Queue()
    for job in jobs:
        job.future.add_done_callback(lambda _, job=job: order.put(job.request.seed))
    fake.gate.open()
    outcomes.get(timeout=PATIENCE_S)
    for job in jobs:
        result(job)
    assert fake.batches == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert fake.log == [("request", HOLDER), ("frame", 1)]
    assert [order.get(timeout=PATIENCE_S) for _ in jobs] == list(range(8))


def test_a_batch_that_is_over_stands_before_nobody(fake, engine):
    stream = engine.open_stream(spec(), lambda _: None)
    stream.opened.result(PATIENCE_S)
    hold(fake, engine)
    jobs = [engine.submit(request(seed)) for seed in range(3)]
    release(fake)
    stream.push(stream_frame(1))
    release(fake)  # the batch is done, and the frame is on the device
    assert [result(job) for job in jobs] == [0, 1, 2]
    job = engine.submit(request(7))
    assert job.position == 0
    fake.gate.open()
    assert result(job) == 7


@pytest.mark.parametrize("kinds", [(1, 1, 1, 1), (1, 1, 1, 2), (1, 2, 1, 2), (1, 2, 3, 4)])
@pytest.mark.parametrize("max_batch", [2, 3, 4, 6])
def test_four_clients_are_served_alike(kinds, max_batch):
    """Each client always has three requests waiting; ``kinds`` are the lengths of their clips."""
    fake = BatchingFake(lone={HOLDER})
    served = Counter()
    enough = threading.Event()
    with Engine(fake, warm_up=False, max_batch=max_batch) as engine:

        def ask(client):
            job = engine.submit(request(client, frames=kinds[client]), client=str(client))
            job.future.add_done_callback(lambda _: again(client))

        def again(client):
            if sum(served.values()) == 60:
                enough.set()
                return
            served[client] += 1
            ask(client)

        hold(fake, engine)
        for client in (0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3):
            ask(client)
        fake.gate.open()
        assert enough.wait(PATIENCE_S)
        check_accounts(engine)
    assert len(served) == 4
    assert max(served.values()) / min(served.values()) <= 1.5, served
    assert max(map(len, fake.batches), default=1) <= max_batch


ASKED = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from((1, 1, 1, 2, 3)),  # frames: the key
        st.sampled_from(("", "", "", "cancel", "brief", "refused", "broken", "lone")),
    ),
    max_size=24,
)


@given(ASKED, st.integers(1, 5), st.integers(1, 6), st.integers(0, 2**16))
@settings(max_examples=40)
def test_under_any_load_every_future_ends_once(asked, room, max_batch, seed):
    chance = random.Random(seed)
    fake = BatchingFake(lone={HOLDER}, room=room)
    ends = Counter()
    with Engine(fake, warm_up=False, max_batch=max_batch, max_queue=40) as engine:
        hold(fake, engine)
        jobs = []
        for number, (client, frames, fate) in enumerate(asked):
            if fate == "refused":
                fake.raises[number] = InvalidRequestError("refused")
            elif fate == "broken":
                fake.raises[number] = ZeroDivisionError("broken")
            elif fate == "lone":
                fake.lone.add(number)
            limit = 0.002 * chance.random() if fate == "brief" else None
            job = engine.submit(request(number, frames=frames), client=client, timeout_s=limit)
            job.future.add_done_callback(lambda _, number=number: ends.update([number]))
            jobs.append(job)
        fake.gate.open()
        for job, (_, _, fate) in zip(jobs, asked, strict=True):
            if fate == "cancel":
                time.sleep(0.001 * chance.random())
                job.cancel()
        for number, (job, (_, _, fate)) in enumerate(zip(jobs, asked, strict=True)):
            ended = error(job)
            assert ended is None or isinstance(ended, AnyViewError)
            if ended is None:
                assert result(job) == number
            if fate in ("", "lone"):
                assert ended is None
            if fate in ("refused", "broken"):
                assert isinstance(ended, InvalidRequestError if fate == "refused" else SynthesisError)
    assert ends == Counter(range(len(asked)))
    numbers = check_accounts(engine)
    assert (numbers.queued, numbers.running) == (0, 0)
    assert numbers.submitted == len(asked) + 1
    assert max(map(len, fake.batches), default=0) <= max_batch
