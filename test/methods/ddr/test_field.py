"""The field, and what is baked of it."""

from __future__ import annotations

import pytest
import torch

from anyview_ros.methods.ddr.baking import Baker, baked
from anyview_ros.methods.ddr.field import DdrField, FieldShape
from anyview_ros.rendering.grids import corner_coordinates, decoded


def a_field(instants: int = 5, *, restless: bool = True) -> DdrField:
    generator = torch.Generator().manual_seed(0)
    field = DdrField(FieldShape((9, 7, 11), instants, 6), generator)
    with torch.no_grad():
        for grid in field.grids:
            grid.normal_(0, 1, generator=generator)
        if restless and field.head is not None:
            for plane in field.time_planes:
                plane.uniform_(0.2, 1.8, generator=generator)
            field.head[-1].weight.normal_(0, 1, generator=generator)
    return field


def test_a_new_field_is_nearly_empty_and_grey_and_stands_still() -> None:
    field = DdrField(FieldShape((8, 8, 8), 4, 6), torch.Generator().manual_seed(0))
    where = torch.rand(50, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    density, colour = field(where, torch.linspace(0, 3, 50))
    torch.testing.assert_close(density, torch.full((50,), 0.3679), atol=1e-3, rtol=0)
    torch.testing.assert_close(colour, torch.full((50, 3), 0.5))
    assert field.motion(where, torch.zeros(50)).abs().max() == 0


def test_the_same_seed_makes_the_same_field() -> None:
    first, second = (
        DdrField(FieldShape((8, 8, 8), 4, 6), torch.Generator().manual_seed(7)) for _ in range(2)
    )
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_field_of_one_instant_has_nothing_that_moves() -> None:
    field = a_field(1)
    assert field.head is None
    assert field.unrest() == 0
    where = torch.zeros(2, 3)
    assert torch.equal(*field.values(where, torch.tensor([0.0, 0.0])))


@pytest.mark.parametrize("place", [0.0, 1.0, 2.25, 4.0])
def test_baked_corners_are_the_fields_values_there(place: float) -> None:
    field = a_field()
    where = corner_coordinates((11, 7, 9), torch.device("cpu"))
    wanted = field.values(where, torch.full((len(where),), place)).detach()
    torch.testing.assert_close(baked(field, place)[0].flatten(1).T, wanted, atol=1e-4, rtol=1e-4)


def test_only_what_moves_is_baked_anew() -> None:
    still = Baker(a_field(restless=False))
    assert still.moving_share == 0
    assert torch.equal(still.at(0.0), still.at(3.0))
    assert Baker(a_field(1)).moving_share == 0

    restless = a_field()
    baker = Baker(restless)
    assert baker.moving_share > 0.3
    for place in (0.0, 3.0):
        found, whole = baker.at(place)[0].flatten(1).T, baked(restless, place)[0].flatten(1).T
        for one, other in zip(decoded(found), decoded(whole), strict=True):
            opacity = 1 - torch.exp(-0.05 * one) if one.ndim == 1 else one
            wanted = 1 - torch.exp(-0.05 * other) if other.ndim == 1 else other
            assert (opacity - wanted).abs().mean() < 0.01


def test_motion_goes_on_between_instants() -> None:
    field = a_field()
    where = torch.tensor([[0.1, -0.3, 0.5]])
    at = [field.motion(where, torch.tensor([place])) for place in (1.0, 1.01, 2.0)]
    assert (at[0] - at[1]).abs().max() < 0.1 * (at[0] - at[2]).abs().max()
    assert (at[0] - at[2]).abs().max() > 0.1


def test_a_field_that_moves_less_has_less_unrest_and_a_smooth_one_less_roughness() -> None:
    assert a_field(restless=False).unrest() < 0.1 * a_field().unrest()
    smooth = a_field()
    with torch.no_grad():
        for grid in smooth.grids:
            grid.fill_(0.3)
    assert smooth.roughness() == 0
    assert a_field().roughness() > 0.1
