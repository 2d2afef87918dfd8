"""What makes two jobs the same: the key by which finished work is found again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import anyview_ros
from anyview_ros.files import sha256_of_file
from anyview_ros.offline.augment.guard import lpips_files
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.view_text import read_view_texts


def settings_digest(settings: AugmentSettings, weights_hash: str) -> str:
    """sha256 (hex) of all that a result depends on besides the input: settings, program version, weights.

    A setting that names a file counts by the file's content, so that the same run started elsewhere is the same, and
    one whose calibration was changed is not.

    Raises:
        WeightsError: a folder for LPIPS without weights.
    """
    content = settings.as_json()
    if settings.guard.lpips_weights:
        content["guard"]["lpips_weights"] = [str(file) for file in lpips_files(settings.guard.lpips_weights)]
    content["weights"] = weights_hash
    content["views"] = [[view.name, dict(view.values)] for view in read_view_texts(settings.views)]
    return _digest([anyview_ros.__version__, _by_content(content)])


def job_key(fingerprint: str, name: str, digest: str) -> str:
    """sha256 (hex) of an episode's content, its name in the output, and :func:`settings_digest`."""
    return _digest([fingerprint, name, digest])


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _by_content(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _by_content(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_by_content(each) for each in value]
    if isinstance(value, str) and value:
        name, _, file = value.partition("=")  # an option of the method
        for told, path in (("", value), (name, file)):
            if path and _is_file(Path(path)):
                return {f"{told} sha256".strip(): sha256_of_file(Path(path))}
    return value


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # text that is too long for a path
        return False
