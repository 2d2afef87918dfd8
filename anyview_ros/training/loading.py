"""Samples in order, made by other processes while training goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import torch

Sample = TypeVar("Sample")


def loaded(
    samples: torch.utils.data.Dataset[Sample], numbers: range, *, processes: int = 0, pinned: bool = False
) -> Iterator[Sample]:
    """Give ``samples[n]`` for each of ``numbers``, in order.

    Args:
        samples: each depends on its number alone.
        numbers: which ones.
        processes: that make them, four ahead each; 0 makes them when they are asked for.
        pinned: put what processes make where a GPU takes it from while the CPU goes on, by ``pin_memory()`` of the
            sample.
    """
    if not processes:
        for number in numbers:
            yield samples[number]
        return
    loader: Iterable[Sample] = torch.utils.data.DataLoader(
        samples,
        batch_size=None,
        sampler=numbers,
        num_workers=processes,
        prefetch_factor=4,
        worker_init_fn=_one_thread,
        collate_fn=_as_it_is,
        pin_memory=pinned,
    )
    yield from _begun(loader)


def _begun(loader: Iterable[Sample]) -> Iterator[Sample]:
    """Start the loader's processes.

    OpenCV's threads are ended before: a process that is forked beside them waits for them for ever.
    """
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return iter(loader)
    finally:
        cv2.setNumThreads(threads)


def _one_thread(worker: int) -> None:
    import cv2

    del worker
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _as_it_is(sample: Any) -> Any:
    return sample
