"""The times of a measured process are written however it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

from benchmarks.support.times import TimesFile, written_at_the_end


@pytest.mark.parametrize("ended", [None, KeyboardInterrupt()])
def test_times_are_written_at_the_end(tmp_path: Path, ended: BaseException | None) -> None:
    path = tmp_path / "times"
    times = TimesFile(path)
    with written_at_the_end(times):
        times.add(1, 2)
        assert path.read_text() == ""
        if ended is not None:
            raise ended
    assert path.read_text() == "1,2\n"


def test_times_are_written_of_what_fails_too(tmp_path: Path) -> None:
    times = TimesFile(tmp_path / "times")
    times.add(3)
    with pytest.raises(ValueError, match="broken"), written_at_the_end(times):
        raise ValueError("broken")
    assert (tmp_path / "times").read_text() == "3\n"
