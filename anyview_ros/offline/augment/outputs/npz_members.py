"""Files of arrays whose bytes depend on the arrays alone; members are carried over unread, so none is unpickled."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError


def replace_members(source: Path, target: Path, replaced: Mapping[str, NDArray[Any]]) -> None:
    """Write ``target`` with the arrays of ``source``, of which some are other ones; no time of writing is stored.

    Args:
        source: an npz file.
        target: file to write.
        replaced: arrays by name; those that the source lacks are added.

    Raises:
        ReadError: the source is no npz, or is cut off.
    """
    try:
        with zipfile.ZipFile(source) as old:
            kept = {info.filename: old.read(info) for info in old.infolist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise ReadError(f"cannot read {source}: {error}; write it with numpy.savez") from error
    _write(target, kept | _named(replaced))


def write_members(target: Path, members: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as an npz that holds no time of writing."""
    _write(target, _named(members))


def _write(target: Path, members: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def _named(arrays: Mapping[str, NDArray[Any]]) -> dict[str, bytes]:
    return {f"{name}.npy": _as_npy(array) for name, array in arrays.items()}


def _as_npy(array: NDArray[Any]) -> bytes:
    held = io.BytesIO()
    np.lib.format.write_array(held, np.asanyarray(array), allow_pickle=False)
    return held.getvalue()
