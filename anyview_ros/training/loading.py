"""Samples in order, made by other processes while training goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import torch

Sample = TypeVar("Sample")


def loaded(
    samples: torch.utils.data.Dataset[Sample], numbers: range, *, processes: int = 0
) -> Iterator[Sample]:
    """Give ``samples[n]`` for each of ``numbers``, in order.

    Args:
        samples: each depends on its number alone.
        numbers: which ones.
        processes: that make them, four ahead each; 0 makes them when they are asked for.
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
    )
    yield from loader


def _one_thread(worker: int) -> None:
    import cv2

    del worker
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _as_it_is(sample: Any) -> Any:
    return sample
