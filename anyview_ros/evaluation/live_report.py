"""The report of a live run: ``report.json``, a self-contained ``report.html``, PNGs and one mp4 per camera."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anyview_ros.evaluation.charts import line_chart
from anyview_ros.evaluation.comparison import CameraScores, score_views
from anyview_ros.evaluation.continuity import Continuity, continuity, time_strip
from anyview_ros.evaluation.live import LiveSample, percentiles
from anyview_ros.evaluation.marked_png import write_marked_png
from anyview_ros.evaluation.pages import render_page
from anyview_ros.evaluation.pictures import data_uri, sheet, write_mp4
from anyview_ros.wording import counted

_MARK = {"Comment": "Contains synthesised pictures (anyview_ros); they were computed, not filmed."}
_SHOWN = 3  # instants per camera, spread over the run


@dataclass(frozen=True)
class LiveRun:
    """What is known of one run of the graph.

    Attributes:
        method, distro, input: what ran, on which ROS distribution, on what.
        attribution: source and licence of the input's pictures.
        duration_s: for which it was observed.
        counted_s: for which the node's own counts are, which begin and end with a status of it, seconds.
        frames_in: frames that the virtual_camera node received in that time.
        drops: frames dropped there, by reason.
        samples: by virtual camera.
        views_published: by virtual camera, as the node itself counts.
        rate_hz: that the virtual cameras are declared with; None if it is not known.
        provenance: of the last view: method, weights' hash, seed, steps, server.
        notes: anything the reader should know, one sentence each.
    """

    method: str
    distro: str
    input: str
    duration_s: float
    counted_s: float
    frames_in: int
    drops: Mapping[str, int]
    samples: Mapping[str, Sequence[LiveSample]]
    views_published: Mapping[str, int]
    rate_hz: float | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    attribution: str = ""
    notes: Sequence[str] = ()


def write_live_report(
    run: LiveRun, folder: Path, *, report: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Write everything to ``folder`` and return the content of ``report.json``.

    Args:
        run: the observations.
        folder: is created; files of an earlier report in it are replaced.
        report: told of what is about to be done, camera by camera.
    """
    folder.mkdir(parents=True, exist_ok=True)
    say = report or _unheard
    scores = {}
    for name, samples in run.samples.items():
        say(f"scoring {counted(len(samples), 'view')} of {name}")
        scores[name] = score_views(samples)
    going_on = {name: _continuity(run, name) for name in run.samples}
    summary = _summary(run, scores, going_on)
    sheets = {}
    for name, samples in run.samples.items():
        say(f"writing pictures and the video of {name}")
        sheets[name] = _write_pictures(name, samples, folder)
    (folder / "report.json").write_text(
        json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )
    strips = {name: _write_strip(name, samples, folder) for name, samples in run.samples.items()}
    (folder / "report.html").write_text(_html(run, summary, sheets, strips), encoding="utf-8")
    return summary


def _unheard(_line: str) -> None:
    """Take a line of progress that nobody asked for."""


def _continuity(run: LiveRun, name: str) -> Continuity:
    return continuity(
        name,
        run.samples[name],
        published=run.views_published.get(name, 0),
        duration_s=run.counted_s,
        asked_hz=run.rate_hz,
        source_hz=run.frames_in / max(run.counted_s, 1e-9),
    )


def _summary(
    run: LiveRun, scores: Mapping[str, CameraScores], going_on: Mapping[str, Continuity]
) -> dict[str, Any]:
    everything = [sample for samples in run.samples.values() for sample in samples]
    return {
        "method": run.method,
        "distro": run.distro,
        "input": run.input,
        "attribution": run.attribution,
        "duration_s": round(run.duration_s, 3),
        "frames_in": run.frames_in,
        "views_published": dict(run.views_published),
        "views_observed": {name: len(samples) for name, samples in run.samples.items()},
        "latency_ms": percentiles([sample.latency_ms for sample in everything]),
        "age_ms": percentiles([sample.age_ms for sample in everything]),
        "drops": dict(run.drops),
        "scores": {name: score.as_json() for name, score in scores.items() if score.frames},
        "continuity": {name: found.as_json() for name, found in going_on.items()},
        "provenance": dict(run.provenance),
        "synthesised": True,
        "notes": [*run.notes, *(found.shortfall for found in going_on.values() if found.shortfall)],
    }


def _write_pictures(name: str, samples: Sequence[LiveSample], folder: Path) -> list[str]:
    """Write PNGs and the mp4 of one camera; return the sheets shown as data URIs."""
    with_truth = [sample for sample in samples if sample.truth is not None]
    samples = with_truth or samples  # one layout for the whole video
    if not samples:
        return []
    picked = [samples[int(index)] for index in np.linspace(0, len(samples) - 1, min(_SHOWN, len(samples)))]
    for index, sample in enumerate(picked):
        write_marked_png(folder / f"{name}_{index}.png", sheet(sample), _MARK)
    rate_hz = (
        (len(samples) - 1) / max(samples[-1].elapsed_s - samples[0].elapsed_s, 1e-6)
        if len(samples) > 1
        else 1.0
    )
    write_mp4(folder / f"{name}.mp4", (sheet(sample) for sample in samples), rate_hz=max(rate_hz, 1.0))
    return [data_uri(sheet(sample)) for sample in picked]


def _write_strip(name: str, samples: Sequence[LiveSample], folder: Path) -> str:
    """Write the strip of time of one camera; return it as a data URI, "" if there is none."""
    strip = time_strip(samples)
    if strip is None:
        return ""
    write_marked_png(folder / f"{name}_over_time.png", strip, _MARK)
    return data_uri(strip)


def _html(
    run: LiveRun, summary: Mapping[str, Any], sheets: Mapping[str, list[str]], strips: Mapping[str, str]
) -> str:
    series = {}
    for name, samples in run.samples.items():
        series[f"{name}: age"] = [(sample.elapsed_s, sample.age_ms) for sample in samples]
        series[f"{name}: latency"] = [(sample.elapsed_s, sample.latency_ms) for sample in samples]
    timeline = line_chart(series, x_unit="s", y_unit="ms", label="time line")
    return render_page("live_report.html", summary=summary, sheets=sheets, strips=strips, timeline=timeline)
