from __future__ import annotations

import pytest

from anyview_ros.offline.augment.formats import open_format
from anyview_ros.offline.augment.settings import FORMATS, AugmentSettings


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_that_can_be_asked_for_is_there(name: str) -> None:
    made = open_format(AugmentSettings(("vista_small",), format=name))  # type: ignore[arg-type]
    assert type(made).__name__.lower() == f"{name}format"
