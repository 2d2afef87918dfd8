from __future__ import annotations

import pytest
import torch

from anyview_ros.training.loading import loaded


class Squares(torch.utils.data.Dataset[int]):
    def __getitem__(self, number: int) -> int:
        return number**2


@pytest.mark.parametrize("processes", [0, 2])
def test_samples_come_in_order_whoever_makes_them(processes: int) -> None:
    assert list(loaded(Squares(), range(3, 12), processes=processes)) == [n**2 for n in range(3, 12)]


def test_without_processes_a_sample_is_made_when_it_is_asked_for() -> None:
    samples = loaded(Squares(), range(10**12))
    assert [next(samples), next(samples)] == [0, 1]
