from __future__ import annotations

from pathlib import Path

import pytest
import torch

from anyview_ros.errors import WeightsError
from anyview_ros.training import checkpoints
from anyview_ros.training.checkpoints import PIECE_BYTES, has_checkpoint, read_checkpoint, write_checkpoint


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "large": torch.randn(5_000_000, generator=generator),
        "half": torch.randn(7, 3, generator=generator).to(torch.bfloat16),
        "count": torch.tensor(12),
        "turned": torch.randn(4, 6, generator=generator).T,
        "nothing": torch.zeros(0, 3),
    }


def test_everything_comes_back_and_no_file_is_too_large(tmp_path: Path) -> None:
    written = tensors()
    write_checkpoint(tmp_path / "c", written, {"step": 3, "name": "é"})
    sizes = [path.stat().st_size for path in (tmp_path / "c").iterdir()]
    assert max(sizes) <= 16 * 2**20
    assert sum(size >= PIECE_BYTES for size in sizes) == 1
    read, notes = read_checkpoint(tmp_path / "c")
    assert notes == {"step": 3, "name": "é"}
    assert list(read) == list(written)
    for name, value in written.items():
        assert read[name].dtype == value.dtype
        assert torch.equal(read[name], value)


def test_a_new_checkpoint_takes_the_place_of_the_former(tmp_path: Path) -> None:
    for step in (1, 2):
        write_checkpoint(tmp_path / "c", {"x": torch.full((2,), float(step))}, {"step": step})
    assert read_checkpoint(tmp_path / "c")[1] == {"step": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_an_interruption_while_writing_leaves_the_former(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path / "c", {"x": torch.ones(2)}, {"step": 1})

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(checkpoints, "_write_piece", full)
    with pytest.raises(OSError, match="disk full"):
        write_checkpoint(tmp_path / "c", {"x": torch.zeros(2)}, {"step": 2})
    assert read_checkpoint(tmp_path / "c")[1] == {"step": 1}


def test_a_writer_killed_between_the_former_and_the_next_leaves_the_former(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "c"
    assert not has_checkpoint(folder)
    write_checkpoint(folder, {"x": torch.ones(2)}, {"step": 1})
    rename = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if target == folder:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            write_checkpoint(folder, {"x": torch.zeros(2)}, {"step": 2})
    assert not folder.exists()
    assert has_checkpoint(folder)
    assert read_checkpoint(folder)[1] == {"step": 1}


def test_damage_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no whole checkpoint"):
        read_checkpoint(tmp_path / "none")
    write_checkpoint(tmp_path / "c", {"x": torch.ones(50)}, {})
    piece = tmp_path / "c" / "piece_000.bin"
    raw = bytearray(piece.read_bytes())
    raw[17] ^= 1
    piece.write_bytes(bytes(raw))
    with pytest.raises(WeightsError, match="fails its checksum"):
        read_checkpoint(tmp_path / "c")
    piece.unlink()
    with pytest.raises(WeightsError, match="no whole checkpoint"):
        read_checkpoint(tmp_path / "c")
