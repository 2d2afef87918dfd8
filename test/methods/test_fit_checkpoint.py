"""The state of a fit, written and read."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ddr_scenes import small_clip
from torch import nn

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.fit_checkpoint import FitCheckpoint, fit_key


def test_a_checkpoint_gives_back_what_it_was_given_to_its_own_fit_only(tmp_path: Path) -> None:
    parameter = nn.Parameter(torch.ones(2))
    optimiser = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimiser.step()
    state = {
        "field": {"grids.0": torch.rand(2, 2)},
        "anchors": {"pictures": torch.rand(1, 3)},
        "optimiser": optimiser.state_dict(),
        "generator": torch.Generator().manual_seed(3).get_state(),
        "step": 7,
        "smooth_loss": 0.1,
        "first_loss": math.nan,
    }
    path = tmp_path / "deep" / "fit.safetensors"
    kept = FitCheckpoint(path, "kind/1", "key")
    assert kept.read() is None
    kept.write(state)
    found = kept.read()
    assert found is not None
    assert math.isnan(found["first_loss"])
    assert (found["step"], found["smooth_loss"]) == (7, 0.1)
    for part, name in (("field", "grids.0"), ("anchors", "pictures")):
        assert torch.equal(found[part][name], state[part][name])
    assert torch.equal(found["generator"], state["generator"])
    again = torch.optim.Adam([nn.Parameter(torch.ones(2))])
    again.load_state_dict(found["optimiser"])
    assert torch.equal(
        again.state_dict()["state"][0]["exp_avg"], optimiser.state_dict()["state"][0]["exp_avg"]
    )
    with pytest.raises(InvalidRequestError, match="of another fit: other frames"):
        FitCheckpoint(path, "kind/1", "other").read()
    with pytest.raises(InvalidRequestError, match="of format 'kind/1' and not 'kind/2': of another method"):
        FitCheckpoint(path, "kind/2", "key").read()


def test_a_checkpoint_without_a_path_keeps_nothing_and_needs_no_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    kept = FitCheckpoint(None, "kind/1", "key")
    kept.write({})
    assert kept.read() is None


def test_a_key_tells_clips_settings_and_seeds_apart() -> None:
    clip, other = small_clip(), small_clip(moving=True)
    key = fit_key([clip], {"a": 1, "b": 2}, 0)
    assert key == fit_key([small_clip()], {"b": 2, "a": 1}, 0)
    keys = {
        key,
        fit_key([other], {"a": 1, "b": 2}, 0),
        fit_key([clip], {"a": 1, "b": 3}, 0),
        fit_key([clip], {"a": 1, "b": 2}, 1),
        fit_key([clip], {"a": 1, "b": 2}, 0, arrays=[np.zeros(3)]),
        fit_key([clip], {"a": 1, "b": 2}, 0, arrays=[np.ones(3)]),
    }
    assert len(keys) == 6
