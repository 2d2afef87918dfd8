"""What methods took, as text, JSON and a self-contained page with charts; and two such runs compared."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyview_ros.errors import ReadError
from anyview_ros.evaluation.charts import line_chart
from anyview_ros.evaluation.speed import RATE_HZ, CaseSpeed, SpeedCase

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class SpeedRun:
    """Several methods, measured on one machine.

    Attributes:
        label: what tells this run from others, such as a revision.
        machine: where it ran.
        methods: what each took.
        load_s: seconds that each took to load.
        settings: as plain values.
    """

    label: str
    machine: Mapping[str, Any]
    methods: Mapping[str, Sequence[CaseSpeed]]
    load_s: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As plain values, for :func:`read_speeds`."""
        return {
            "format": _FORMAT,
            "label": self.label,
            "machine": dict(self.machine),
            "settings": dict(self.settings),
            "load_s": dict(self.load_s),
            "methods": {name: [each.as_json() for each in cases] for name, cases in self.methods.items()},
        }


def write_speed_report(run: SpeedRun, folder: Path) -> None:
    """Write speed.json and speed.html."""
    from anyview_ros.evaluation.pages import render_page

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speed.json").write_text(
        json.dumps(run.as_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )
    page = render_page("speed_report.html", run=run, heads=_HEADS, rows=rows(run), charts=charts(run))
    (folder / "speed.html").write_text(page, encoding="utf-8")


_HEADS = (
    "method",
    "frames",
    "targets",
    "size",
    "request, ms",
    "median",
    "CPU, ms",
    "per view, ms",
    "per step, ms",
    "steps",
    f"s per s of video at {RATE_HZ:g} Hz",
    "push, ms",
    "views/s live",
    "first request, ms",
    "memory, MB",
)


def rows(run: SpeedRun) -> list[list[str]]:
    """One row per method and case, as text."""
    return [_cells(name, each) for name, cases in run.methods.items() for each in cases]


def _cells(name: str, speed: CaseSpeed) -> list[str]:
    case = speed.case
    head = [name, str(case.frames), str(case.targets), f"{case.size[0]}x{case.size[1]}"]
    if speed.request is None:
        return [*head, f"refused: {speed.refused}", *[""] * (len(_HEADS) - len(head) - 1)]
    per_view, per_second = speed.per_view_s, speed.per_video_second_s
    memory = speed.memory
    used = None if memory is None else memory.device_bytes or memory.process_bytes
    return [
        *head,
        _ms(speed.request.best_s),
        _ms(speed.request.median_s),
        _ms(None if speed.cpu is None else speed.cpu.best_s),
        _ms(per_view),
        _ms(None if speed.step is None else speed.step.best_s),
        str(speed.steps) if speed.steps else "-",
        "-" if per_second is None else f"{per_second:.2f}",
        _ms(None if speed.stream is None else speed.stream.best_s),
        "-" if speed.stream is None else f"{case.targets / speed.stream.best_s:.1f}",
        _ms(speed.first_s),
        "-" if used is None else f"{used / 1e6:.0f}",
    ]


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{1e3 * seconds:.2f}" if seconds < 0.01 else f"{1e3 * seconds:.0f}"


def markdown(run: SpeedRun) -> str:
    """The rows as a Markdown table, and the machine."""
    lines = ["| " + " | ".join(_HEADS) + " |", "|" + "---|" * len(_HEADS)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in rows(run)]
    told = ", ".join(f"{key} {value}" for key, value in run.machine.items())
    return "\n".join([*lines, "", f"Least of the rounds. Machine: {told}."])


def charts(run: SpeedRun) -> list[tuple[str, str]]:
    """Title and SVG of the time of a request against each thing that was varied."""
    axes: tuple[tuple[str, str, Callable[[SpeedCase], float]], ...] = (
        ("frames of the source", "frames", lambda case: float(case.frames)),
        ("number of targets", "targets", lambda case: float(case.targets)),
        ("size of the pictures", "kpx", lambda case: case.size[0] * case.size[1] / 1000),
    )
    found = []
    for title, unit, value in axes:
        series = {name: _along(cases, value) for name, cases in run.methods.items()}
        shown = {name: points for name, points in series.items() if len(points) > 1}
        svg = line_chart(
            shown,
            x_unit=unit,
            y_unit="ms",
            x_ticks=sorted({x for points in shown.values() for x, _ in points}),
            digits=0,
            dots=True,
            label=f"time of a request against the {title}",
        )
        if svg:
            found.append((title, svg))
    return found


def _along(cases: Sequence[CaseSpeed], value: Callable[[SpeedCase], float]) -> list[tuple[float, float]]:
    """The base case and those that differ from it in this value."""
    if not cases:
        return []
    base = cases[0].case
    changed = [each for each in cases if value(each.case) != value(base) or each is cases[0]]
    return sorted(
        (value(each.case), 1e3 * each.request.best_s) for each in changed if each.request is not None
    )


@dataclass(frozen=True)
class Change:
    """One figure of one case in two runs, as the ratio later / earlier: below 1 is faster."""

    method: str
    case: str
    figure: str
    ratio: float


def read_speeds(file: Path) -> dict[str, Any]:
    """Read a speed.json.

    Raises:
        ReadError: a file that is none.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReadError(f"cannot read {file}: {error}; give a speed.json of `anyview bench`") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT or "methods" not in content:
        raise ReadError(f"{file} is no speed.json of this version; make it anew by `anyview bench`")
    return content


def compare(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> list[Change]:
    """Ratios of the best times of all cases that both runs have."""
    before, after = _best_times(earlier), _best_times(later)
    return [Change(*key, after[key] / before[key]) for key in before if key in after and before[key] > 0]


def _best_times(content: Mapping[str, Any]) -> dict[tuple[str, str, str], float]:
    found = {}
    for method, cases in content["methods"].items():
        for each in cases:
            case = each["case"]
            told = f"{case['frames']} frames, {case['targets']} targets, {case['size'][0]}x{case['size'][1]}"
            for figure in ("request", "cpu", "step", "stream"):
                if each.get(figure):
                    found[method, told, figure] = float(each[figure]["best_s"])
    return found


def comparison_text(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> str:
    """The ratios, their geometric mean of each method, and whether the machines were the same, as text."""
    changes = compare(earlier, later)
    if not changes:
        return "the two runs have no case in common"
    lines = [f"{later['label']} / {earlier['label']}: ratios of the least times; below 1 is faster"]
    lines += [f"  {each.ratio:5.2f}  {each.method}, {each.figure}: {each.case}" for each in changes]
    for method in dict.fromkeys(each.method for each in changes):
        ratios = [each.ratio for each in changes if each.method == method]
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        lines.append(f"{method}: {mean:.2f} times as long, geometric mean of {len(ratios)} figures")
    loads = [run["machine"].get("load_average") for run in (earlier, later)]
    lines.append(
        f"load averages {loads[0]} and {loads[1]}; where they differ, trust the figures named cpu more"
    )
    named = [
        key
        for key in ("processor", "cores", "torch", "torch_threads", "accelerator")
        if earlier["machine"].get(key) != later["machine"].get(key)
    ]
    if named:
        lines.append(f"the machines differ in {', '.join(named)}: these ratios say little of the code")
    return "\n".join(lines)
