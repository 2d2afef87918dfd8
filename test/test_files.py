from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from anyview_ros.files import UNFINISHED, sha256_of_file, sort_safetensors_notes, written_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_half(path: Path, error: type[BaseException]) -> None:
    with written_whole(path) as unfinished:
        unfinished.write_bytes(b"half")
        raise error


def test_a_file_appears_whole_in_folders_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "film.npz"
    with written_whole(path) as unfinished:
        unfinished.write_bytes(b"half")
        assert not path.exists()
        unfinished.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert names(path.parent) == ["film.npz"]


@pytest.mark.parametrize("former", [b"former", None])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_former_file_or_none(
    tmp_path: Path, error: type[BaseException], former: bytes | None
) -> None:
    path = tmp_path / "notes.json"
    if former is not None:
        path.write_bytes(former)
    with pytest.raises(error):
        write_half(path, error)
    assert names(tmp_path) == ([] if former is None else ["notes.json"])
    assert former is None or path.read_bytes() == former


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    (tmp_path / f"notes.json{UNFINISHED}").write_bytes(b"half")
    with written_whole(path) as unfinished:
        unfinished.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["notes.json"]


def test_a_file_that_cannot_take_its_place_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "taken" / "by a folder").mkdir(parents=True)
    with (
        pytest.raises(IsADirectoryError, match=r"name a file in it: '.*taken'"),
        written_whole(tmp_path / "taken") as unfinished,
    ):
        unfinished.write_bytes(b"whole")
    assert names(tmp_path) == ["taken"]


def test_equal_tensors_and_notes_have_equal_bytes(tmp_path: Path) -> None:
    tensors = {"b": np.ones((2, 3), np.float32), "a": np.arange(5)}
    notes = {name: name * 3 for name in ("steps", "format", "config", 'quoted "ä" \n', "origin")}
    sums, disordered = set(), set()
    for number in range(8):
        path = tmp_path / f"{number}.safetensors"
        save_file(tensors, path, dict(notes))
        disordered.add(sha256_of_file(path))
        sort_safetensors_notes(path)
        sums.add(sha256_of_file(path))
    assert len(disordered) > 1, "safetensors has begun to write notes in order: this is needed no more"
    assert len(sums) == 1
    with safe_open(path, framework="np") as file:
        assert file.metadata() == notes
    assert all(np.array_equal(value, tensors[name]) for name, value in load_file(path).items())
    save_file(tensors, path)
    before = path.read_bytes()
    sort_safetensors_notes(path)
    assert path.read_bytes() == before


def test_the_sum_of_a_file_is_that_of_sha256sum(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(FileNotFoundError):
        sha256_of_file(tmp_path / "none")
