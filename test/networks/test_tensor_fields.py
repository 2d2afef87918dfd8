from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from anyview_ros.networks.tensor_fields import TensorFields


@dataclass(frozen=True, eq=False)
class Inner(TensorFields):
    weight: Tensor


@dataclass(frozen=True, eq=False)
class Outer(TensorFields):
    picture: Tensor
    inner: Inner


def outer(value: float, count: int = 1) -> Outer:
    return Outer(torch.full((count, 2), value), Inner(torch.full((count,), -value)))


def test_every_tensor_is_changed_those_inside_too() -> None:
    doubled = outer(1.5).each(lambda tensor: 2 * tensor)
    assert isinstance(doubled, Outer)
    assert doubled.picture.tolist() == [[3.0, 3.0]]
    assert doubled.inner.weight.tolist() == [-3.0]


def test_every_tensor_goes_to_the_device() -> None:
    there = outer(1.0).to("meta")
    assert there.picture.is_meta
    assert there.inner.weight.is_meta
    here = outer(1.0).to(torch.device("cpu"))
    assert here.picture.tolist() == [[1.0, 1.0]]


def test_several_are_joined_in_order() -> None:
    whole = Outer.joined([outer(1.0), outer(2.0, 2)])
    assert whole.picture[:, 0].tolist() == [1.0, 2.0, 2.0]
    assert whole.inner.weight.tolist() == [-1.0, -2.0, -2.0]
