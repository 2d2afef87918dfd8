"""What a run did, for machines and for people: ``manifest.jsonl`` and a self-contained ``report.html``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import anyview_ros
from anyview_ros.evaluation.pages import render_page
from anyview_ros.evaluation.pictures import data_uri
from anyview_ros.offline.augment.records import JobRecord, ViewRecord
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.picture_files import read_picture
from anyview_ros.wording import counted

MANIFEST = "manifest.jsonl"
REPORT = "report.html"

_HEADINGS = {
    "psnr_db": "PSNR in dB",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "flicker": "flicker in grey levels",
    "inconsistency": "inconsistency in grey levels",
    "frames": "frames compared",
    "co_visible": "co-visible share",
}
"""Of measures whose name alone would not do."""
_OF_SOURCE, _CO_VISIBLE = "copy_source_", "_co_visible"

_MOST_PICTURES = 120
_WIDEST_PX = 1200


def write_manifest(output: Path, records: Sequence[JobRecord]) -> None:
    """Write ``manifest.jsonl``: one line per episode and view, kept or not, in the run's order."""
    with (output / MANIFEST).open("w", encoding="utf-8") as file:
        for record in records:
            about = record.as_json()
            episode = {name: about[name] for name in ("episode", "input", "kind", "key", "losses", "files")}
            for view in about["views"]:
                entry = {**episode, "view": view, "synthesised": True}
                file.write(json.dumps(entry, sort_keys=True, allow_nan=False) + "\n")
            if not about["views"]:
                file.write(json.dumps({**episode, "view": None}, sort_keys=True, allow_nan=False) + "\n")


def write_report(
    output: Path, records: Sequence[JobRecord], settings: AugmentSettings, *, pictures: Path
) -> None:
    """Write ``report.html``: totals, then for each episode its source, its views, their scores and refusals.

    Pictures are embedded, reduced. Of a run with more than 120 views those of the refused ones come first, then the
    others in the run's order; what is left out is said.

    Args:
        output: folder of the report.
        records: of all jobs, in the run's order.
        settings: of the run.
        pictures: folder where ``<episode>/<file>`` is a file named by a view's record.

    Raises:
        ReadError: a picture that a record names is not there.
        MissingDependencyError: Jinja2 is not installed.
    """
    html = render_page(
        "augment_report.html",
        package="anyview_ros.offline.augment",
        version=anyview_ros.__version__,
        settings=settings,
        totals=totals(records),
        records=records,
        measures=measures(records),
        truth_measures=_in_order(
            name for record in records for view in record.views for name in view.truth_scores
        ),
        heading=heading,
        counted=counted,
        without_depth=any(
            view.truth_scores.get("co_visible", 0) is None for record in records for view in record.views
        ),
        embedded=_embedded(records, pictures),
        most=_MOST_PICTURES,
    )
    (output / REPORT).write_text(html + "\n", encoding="utf-8")


def totals(records: Sequence[JobRecord]) -> dict[str, Any]:
    """Counts and means over a run: episodes, views kept and refused, frames, mean score of the kept by measure."""
    views = [view for record in records for view in record.views]
    kept = [view for view in views if view.kept]
    return {
        "episodes": len(records),
        "views": len(views),
        "kept": len(kept),
        "refused": len(views) - len(kept),
        "retried": sum(len(view.attempts) > 1 for view in kept),
        "frames": sum(view.frames for view in kept),
        "bytes": sum(size for record in records for size, _ in record.files.values()),
        "losses": sum(len(record.losses) for record in records),
        "means": {name: _mean([_score(view, name) for view in kept]) for name in measures(records)},
        "reasons": dict(
            Counter(attempt.refused for view in views for attempt in view.attempts if attempt.refused)
        ),
    }


def measures(records: Sequence[JobRecord]) -> tuple[str, ...]:
    """Names of all measures that were taken, in the order in which they first come up."""
    return _in_order(
        name
        for record in records
        for view in record.views
        for attempt in view.attempts
        for name in attempt.scores
    )


def heading(measure: str) -> str:
    """What a column of a measure is headed with: "PSNR in dB of the source's own picture, co-visible pixels only"."""
    if measure in _HEADINGS:
        return _HEADINGS[measure]
    told = measure.removeprefix(_OF_SOURCE).removesuffix(_CO_VISIBLE)
    text = _HEADINGS.get(told, told.replace("_", " "))
    text += " of the source's own picture" if measure.startswith(_OF_SOURCE) else ""
    return text + (", co-visible pixels only" if measure.endswith(_CO_VISIBLE) else "")


def _in_order(names: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _score(view: ViewRecord, name: str) -> float | None:
    return view.attempts[-1].scores.get(name)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _embedded(records: Sequence[JobRecord], pictures: Path) -> dict[tuple[str, str], list[str]]:
    """Data URIs by episode and view."""
    views = [(record.episode, view) for record in records for view in record.views if view.pictures]
    chosen = sorted(views, key=lambda item: item[1].kept)[:_MOST_PICTURES]
    return {
        (episode, view.name): [_reduced(pictures / episode / file) for file in view.pictures.values()]
        for episode, view in chosen
    }


def _reduced(file: Path) -> str:
    import cv2

    image = read_picture(file)
    height, width = image.shape[:2]
    if width > _WIDEST_PX:
        size = (_WIDEST_PX, max(1, round(height * _WIDEST_PX / width)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return data_uri(image)
