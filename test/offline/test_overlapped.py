from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from anyview_ros.offline.overlapped import _Handoff, read_ahead, write_behind

PATIENCE_S = 20.0


class Source:
    """Counts up; tells how far it was read, where, and whether it was closed."""

    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.count, self.fails_at = count, fails_at
        self.read = 0
        self.closed = False
        self.threads: set[int] = set()
        self.progress = threading.Condition()

    def items(self) -> Iterator[int]:
        try:
            for index in range(self.count):
                self.threads.add(threading.get_ident())
                if index == self.fails_at:
                    raise OSError("the disk is gone")
                with self.progress:
                    self.read = index + 1
                    self.progress.notify_all()
                yield index
        finally:
            self.threads.add(threading.get_ident())
            self.closed = True

    def wait_for(self, read: int) -> None:
        with self.progress:
            assert self.progress.wait_for(lambda: self.read >= read, PATIENCE_S)


def test_items_come_in_order_and_from_one_other_thread() -> None:
    source = Source(50)
    with read_ahead(source.items(), depth=3) as items:
        assert list(items) == list(range(50))
    assert len(source.threads) == 1
    assert threading.get_ident() not in source.threads
    assert source.closed


def test_no_more_is_read_ahead_than_was_said() -> None:
    source = Source(100)
    with read_ahead(source.items(), depth=3) as items:
        source.wait_for(4)  # three wait, and one has nowhere to go
        assert next(items) == 0
        source.wait_for(5)
        assert source.read == 5
    assert source.closed
    assert source.read <= 6


def test_an_error_comes_after_the_items_before_it() -> None:
    source = Source(10, fails_at=2)
    with read_ahead(source.items()) as items:
        assert [next(items), next(items)] == [0, 1]
        with pytest.raises(OSError, match="disk is gone"):
            next(items)
    assert source.closed


def test_leaving_early_ends_the_reader() -> None:
    source = Source(1000)

    def leave() -> None:
        with read_ahead(source.items(), depth=2) as items:
            next(items)
            raise KeyError("enough")

    before = set(threading.enumerate())
    with pytest.raises(KeyError, match="enough"):
        leave()
    assert source.closed
    assert source.read < 10
    assert set(threading.enumerate()) <= before


def test_everything_is_written_when_the_block_ends() -> None:
    written: list[int] = []
    threads: set[int] = set()

    def write(item: int) -> None:
        threads.add(threading.get_ident())
        written.append(item)

    with write_behind(write, depth=2) as put:
        for item in range(40):
            put(item)
    assert written == list(range(40))
    assert threading.get_ident() not in threads


def test_putting_waits_for_a_slow_writer() -> None:
    gate, put_all = threading.Event(), threading.Event()
    written: list[int] = []

    def write(item: int) -> None:
        assert gate.wait(PATIENCE_S)
        written.append(item)

    def work() -> None:
        with write_behind(write, depth=2) as put:
            for item in range(5):
                put(item)
            put_all.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert not put_all.wait(0.2), "five items were put while the writer held the first and two may wait"
    gate.set()
    thread.join(PATIENCE_S)
    assert written == [0, 1, 2, 3, 4]


def test_an_error_of_the_writer_stops_the_work() -> None:
    written: list[int] = []

    def write(item: int) -> None:
        if item == 3:
            raise OSError("no space left")
        written.append(item)

    def work() -> int:
        put_items = 0
        with write_behind(write, depth=2) as put:
            for put_items in range(1000):
                put(put_items)
        return put_items

    with pytest.raises(OSError, match="no space left"):
        work()
    assert written == [0, 1, 2]


def test_an_error_with_the_last_item_is_not_lost() -> None:
    def write(item: int) -> None:
        raise OSError(f"no space left for {item}")

    with pytest.raises(OSError, match="left for 7"), write_behind(write) as put:
        put(7)


def test_what_waits_is_dropped_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, begun = threading.Event(), threading.Event()
    written: list[int] = []
    leave = _Handoff.leave
    monkeypatch.setattr(_Handoff, "leave", lambda handoff: (leave(handoff), gate.set()))

    def write(item: int) -> None:
        begun.set()
        assert gate.wait(PATIENCE_S)
        written.append(item)

    def work() -> None:
        with write_behind(write, depth=3) as put:
            for item in range(3):
                put(item)
            assert begun.wait(PATIENCE_S)
            raise KeyError("cancelled")

    with pytest.raises(KeyError, match="cancelled"):
        work()
    assert written == [0], "the item under way is finished, those that wait are dropped"
