"""The numbering of files: chunk and file count up from 0 without a gap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from anyview_ros.offline.lerobot.findings import CheckedDataset
from anyview_ros.offline.lerobot.layout import after

_NUMBERS = re.compile(r"chunk-(\d+)/file-(\d+)\.\w+$")


def gaps(dataset: CheckedDataset, files: Sequence[Path]) -> Iterator[str]:
    """Tell where files of one kind do not follow one another."""
    expected = (0, 0)
    for file in sorted(files):
        found = _NUMBERS.search(file.as_posix())
        numbers = (int(found[1]), int(found[2])) if found else None
        if numbers != expected:
            yield f"{dataset.named(file)} comes where chunk {expected[0]}, file {expected[1]} is due"
            return
        expected = after(*expected, int(dataset.info["chunks_size"]))
