"""What was found of each episode, kept in files as it comes, so that an evaluation can go on where it was stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
from anyview_ros.evaluation.aggregation import EpisodeKey
from anyview_ros.files import written_whole


class ResultStore:
    """A folder with one JSON file for each method and episode, and pictures and features beside it.

    Args:
        folder: of the evaluation; it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def finished(self, method: str, key: EpisodeKey, fingerprint: str) -> dict[str, Any] | None:
        """What was found before by the same settings; None if nothing was, or if it had failed.

        Raises:
            ReadError: a file of results that is no JSON.
        """
        file = self._file(method, key, ".json")
        if not file.is_file():
            return None
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ReadError(
                f"cannot read {file}: {error}; remove it and its episode is done again"
            ) from error
        same = isinstance(content, dict) and content.get("fingerprint") == fingerprint
        return content if same and not content.get("failed") else None

    def keep(
        self,
        method: str,
        key: EpisodeKey,
        content: Mapping[str, Any],
        *,
        picture: bytes = b"",
        features: NDArray[np.float64] | None = None,
    ) -> None:
        """Write what was found of an episode; the JSON comes last, and whole."""
        file = self._file(method, key, ".json")
        file.parent.mkdir(parents=True, exist_ok=True)
        for kind, blob in ((".jpg", picture), (".npy", _as_bytes(features))):
            self._file(method, key, kind).unlink(missing_ok=True)
            if blob:
                self._file(method, key, kind).write_bytes(blob)
        with written_whole(file) as unfinished:
            unfinished.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    def picture(self, method: str, key: EpisodeKey) -> bytes:
        """The JPEG kept with an episode; empty if there is none."""
        file = self._file(method, key, ".jpg")
        return file.read_bytes() if file.is_file() else b""

    def features(self, method: str, key: EpisodeKey) -> NDArray[np.float64] | None:
        """The features (targets, 2, D) kept with an episode, of view and truth."""
        file = self._file(method, key, ".npy")
        return np.asarray(np.load(file, allow_pickle=False), np.float64) if file.is_file() else None

    def _file(self, method: str, key: EpisodeKey, kind: str) -> Path:
        folders = (_safe(part) for part in (method, key.group, key.split))
        return self.folder.joinpath("episodes", *folders, f"{_safe(key.name)}{kind}")


def _as_bytes(features: NDArray[np.float64] | None) -> bytes:
    import io

    if features is None:
        return b""
    buffer = io.BytesIO()
    np.save(buffer, features, allow_pickle=False)
    return buffer.getvalue()


def _safe(name: str) -> str:
    """A name as part of a path: slashes and anything odd become %XX, so that no two names fall together."""
    return re.sub(r"[^\w.-]|^\.+", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), name)
