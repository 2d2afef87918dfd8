from __future__ import annotations

import pytest

from anyview_ros.evaluation.benchmark_report import BenchmarkRun, write_benchmark_report
from anyview_ros.evaluation.pages import render_page


def test_values_are_escaped() -> None:
    page = render_page(
        "benchmark_report.html",
        run=BenchmarkRun("<script>alert(1)</script>", {}),
        summary={"settings": {"a": "<b>"}, "machine": {}},
        columns=[],
        rows=[],
        sentences=["<i>"],
        reliability="",
        pictures=[],
    )
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<b>SYNTHESISED</b>" in page
    assert "<i>" not in page


@pytest.mark.parametrize(("shown", "pictures"), [(0, 0), (1, 1), (2, 2)])
def test_no_more_episodes_are_shown_than_asked_for(tmp_path, shown: int, pictures: int) -> None:
    results = [
        {"group": "g", "split": "s", "episode": str(number), "failed": "no memory"} for number in range(2)
    ]
    run = BenchmarkRun("two", {"m": results}, picture=lambda _method, _key: b"jpeg", shown=shown)
    write_benchmark_report(run, tmp_path)
    assert (tmp_path / "report.html").read_text().count("data:image/jpeg") == pictures


def test_an_empty_run_is_told_as_such(tmp_path) -> None:
    summary = write_benchmark_report(BenchmarkRun("none", {"m": []}), tmp_path)
    assert summary["methods"]["m"]["episodes"] == 0
    assert summary["methods"]["m"]["confidence"] is None
    assert (tmp_path / "report.html").is_file()
