from __future__ import annotations

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_options import known_options


def test_a_reader_gets_its_own_options() -> None:
    given = {"calibration": "c.yaml", "task": "pick"}
    settings = AugmentSettings(("vista_small",), source_options=given)
    assert known_options(settings, "a dataset", ("calibration",)) == {"calibration": "c.yaml"}


def test_a_mistyped_option_is_told() -> None:
    settings = AugmentSettings(("vista_small",), source_options={"calibratoin": "c.yaml"})
    with pytest.raises(
        InvalidInputError, match=r"a dataset knows no option calibratoin; there are action, .*calibration"
    ):
        known_options(settings, "a dataset", ("calibration",))
