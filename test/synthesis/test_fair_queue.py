from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.synthesis.fair_queue import FairQueue

PUSHES = st.lists(st.sampled_from("abc"), max_size=30)


def filled(clients):
    queue = FairQueue()
    for number, client in enumerate(clients):
        queue.push(client, (client, number))
    return queue


def drained(queue):
    return [queue.pop() for _ in range(len(queue))]


def test_a_flood_makes_others_wait_for_one_turn():
    assert [client for client, _ in drained(filled("aaaaabb"))] == list("ababaaa")


@given(PUSHES)
def test_each_client_is_served_in_order_and_nothing_is_lost(clients):
    served = drained(filled(clients))
    assert sorted(number for _, number in served) == list(range(len(clients)))
    for name in "abc":
        numbers = [number for client, number in served if client == name]
        assert numbers == sorted(numbers)


@given(PUSHES)
def test_no_client_gets_two_turns_while_another_waits(clients):
    queue = filled(clients)
    while len(queue):
        waiting = {client for client, _ in queue}
        turns = [queue.pop()[0] for _ in waiting]
        assert set(turns) == waiting


@given(PUSHES, st.integers(0, 10))
def test_position_is_the_number_that_come_out_before(clients, popped):
    queue = filled(clients)
    for _ in range(min(popped, len(queue))):
        queue.pop()
    told = {item: queue.position(item[0], item) for item in queue}
    assert [told[item] for item in drained(queue)] == list(range(len(told)))


def test_remove_takes_one_item_out_of_turn():
    queue = filled("aab")
    assert queue.remove("a", ("a", 0))
    assert not queue.remove("a", ("a", 0))
    assert not queue.remove("z", ("a", 1))
    assert queue.position("a", ("a", 0)) is None
    assert (queue.count("a"), queue.count("z"), len(queue)) == (1, 0, 2)
    assert drained(queue) == [("a", 1), ("b", 2)]
    with pytest.raises(IndexError, match="empty"):
        queue.pop()


def test_a_client_whose_only_item_was_removed_has_no_turn():
    queue = filled("abc")
    assert queue.remove("a", ("a", 0))
    assert queue.position("a", ("a", 0)) is None
    assert queue.position("c", ("c", 2)) == 1
    assert queue.pop_alike(lambda _: True, set()) == ("b", 1)
    assert drained(queue) == [("c", 2)]


ALIKE = st.sets(st.integers(0, 30))


def gathered(queue, alike, most):
    """One item in turn, and others with it."""
    batch = [queue.pop()]
    while len(batch) < most:
        more = queue.pop_alike(lambda item: item[1] in alike, {client for client, _ in batch})
        if more is None:
            return batch
        batch.append(more)
    return batch


@given(PUSHES, ALIKE)
def test_only_what_is_alike_joins_and_each_client_keeps_its_order(clients, alike):
    queue = filled(clients)
    served = []
    while len(queue):
        first, *others = gathered(queue, alike, 4)
        assert {number for _, number in others} <= alike
        served += [first, *others]
    assert sorted(number for _, number in served) == list(range(len(clients)))
    for name in "abc":
        numbers = [number for client, number in served if client == name]
        assert numbers == sorted(numbers)


@given(PUSHES, ALIKE, st.integers(1, 5))
def test_no_client_gets_two_places_in_a_batch_while_an_odd_one_waits(clients, alike, most):
    queue = filled(clients)
    while len(queue):
        heads = {}
        for client, number in queue:
            heads.setdefault(client, number)
        batch = gathered(queue, alike, most)
        first = batch[0][0]
        odd = {client for client, number in heads.items() if number not in alike} - {first}
        if odd:
            assert len({client for client, _ in batch}) == len(batch)


def test_those_passed_over_keep_their_turn():
    queue = filled("abcb")
    queue.pop()
    assert queue.pop_alike(lambda item: item[0] == "c", {"a"}) == ("c", 2)
    assert queue.pop_alike(lambda item: item[0] == "c", {"a", "c"}) is None
    assert drained(queue) == [("b", 1), ("b", 3)]
    assert queue.pop_alike(lambda _: True, set()) is None
