from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from anyview_ros.errors import ReadError
from anyview_ros.evaluation.memory_use import MemoryUse
from anyview_ros.evaluation.speed import CaseSpeed, SpeedCase, Timing
from anyview_ros.evaluation.speed_report import (
    SpeedRun,
    charts,
    compare,
    comparison_text,
    markdown,
    read_speeds,
    rows,
    write_speed_report,
)

BASE = CaseSpeed(
    SpeedCase(1, 1, (64, 48)),
    0.5,
    Timing(0.1, 0.12, 5),
    Timing(0.08, 0.09, 5),
    Timing(0.02, 0.03, 5),
    4,
    MemoryUse(30_000_000, None),
    Timing(0.2, 0.2, 3),
)
MORE = replace(BASE, case=SpeedCase(1, 4, (64, 48)), request=Timing(0.2, 0.3, 5), stream=None)
REFUSED = CaseSpeed(SpeedCase(9, 1, (64, 48)), refused="nine are too many")
RUN = SpeedRun(
    "first", {"processor": "P", "cores": 2, "load_average": [1, 1, 1]}, {"m": [BASE, MORE, REFUSED]}
)


def test_rows_say_what_was_measured() -> None:
    base, more, refused = rows(RUN)
    assert base == [
        "m",
        "1",
        "1",
        "64x48",
        "100",
        "120",
        "80",
        "100",
        "20",
        "4",
        "1.00",
        "200",
        "5.0",
        "500",
        "30",
    ]
    assert more[6:8] == ["80", "50"]
    assert refused[4] == "refused: nine are too many"
    assert len({len(each) for each in (base, more, refused)}) == 1
    assert "cores 2" in markdown(RUN)


def test_charts_show_what_was_varied_only() -> None:
    ((title, svg),) = charts(RUN)
    assert title == "number of targets"
    assert svg.count("<circle") == 2


def test_two_runs_are_compared_case_by_case(tmp_path: Path) -> None:
    """Twice as long at the base, half as long with four targets: once as long on the (geometric) mean."""
    write_speed_report(RUN, tmp_path / "a")
    later = {"m": [replace(BASE, request=Timing(0.2, 0.2, 5), cpu=None, step=None, stream=None)]}
    later["m"].append(replace(MORE, request=Timing(0.1, 0.1, 5), cpu=None, step=None))
    write_speed_report(replace(RUN, label="second", methods=later), tmp_path / "b")
    a, b = (read_speeds(tmp_path / name / "speed.json") for name in "ab")
    assert [(each.figure, each.ratio) for each in compare(a, b)] == [
        ("request", pytest.approx(2.0)),
        ("request", pytest.approx(0.5)),
    ]
    told = comparison_text(a, b)
    assert "second / first" in told
    assert "m: 1.00 times as long" in told
    assert "machines differ" not in told
    assert comparison_text(a, {**b, "methods": {}}) == "the two runs have no case in common"


def test_another_machine_is_told(tmp_path: Path) -> None:
    a = json.loads(json.dumps(RUN.as_json()))
    b = json.loads(json.dumps(replace(RUN, machine={"processor": "Q", "cores": 2}).as_json()))
    assert "machines differ in processor" in comparison_text(a, b)


def test_the_page_stands_alone(tmp_path: Path) -> None:
    write_speed_report(RUN, tmp_path)
    page = (tmp_path / "speed.html").read_text()
    assert "nine are too many" in page
    assert "<svg" in page
    assert "http" not in page


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    for name in ("absent.json", "other.json"):
        with pytest.raises(ReadError, match="anyview bench"):
            read_speeds(tmp_path / name)
