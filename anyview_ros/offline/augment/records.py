"""What a job did, in plain values: what the manifest, the report and a later resume go by.

Records hold nothing that differs between two runs with the same result: no times, no hosts, no paths of the machine.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from anyview_ros.errors import ReadError

RECORD = "record.json"


@dataclass(frozen=True)
class Attempt:
    """One draw of a view: its seed, its scores by measure (None: not measured), and why it was refused ("": kept)."""

    seed: int
    scores: dict[str, float | None]
    refused: str = ""


@dataclass(frozen=True)
class ViewRecord:
    """One view of an episode.

    Attributes:
        name: of the new camera.
        source: the camera it was made from.
        sampler: as the user wrote it.
        about: what was drawn: the sampler's parameters and its draw.
        frames: number of pictures.
        width, height: pixels.
        fixed: whether the camera stands still.
        provenance: method, weights' hash, seed, steps, options.
        attempts: all draws, the kept one last.
        kept: whether it is in the output.
        truth: name of the recorded camera that shows the same, with scores against it in ``truth_scores``; or "".
        pictures: files that the report shows, by what they are, as paths within the job's folder.
    """

    name: str
    source: str
    sampler: str
    about: dict[str, Any]
    frames: int
    width: int
    height: int
    fixed: bool
    provenance: dict[str, Any]
    attempts: tuple[Attempt, ...]
    kept: bool
    truth: str = ""
    truth_scores: dict[str, float | None] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JobRecord:
    """One episode, done.

    Attributes:
        key: sha256 of the input's content, the settings and the program: what makes two jobs the same.
        episode: name in the output.
        input: name of the input, and of the episode in it.
        kind: format of the input.
        described: facts about the episode.
        views: all views, kept or not.
        losses: what could not be read of the input.
        files: size in bytes and sha256 of each file of the job's folder but the record, by path within it.
    """

    key: str
    episode: str
    input: str
    kind: str
    described: dict[str, Any]
    views: tuple[ViewRecord, ...]
    losses: tuple[str, ...]
    files: dict[str, tuple[int, str]]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def write_record(folder: Path, record: JobRecord) -> None:
    """Write a job's record into its folder."""
    text = json.dumps(record.as_json(), indent=1, sort_keys=True, allow_nan=False)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def read_record(folder: Path) -> JobRecord:
    """Read a job's record.

    Raises:
        ReadError: none there, or one that this version did not write.
    """
    file = folder / RECORD
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        views = tuple(
            ViewRecord(**{**view, "attempts": tuple(Attempt(**attempt) for attempt in view["attempts"])})
            for view in content.pop("views")
        )
        files = {path: (int(size), str(digest)) for path, (size, digest) in content.pop("files").items()}
        losses = tuple(content.pop("losses"))
        return JobRecord(**content, views=views, losses=losses, files=files)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ReadError(f"{file} is no record of a finished job: {error}; run the job again") from error
