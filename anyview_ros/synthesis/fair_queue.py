"""A queue that is first come, first served for each client and takes turns between clients."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Items of several clients. Each client's come out in the order they went in; clients take turns.

    A client that waits while another floods the queue is served next but one at the latest. Not thread-safe:
    whoever owns it locks it.
    """

    def __init__(self) -> None:
        """Make an empty queue."""
        self._waiting: OrderedDict[str, deque[Item]] = OrderedDict()  # in the order of their turns

    def push(self, client: str, item: Item) -> None:
        """Put an item behind the others of its client; a client that had none has its turn last."""
        self._waiting.setdefault(client, deque()).append(item)

    def pop(self) -> Item:
        """Take the oldest item of the client whose turn it is, which then goes behind the other clients.

        Raises:
            IndexError: the queue is empty.
        """
        if not self._waiting:
            raise IndexError("pop from an empty queue")
        client, items = next(iter(self._waiting.items()))
        item = items.popleft()
        if items:
            self._waiting.move_to_end(client)
        else:
            del self._waiting[client]
        return item

    def remove(self, client: str, item: Item) -> bool:
        """Take an item out of turn; False if it is not there."""
        items = self._waiting.get(client)
        if items is None or item not in items:
            return False
        items.remove(item)
        if not items:
            del self._waiting[client]
        return True

    def position(self, client: str, item: Item) -> int | None:
        """How many items come out before this one if none is added; None if it is not there."""
        items = self._waiting.get(client)
        if items is None or item not in items:
            return None
        rounds = items.index(item)
        clients = list(self._waiting)
        turn = clients.index(client)
        others = (
            min(len(self._waiting[other]), rounds + (place < turn))
            for place, other in enumerate(clients)
            if other != client
        )
        return rounds + sum(others)

    def count(self, client: str) -> int:
        """Items of one client."""
        return len(self._waiting.get(client, ()))

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[Item]:
        for items in self._waiting.values():
            yield from items
