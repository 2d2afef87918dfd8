"""Checkpoints of tensors, of training runs, and of what would run code."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from anyview_ros.errors import WeightsError
from anyview_ros.methods.checkpoint_files import read_checkpoint, read_tensors

TENSORS = {"a": torch.arange(3.0)}


class Running:
    """Calls something when it is unpickled."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call, self.arguments


def saved(value: object, folder: Path, **others: Any) -> Path:
    torch.save(value, folder / "x.pt", **others)
    return folder / "x.pt"


@pytest.mark.parametrize("inner", [None, "model", "state_dict"])
@pytest.mark.parametrize("skip_objects", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_tensors_are_found_wherever_training_programs_put_them(
    tmp_path: Path, inner: str | None, skip_objects: bool, zipped: bool
) -> None:
    value = TENSORS if inner is None else {inner: TENSORS, "epoch": 3}
    path = saved(value, tmp_path, _use_new_zipfile_serialization=zipped)
    found = read_checkpoint(path, skip_objects=skip_objects)
    assert list(found) == ["a"]
    assert torch.equal(found["a"], TENSORS["a"])


def test_objects_are_refused_unless_they_may_be_skipped_and_never_made(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    path = saved({"state_dict": TENSORS, "x": Running(shutil.copyfile, __file__, str(mark))}, tmp_path)
    with pytest.raises(WeightsError, match="would run code when read"):
        read_checkpoint(path)
    assert list(read_checkpoint(path, skip_objects=True)) == ["a"]
    path = saved({"state_dict": TENSORS, "x": Running(os.system, f"touch {mark}")}, tmp_path)
    for skip_objects in (False, True):
        with pytest.raises(WeightsError, match="would run code when read"):
            read_checkpoint(path, skip_objects=skip_objects)
    assert not mark.exists()


def test_tensors_are_read_to_the_cpu_by_its_number_too(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "x.safetensors")
    for device in ("cpu", "cpu:0", torch.device("cpu", 0)):
        assert torch.equal(read_tensors(tmp_path / "x.safetensors", device)["a"], TENSORS["a"])


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is no file"):
        read_checkpoint(tmp_path / "none.pt", skip_objects=True)
    path = saved(TENSORS, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="truncated"):
        read_checkpoint(path, skip_objects=True)
    with pytest.raises(WeightsError, match="holds a Tensor, not named tensors"):
        read_checkpoint(saved(TENSORS["a"], tmp_path))
    (tmp_path / "x.safetensors").write_bytes(b"12345678")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_tensors(tmp_path / "x.safetensors")
