from __future__ import annotations

import json
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from anyview_ros.errors import MissingDependencyError, ReadError
from anyview_ros.evaluation.marked_png import write_marked_png
from anyview_ros.offline.augment.records import Attempt, JobRecord, ViewRecord
from anyview_ros.offline.augment.report import heading, totals, write_manifest, write_report
from anyview_ros.offline.augment.settings import AugmentSettings

SETTINGS = AugmentSettings(views=("vista_small",), method="copy_source", seed=5)


def view(name: str, *, kept: bool = True, coverage: float = 0.8) -> ViewRecord:
    refusal = Attempt(1, {"coverage": 0.1}, "coverage is 0.1, below the 0.3 asked for")
    last = Attempt(2, {"coverage": coverage}, "" if kept else "too <dark>")
    return ViewRecord(
        name, "front", "vista_small", {}, 7, 64, 48, True, {"method": "copy_source"}, (refusal, last), kept,
        pictures={"sheet": f"{name}.png"},
    )  # fmt: skip


def record(episode: str, *views: ViewRecord) -> JobRecord:
    return JobRecord(
        "k" + episode, episode, f"{episode}.mcap", "bag", {"frames": 7}, views, (), {"a": (10, "00")}
    )


class Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.sources.append(dict(attrs)["src"] or "")


def pictures_of(folder: Path, records: list[JobRecord]) -> Path:
    for each in records:
        (folder / each.episode).mkdir(parents=True)
        for one in each.views:
            write_marked_png(
                folder / each.episode / f"{one.name}.png", np.full((8, 1300, 3), 9, np.uint8), {}
            )
    return folder


def test_manifest_has_a_line_per_view_and_names_an_episode_without_any(tmp_path: Path) -> None:
    write_manifest(tmp_path, [record("one", view("a"), view("b", kept=False)), record("two")])
    lines = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert [(line["episode"], line["view"] and line["view"]["name"]) for line in lines] == [
        ("one", "a"),
        ("one", "b"),
        ("two", None),
    ]
    assert lines[1]["view"]["kept"] is False
    assert lines[1]["view"]["attempts"][-1]["refused"] == "too <dark>"


def test_totals_count_views_draws_and_reasons() -> None:
    found = totals([record("one", view("a", coverage=0.5), view("b", kept=False)), record("two", view("c"))])
    assert (found["kept"], found["refused"], found["retried"], found["frames"]) == (2, 1, 2, 14)
    assert found["means"]["coverage"] == pytest.approx(0.65)
    assert found["reasons"]["coverage is 0.1, below the 0.3 asked for"] == 3


def test_report_shows_scores_reasons_and_pictures_by_itself(tmp_path: Path) -> None:
    seen = replace(view("a"), truth="wrist", truth_scores={"psnr_db": 21.25})
    records = [record("one", seen, view("b", kept=False))]
    write_report(tmp_path, records, SETTINGS, pictures=pictures_of(tmp_path / "pictures", records))
    html = (tmp_path / "report.html").read_text()
    assert "SYNTHESISED" in html
    assert "<title>anyview augment: 1 episode, 1 view</title>" in html
    assert "21.2" in html
    assert "too &lt;dark&gt;" in html  # escaped
    images = Images()
    images.feed(html)
    assert len(images.sources) == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in images.sources)


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        ("coverage", "coverage"),
        ("psnr_db", "PSNR in dB"),
        ("copy_source_ssim", "SSIM of the source's own picture"),
        ("copy_source_psnr_db_co_visible", "PSNR in dB of the source's own picture, co-visible pixels only"),
        ("co_visible", "co-visible share"),
    ],
)
def test_columns_are_headed_for_people(measure: str, told: str) -> None:
    assert heading(measure) == told


@pytest.mark.parametrize("share", [0.4, None])
def test_a_truth_without_depth_is_told_below_the_table(tmp_path: Path, share: float | None) -> None:
    scored = replace(
        view("a"), truth="wrist", truth_scores={"copy_source_psnr_db": 21.25, "co_visible": share}
    )
    records = [record("one", scored)]
    write_report(tmp_path, records, SETTINGS, pictures=pictures_of(tmp_path / "pictures", records))
    html = (tmp_path / "report.html").read_text()
    assert "<th>against truth: PSNR in dB of the source" in html
    assert ("it is unknown which pixels both saw" in html) == (share is None)
    assert ("<td>\u2013</td>" in html) == (share is None)


def test_report_of_many_views_embeds_the_refused_ones_first_and_says_what_it_leaves_out(
    tmp_path: Path,
) -> None:
    records = [record(f"e{index:03}", view("v", kept=index != 130)) for index in range(131)]
    write_report(tmp_path, records, SETTINGS, pictures=pictures_of(tmp_path / "pictures", records))
    html = (tmp_path / "report.html").read_text()
    images = Images()
    images.feed(html)
    assert len(images.sources) == 120
    assert "pictures/e119/v.png" in html
    assert "pictures/e130/v.png" not in html


def test_a_missing_picture_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"v\.png"):
        write_report(tmp_path, [record("one", view("v"))], SETTINGS, pictures=tmp_path)


def test_same_records_same_bytes(tmp_path: Path) -> None:
    records = [record("one", view("a"))]
    pictures = pictures_of(tmp_path / "pictures", records)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_report(tmp_path / name, records, SETTINGS, pictures=pictures)
    assert (tmp_path / "first/report.html").read_bytes() == (tmp_path / "second/report.html").read_bytes()


def test_without_jinja2_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'anyview_ros\[report\]'"):
        write_report(tmp_path, [], SETTINGS, pictures=tmp_path)
