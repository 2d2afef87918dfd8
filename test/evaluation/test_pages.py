from __future__ import annotations

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


def test_an_empty_run_is_told_as_such(tmp_path) -> None:
    summary = write_benchmark_report(BenchmarkRun("none", {"m": []}), tmp_path)
    assert summary["methods"]["m"]["episodes"] == 0
    assert summary["methods"]["m"]["confidence"] is None
    assert (tmp_path / "report.html").is_file()
