import zipfile
from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import ReadError
from anyview_ros.offline.samples import motorcycle, unpack_people


def test_motorcycle_has_the_depth_that_its_calibration_tells() -> None:
    recording = motorcycle()
    frame = next(recording.source.frames())
    assert frame.image.shape == (500, 741, 3)
    assert frame.depth is not None
    known = frame.depth[frame.depth > 0]
    # a motorcycle in a garage: Middlebury's own ndisp and offset put it between about 2 and 6 m
    assert 1.5 < np.percentile(known, 1) < np.percentile(known, 99) < 7
    assert (frame.depth > 0).mean() > 0.8


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other/file.txt", "nothing")
    with pytest.raises(ReadError, match="pose2sim"):
        unpack_people(wheel, tmp_path)
    with pytest.raises(ReadError, match="pip download"):
        unpack_people(tmp_path / "none.whl", tmp_path)
