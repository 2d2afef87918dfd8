"""What methods reached on a benchmark, as Markdown, CSV, JSON and a self-contained page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from anyview_ros.evaluation.aggregation import EpisodeKey, EpisodeMeans, Means, Metrics, protocol_means
from anyview_ros.evaluation.charts import reliability_chart
from anyview_ros.evaluation.metric_columns import COLUMNS, NAMES, MetricColumn
from anyview_ros.evaluation.pictures import jpeg_uri
from anyview_ros.metrics import Reliability

NOT_RUN, NONE = "not run", "-"

Found = Mapping[str, Sequence[Mapping[str, Any]]]
"""By method, what was found of each episode."""


@dataclass(frozen=True, eq=False)
class BenchmarkRun:
    """An evaluation, ready to be told.

    Attributes:
        benchmark: its name.
        found: by method, what was found of each episode.
        not_run: metrics that were not computed, by name, with the reason.
        video_network: by method, the Fréchet distance of a video network's features, and the clips it was taken of.
        settings: of the run, as plain values.
        machine: where it ran.
        picture: the JPEG of a method and episode; empty if there is none.
        shown: episodes whose pictures stand in the page, at most.
    """

    benchmark: str
    found: Found
    not_run: Mapping[str, str] = field(default_factory=dict)
    video_network: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    picture: Callable[[str, EpisodeKey], bytes] = lambda _method, _key: b""
    shown: int = 8


def write_benchmark_report(run: BenchmarkRun, folder: Path) -> dict[str, Any]:
    """Write results.json, table.md, table.csv and report.html to ``folder`` and return the content of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    means = method_means(run.found)
    summary = _summary(run, means)
    (folder / "results.json").write_text(
        json.dumps(summary, indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )
    (folder / "table.md").write_text(markdown(run, means), encoding="utf-8")
    (folder / "table.csv").write_text(comma_separated(run.found, means), encoding="utf-8")
    (folder / "report.html").write_text(_html(run, means, summary), encoding="utf-8")
    return summary


def method_means(found: Found) -> dict[str, Means]:
    """The protocol's means of each method, over the episodes that it finished."""
    return {
        method: protocol_means([_episode(each) for each in _finished(all_)]) for method, all_ in found.items()
    }


def _finished(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [result for result in results if "failed" not in result]


def key_of(result: Mapping[str, Any]) -> EpisodeKey:
    """Which episode a result is of."""
    return EpisodeKey(result["group"], result["split"], result["episode"])


def _episode(result: Mapping[str, Any]) -> EpisodeMeans:
    return EpisodeMeans(key_of(result), result["metrics"])


def reliabilities(found: Found) -> dict[str, Reliability]:
    """Of each method that finished something, the reliability of its confidence over all pixels."""
    return {
        method: reduce(add, [Reliability.from_json(result["reliability"]) for result in _finished(results)])
        for method, results in found.items()
        if _finished(results)
    }


def _summary(run: BenchmarkRun, means: Mapping[str, Means]) -> dict[str, Any]:
    calibration = reliabilities(run.found)
    return {
        "benchmark": run.benchmark,
        "settings": dict(run.settings),
        "machine": dict(run.machine),
        "not_run": dict(run.not_run),
        "methods": {
            method: {
                "episodes": len(_finished(results)),
                "failed": {
                    f"{each['split']}/{each['episode']}": each["failed"]
                    for each in results
                    if "failed" in each
                },
                "mean": dict(means[method].overall),
                "groups": {name: dict(values) for name, values in means[method].groups.items()},
                "splits": {
                    f"{group}: {split}": dict(v) for (group, split), v in means[method].splits.items()
                },
                "confidence": _calibration(calibration.get(method)),
                "video_network": _network(run.video_network.get(method)),
                "results": list(results),
            }
            for method, results in run.found.items()
        },
    }


def _calibration(reliability: Reliability | None) -> dict[str, Any] | None:
    if reliability is None:
        return None
    return {
        "expected_calibration_error": reliability.expected_calibration_error,
        "brier": reliability.brier,
        "curve": [list(point) for point in reliability.curve()],
    }


def _network(distance: tuple[float, int] | None) -> dict[str, float] | None:
    return None if distance is None else {"frechet_distance": distance[0], "clips": distance[1]}


def shown_columns(means: Mapping[str, Means], not_run: Mapping[str, str]) -> list[MetricColumn]:
    """The columns of tables: what has a value for some method, and what was not run."""
    return [
        column
        for column in COLUMNS
        if column.name in not_run or any(each.overall.get(column.name) is not None for each in means.values())
    ]


def cell(metrics: Metrics, column: MetricColumn, not_run: Mapping[str, str]) -> str:
    """A figure for people: "not run" where it was not computed, a dash where it does not apply."""
    if column.name in not_run:
        return NOT_RUN
    value = metrics.get(column.name)
    return NONE if value is None else f"{value:.{column.digits}f}"


def markdown(run: BenchmarkRun, means: Mapping[str, Means]) -> str:
    """Tables of groups and their means, and what they mean."""
    columns = shown_columns(means, run.not_run)
    heads = ["set", "method", "episodes", *(column.title for column in columns)]
    lines = [f"# {run.benchmark}", "", _row(heads), _row(["---"] * len(heads))]
    for name, method, count, metrics in table_rows(means):
        lines.append(
            _row([name, method, str(count), *(cell(metrics, column, run.not_run) for column in columns)])
        )
    lines += ["", "Means over frames, then episodes, then splits, then groups of data sets.", ""]
    lines += [f"- {column.title}: {column.meaning}{_better(column)}" for column in columns]
    lines += ["", *sentences(run)]
    return "\n".join(lines) + "\n"


def _better(column: MetricColumn) -> str:
    told = {"higher": " Higher is better.", "lower": " Lower is better.", "one": " Best is 1."}
    return told.get(column.better, "")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table_rows(means: Mapping[str, Means]) -> list[tuple[str, str, int, Metrics]]:
    """Group, method, episodes and metrics; the mean over groups, named "mean", comes last."""
    groups = list(dict.fromkeys(group for each in means.values() for group in each.groups))
    rows = [
        (group, method, each.episodes[group], each.groups[group])
        for group in groups
        for method, each in means.items()
        if group in each.groups
    ]
    return rows + [("mean", method, each.episodes[""], each.overall) for method, each in means.items()]


def sentences(run: BenchmarkRun) -> list[str]:
    """What a reader must know beside the figures, one sentence each."""
    told = [f"{name}: {NOT_RUN}, {reason}." for name, reason in run.not_run.items()]
    for method, (distance, clips) in run.video_network.items():
        told.append(
            f"{method}: Fréchet distance of the video network's features {distance:.2f}, of {clips} clips of view and "
            "truth each; it falls with their number, so compare only the like."
        )
    for method, reliability in reliabilities(run.found).items():
        told.append(
            f"{method}: expected calibration error of the confidence {reliability.expected_calibration_error:.3f}, "
            f"Brier score {reliability.brier:.3f}, over {reliability.total} pixels."
        )
    for method, results in run.found.items():
        failed = [result for result in results if "failed" in result]
        told += [f"{method} failed on {each['split']}/{each['episode']}: {each['failed']}" for each in failed]
        notes = dict.fromkeys(note for result in _finished(results) for note in result["notes"])
        told += [f"{method}: {note}" for note in notes]
    return told


def comma_separated(found: Found, means: Mapping[str, Means]) -> str:
    """All means, and every episode, as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["level", "group", "split", "episode", "method", *NAMES])

    def add_row(level: str, group: str, split: str, episode: str, method: str, metrics: Metrics) -> None:
        values = [metrics.get(name) for name in NAMES]
        numbers = ["" if value is None else repr(value) for value in values]
        writer.writerow([level, group, split, episode, method, *numbers])

    for method, each in means.items():
        add_row("mean", "", "", "", method, each.overall)
        for group, metrics in each.groups.items():
            add_row("group", group, "", "", method, metrics)
        for (group, split), metrics in each.splits.items():
            add_row("split", group, split, "", method, metrics)
        for result in _finished(found[method]):
            key = key_of(result)
            add_row("episode", key.group, key.split, key.name, method, result["metrics"])
    return out.getvalue()


def _html(run: BenchmarkRun, means: Mapping[str, Means], summary: Mapping[str, Any]) -> str:
    from anyview_ros.evaluation.pages import render_page

    columns = shown_columns(means, run.not_run)
    rows = [
        (name, method, count, [cell(metrics, column, run.not_run) for column in columns])
        for name, method, count, metrics in table_rows(means)
    ]
    curves = {
        method: [(stated, good) for stated, good, _ in reliability.curve()]
        for method, reliability in reliabilities(run.found).items()
    }
    return render_page(
        "benchmark_report.html",
        run=run,
        summary=summary,
        columns=[(column, _better(column)) for column in columns],
        rows=rows,
        sentences=sentences(run),
        reliability=reliability_chart(curves),
        pictures=_pictures(run),
    )


def _pictures(run: BenchmarkRun) -> list[tuple[str, list[tuple[str, str]]]]:
    """Episodes, spread over the benchmark, and each method's picture of them."""
    if run.shown < 1:
        return []
    keys = list(dict.fromkeys(key_of(result) for results in run.found.values() for result in results))
    step = max(1, -(-len(keys) // run.shown))
    shown = []
    for key in keys[::step]:
        blobs = [(method, run.picture(method, key)) for method in run.found]
        shown.append(
            (f"{key.split}/{key.name}", [(method, jpeg_uri(blob)) for method, blob in blobs if blob])
        )
    return shown
