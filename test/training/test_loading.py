from __future__ import annotations

from collections.abc import Iterator

import cv2
import pytest
import torch
from torch.utils.data._utils.pin_memory import pin_memory

from anyview_ros.training.batches import BatchPlan, BatchSource
from anyview_ros.training.filmed import FilmedRooms
from anyview_ros.training.loading import loaded
from anyview_ros.training.source_pictures import PicturePlan, PictureSource


class Squares(torch.utils.data.Dataset[int]):
    def __getitem__(self, number: int) -> int:
        return number**2


@pytest.mark.parametrize("processes", [0, 2])
def test_samples_come_in_order_whoever_makes_them(processes: int) -> None:
    assert list(loaded(Squares(), range(3, 12), processes=processes)) == [n**2 for n in range(3, 12)]


def test_no_process_is_forked_beside_threads_of_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait for them for ever."""
    threads: list[int] = []

    class Loader:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def __iter__(self) -> Iterator[int]:
            threads.append(cv2.getNumThreads())
            return iter([4])

    monkeypatch.setattr(torch.utils.data, "DataLoader", Loader)
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    assert list(loaded(Squares(), range(2, 3), processes=1)) == [4]
    assert [*threads, cv2.getNumThreads()] == [1, 3]
    cv2.setNumThreads(before)


def test_samples_are_put_where_a_gpu_takes_them_from_by_their_own_hand(
    monkeypatch: pytest.MonkeyPatch, rooms: FilmedRooms
) -> None:
    """As torch's loaders do it, whose thread for that runs where there is a GPU alone."""
    asked: list[bool] = []

    class Loader:
        def __init__(self, samples: object, *, pin_memory: bool, sampler: range, **_: object) -> None:
            asked.append(pin_memory)
            self._given = [samples[number] for number in sampler]

        def __iter__(self) -> Iterator[object]:
            return iter(self._given)

    monkeypatch.setattr(torch.utils.data, "DataLoader", Loader)
    for pinned in (False, True):
        assert list(loaded(Squares(), range(2), processes=1, pinned=pinned)) == [0, 1]
    assert asked == [False, True]
    count: list[int] = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: count.append(1) or self.clone())
    sources = (
        BatchSource(rooms, BatchPlan(sources=1, targets=1), 0),
        PictureSource(rooms, PicturePlan(count=2), 0),
    )
    for source in sources:
        sample = source[0]
        count.clear()
        pinned_sample = pin_memory(sample)
        assert type(pinned_sample) is type(sample)
        assert len(count) == len(vars(sample))
        for name, value in vars(sample).items():
            assert torch.equal(getattr(pinned_sample, name), value)


def test_without_processes_a_sample_is_made_when_it_is_asked_for() -> None:
    samples = loaded(Squares(), range(10**12))
    assert [next(samples), next(samples)] == [0, 1]
