"""Which pixels of a depth image are on one surface, and which float between two."""

from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.geometry.facets import ABOVE, BELOW, LEFT, RIGHT, DepthFacets


def of_row(inverse: list[float], distance_m: float) -> DepthFacets:
    """Facets of an image of three like rows, whose inverse depths are given in units of 1 / distance."""
    return DepthFacets.from_depth(np.tile((distance_m / np.array(inverse)).astype(np.float32), (3, 1)))


def joined_to_the_right(facets: DepthFacets) -> list[bool]:
    return ((facets.joined[1] & RIGHT) > 0).tolist()


@pytest.mark.parametrize("distance_m", [0.3, 3.0, 30.0])
def test_steps_of_two_percent_part_surfaces_at_any_distance(distance_m: float) -> None:
    facets = of_row([1, 1, 1.015, 1.015, 1.05, 1.05], distance_m)
    assert joined_to_the_right(facets) == [True, True, True, False, True, False]
    assert ((facets.joined[1, 1:] & LEFT) > 0).tolist() == joined_to_the_right(facets)[:-1]
    assert (facets.joined[:-1] & BELOW).all()
    assert (facets.joined[1:] & ABOVE).all()
    assert not (facets.joined[0] & ABOVE).any()


@pytest.mark.parametrize("distance_m", [0.3, 30.0])
def test_even_steps_go_on_as_a_grazing_plane_does_up_to_a_limit(distance_m: float) -> None:
    plane = of_row([1, 1.05, 1.10, 1.15, 1.20], distance_m)
    assert joined_to_the_right(plane) == [True] * 4 + [False]
    np.testing.assert_allclose(plane.slope_x, 0.05 / distance_m, rtol=1e-4)
    np.testing.assert_allclose(plane.slope_y, 0, atol=1e-6 / distance_m)
    assert joined_to_the_right(of_row([1, 1.1, 1.2, 1.3, 1.4], distance_m)) == [False] * 5


def test_slopes_are_those_of_the_own_surface() -> None:
    """Up to the edge they rise by 1 %, beyond it nothing changes; the step itself is no slope."""
    facets = of_row([1, 1.01, 1.02, 3, 3, 3], 2.0)
    np.testing.assert_allclose(facets.slope_x[1], [0.005, 0.005, 0.005, 0, 0, 0], atol=1e-6)
    turned = DepthFacets.from_depth((1 / facets.inverse_depth).T)
    np.testing.assert_array_equal(turned.slope_y, facets.slope_x.T)


@pytest.mark.parametrize("place", [(2, 2), (0, 2), (4, 2), (2, 0), (2, 4), (0, 0), (4, 4)])
def test_a_pixel_on_no_surface_is_left_out_if_all_its_neighbours_are_known(place: tuple[int, int]) -> None:
    depth = np.full((5, 5), 2.0, np.float32)
    depth[place] = 1.0
    assert np.argwhere(DepthFacets.from_depth(depth).inverse_depth == 0).tolist() == [list(place)]


@pytest.mark.parametrize("unknown", [(1, 2), (3, 2), (2, 1), (2, 3)])
def test_a_pixel_on_no_surface_stays_beside_one_that_is_unknown(unknown: tuple[int, int]) -> None:
    depth = np.full((5, 5), 2.0, np.float32)
    depth[2, 2], depth[unknown] = 1.0, 0.0
    inverse = DepthFacets.from_depth(depth).inverse_depth
    assert inverse[2, 2] == 1.0
    assert np.argwhere(inverse == 0).tolist() == [list(unknown)]
