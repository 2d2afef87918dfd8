"""A queue that is first come, first served for each client and takes turns between clients."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator
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
        return self._pop(next(iter(self._waiting)))

    def pop_alike(self, alike: Callable[[Item], bool], served: Collection[str]) -> Item | None:
        """Take one more item for a batch: the oldest of the next client in turn whose oldest is alike.

        Clients whose oldest is not alike keep their turns. While there is such a client, nobody has two items in
        one batch; so a batch never makes a client fall behind the others.

        Args:
            alike: whether an item may join the batch.
            served: clients that have an item in the batch.

        Returns:
            the item, or None if none may join.
        """
        joining = [client for client, items in self._waiting.items() if alike(items[0])]
        if len(joining) < len(self._waiting):
            joining = [client for client in joining if client not in served]
        return self._pop(joining[0]) if joining else None

    def _pop(self, client: str) -> Item:
        items = self._waiting[client]
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
