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
