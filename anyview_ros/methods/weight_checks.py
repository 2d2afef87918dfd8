"""Checks of files and of tensors against what they should be."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anyview_ros.errors import WeightsError
from anyview_ros.files import sha256_of_file

if TYPE_CHECKING:
    import torch

_SHOWN = 8


def sha256_of_weights(path: Path) -> str:
    """The sha256 of a file of weights, hex.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        return sha256_of_file(path)
    except OSError as err:
        raise WeightsError(f"cannot read {path}: {err.strerror or err}; give the path of a file") from err


def combined_sha256(sums: Mapping[str, str]) -> str:
    """One sha256 that names files by name and sha256, in whatever order."""
    listed = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
    return hashlib.sha256(listed.encode()).hexdigest()


def published_sha256(path: Path) -> str | None:
    """The sum in the file ``path``.sha256 beside it, or None if there is none.

    Raises:
        WeightsError: that file holds no sha256.
    """
    beside = path.with_name(path.name + ".sha256")
    if not beside.is_file():
        return None
    words = beside.read_text(errors="replace").split()
    if not words or not _is_sha256(words[0]):
        raise WeightsError(
            f"{beside} does not begin with a sha256 of 64 hexadecimal digits; download it again"
        )
    return words[0].lower()


def check_file(path: Path, sha256: str | None = None) -> tuple[str, bool]:
    """Compare a file's sha256 with ``sha256``, or else with that published beside it.

    Returns:
        the file's sum, and whether there was anything to compare it with.

    Raises:
        WeightsError: they differ, or the sum given is none.
    """
    if sha256 is not None and not _is_sha256(sha256):
        raise WeightsError(f"sha256 is '{sha256}'; give 64 hexadecimal digits")
    expected = sha256.lower() if sha256 is not None else published_sha256(path)
    found = sha256_of_weights(path)
    if expected is not None and found != expected:
        raise WeightsError(
            f"{path} has sha256 {found} but should have {expected}; it is truncated or another file: "
            "download it again"
        )
    return found, expected is not None


def changed_files(folder: Path, recorded: Mapping[str, str]) -> list[str]:
    """Complaints about files whose sha256 is not what it was when they were written; none if all is well.

    Args:
        folder: that holds them.
        recorded: their sums by name.

    Raises:
        WeightsError: a file that is gone.
    """
    found = {name: sha256_of_weights(folder / name) for name in recorded}
    return [
        f"{folder / name} has sha256 {found[name]} but was written with {recorded[name]}: truncated or changed"
        for name in recorded
        if found[name] != recorded[name]
    ]


def check_new_folder(folder: Path) -> None:
    """Check that weights may be written to a folder.

    Raises:
        WeightsError: it is a file, or holds something.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise WeightsError(f"{folder} is not an empty folder; name one that does not exist yet")


def check_tensors(
    found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], where: str
) -> None:
    """Compare names and shapes.

    Raises:
        WeightsError: tensors that are missing, left over or of another shape; the message lists them.
    """
    missing = sorted(set(expected) - set(found))
    surplus = sorted(set(found) - set(expected))
    wrong = [
        f"{name} {tuple(found[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in sorted(set(found) & set(expected))
        if found[name].shape != expected[name].shape
    ]
    complaints = [
        f"{what} {len(names)} ({_listed(names)})"
        for what, names in (("missing:", missing), ("left over:", surplus), ("of another shape:", wrong))
        if names
    ]
    if complaints:
        raise WeightsError(
            f"{where} does not hold the tensors of the model it should be; {'; '.join(complaints)}; "
            "give the file of this model, whole"
        )


def check_finite(tensors: Mapping[str, torch.Tensor], where: str) -> None:
    """Refuse tensors with values that are not finite.

    Raises:
        WeightsError: some are not.
    """
    import torch

    broken = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise WeightsError(
            f"{where} has values that are not finite in {_listed(broken)}; the file is damaged: download it again"
        )


def _listed(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and all(digit in "0123456789abcdefABCDEF" for digit in text)
