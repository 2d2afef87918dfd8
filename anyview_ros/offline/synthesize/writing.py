"""What is left of a synthesised view: videos, pictures marked as computed, depth, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.evaluation.marked_png import write_marked_png
from anyview_ros.evaluation.mp4 import Mp4Writer
from anyview_ros.evaluation.pictures import sheet
from anyview_ros.messages import depth_in_millimetres
from anyview_ros.offline.posed_film import FilmFrame
from anyview_ros.offline.synthesize.scoring import ComparedView, RunningScores, comparison_of
from anyview_ros.synthesis import SynthesizedView
from anyview_ros.synthesis.instants import nearest_frame


class TargetWriter:
    """Writes one target's views as they come: view.mp4, side_by_side.mp4, frames/, confidence/ and depth/.

    Args:
        folder: of the target; it is made.
        rate_hz: of the videos.
        text: marks of every picture.
    """

    def __init__(self, folder: Path, *, rate_hz: float, text: Mapping[str, str]) -> None:
        """Open the videos."""
        self._folder, self._text = folder, text
        self._scores = RunningScores()
        self._count = self._out_of_range = 0
        self._confidence = 0.0
        self._odd = False
        for part in ("frames", "confidence"):
            (folder / part).mkdir(parents=True)
        with ExitStack() as opened:
            self._view = opened.enter_context(Mp4Writer(folder / "view.mp4", rate_hz=rate_hz))
            self._sheets = opened.enter_context(Mp4Writer(folder / "side_by_side.mp4", rate_hz=rate_hz))
            self._opened = opened.pop_all()

    def add(
        self, view: SynthesizedView, index: int, source: PosedClip, truth: FilmFrame | None = None
    ) -> None:
        """Write view ``index`` of a synthesised clip.

        Args:
            view: as the method gave it.
            index: which of its pictures.
            source: the clip that it was made from.
            truth: what it should show, if that is known.
        """
        name = f"{self._count:06d}.png"
        text = {**self._text, "Stamp": f"{int(view.stamps_ns[index])} ns"}
        compared = ComparedView(
            view.frames[index],
            view.camera,
            view.camera_to_world[index],
            view.confidence[index],
        )
        sample = comparison_of(
            compared, source, nearest_frame(source.stamps_ns, int(view.stamps_ns[index])), truth
        )
        if truth is not None:
            self._scores.add(sample)
        write_marked_png(self._folder / "frames" / name, sample.view, text)
        if sample.confidence is not None:
            write_marked_png(self._folder / "confidence" / name, sample.confidence, text)
        if view.depth is not None:
            self._write_depth(name, view.depth[index], text)
        self._view.add(sample.view)
        self._sheets.add(sheet(sample))
        self._odd = self._odd or sample.view.shape[0] % 2 + sample.view.shape[1] % 2 > 0
        self._confidence += float(view.confidence[index].mean(dtype=np.float64))
        self._count += 1

    def _write_depth(self, name: str, depth: NDArray[np.float32], text: Mapping[str, str]) -> None:
        """16 bit grey, millimetres, 0 = unknown; what is too far for that is unknown, and counted."""
        folder = self._folder / "depth"
        folder.mkdir(exist_ok=True)
        millimetres = depth_in_millimetres(depth)
        self._out_of_range += int((np.isfinite(depth) & (depth > 1) & (millimetres == 0)).sum())
        write_marked_png(folder / name, millimetres, text)

    def summary(self) -> dict[str, Any]:
        """Number of views, mean confidence, scores (None without truth), and notes, one sentence each."""
        notes = []
        if self._odd:
            notes.append(
                "The videos lack the last row or column, since H.264 wants even sizes; frames/ is whole."
            )
        if self._out_of_range:
            notes.append(
                f"{self._out_of_range} pixels of depth lie beyond 65.535 m and are written as unknown."
            )
        return {
            "views": self._count,
            "mean_confidence": round(self._confidence / max(1, self._count), 4),
            "scores": self._scores.as_json(),
            "notes": notes,
        }

    def __enter__(self) -> TargetWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._opened.__exit__(kind, error, trace)
