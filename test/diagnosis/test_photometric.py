from __future__ import annotations

import numpy as np

from anyview_ros.diagnosis.photometric import make_view
from anyview_ros.geometry import PinholeCamera


def test_reduced_depth_lies_where_the_picture_does() -> None:
    camera = PinholeCamera.from_fov(720, 540, horizontal_fov_deg=60)
    columns = np.broadcast_to(np.arange(720, dtype=np.float32), (540, 720))  # the value tells the column
    view = make_view(np.zeros((540, 720, 3), np.uint8), columns, camera, np.eye(4))
    assert view.depth_m is not None
    np.testing.assert_array_equal(view.depth_m[90], 1 + 3 * np.arange(240))  # the middle one of three
