from __future__ import annotations

import pytest
import torch

from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.methods.anyview_small.cameras import Cameras


def test_projections_come_with_their_inverses_without_waiting_for_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """torch.linalg.inv asks the GPU whether there is an inverse, and waits for the answer."""
    camera = PinholeCamera.from_fov(48, 32, horizontal_fov_deg=70)
    eyes = ((1.0, -2.0, 1.5), (0.2, 1.0, 0.4))
    poses = (
        torch.from_numpy(look_at(eyes[0], (0, 0, 1)))[None],
        torch.from_numpy(look_at(eyes[1], (0, 0, 1)))[None],
    )
    cameras, gauge = (Cameras.of([camera], pose) for pose in poses)
    monkeypatch.setattr(torch.linalg, "inv", lambda *_: pytest.fail("waits"))
    projection, inverse = cameras.projections(gauge)
    assert projection.dtype == inverse.dtype == torch.float32
    torch.testing.assert_close(projection @ inverse, torch.eye(4)[None], atol=1e-5, rtol=0)
