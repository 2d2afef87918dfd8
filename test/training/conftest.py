from __future__ import annotations

import pytest

from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_rooms


@pytest.fixture(scope="session")
def rooms() -> FilmedRooms:
    return film_rooms(FilmPlan(side=32, instants=2), 0, 4)
