"""Bags whose bytes were damaged at random end in a bag or in an error of ours, and never in silence."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from mcap.writer import CompressionType
from robot_bags import write_recording
from rosbags.rosbag2 import CompressionFormat, CompressionMode
from tiny_bags import file_in, in_small_chunks, opened, tiny_entries, view_of

from anyview_ros.errors import AnyViewError
from anyview_ros.offline.augment.outputs.bag_part import write_bag
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.bags import Bag

LONGEST_S = 20
SETTINGS = AugmentSettings(views=("any",))


def small_bags(folder: Path) -> list[Path]:
    """One of each storage."""
    bags = [folder / name for name in ("mcap", "chunks", "sqlite", "png", "messages", "file")]
    mcap, chunks, sqlite, png, messages, file = bags
    write_recording(mcap, tiny_entries())
    in_small_chunks(write_recording(chunks, tiny_entries()), compression=CompressionType.ZSTD)
    write_recording(sqlite, tiny_entries(), sqlite=True)
    write_recording(png, tiny_entries(compressed=True))
    for bag, mode in ((messages, CompressionMode.MESSAGE), (file, CompressionMode.FILE)):
        write_recording(bag, tiny_entries(), mode=mode, fmt=CompressionFormat.ZSTD)
    return bags


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes that were flipped, overwritten, cut off, cut out, doubled or moved."""
    out = bytearray(data)
    first, last = sorted(int(place) for place in rng.integers(0, len(out), 2))
    last = min(last, first + int(rng.integers(1, 200)))
    match int(rng.integers(8)):
        case 0 | 1 | 2:
            for place in rng.integers(0, len(out), int(rng.integers(1, 12))):
                out[place] ^= int(rng.integers(1, 256))
        case 3:
            out[first:last] = rng.integers(0, 256, last - first, dtype=np.uint8).tobytes()
        case 4:
            out[first:last] = bytes(last - first)
        case 5:
            del out[int(rng.integers(1, len(out))) :]
        case 6:
            del out[first:last]
        case _:
            out[last:last] = out[first:last]
    return bytes(out)


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def give_up(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"still reading after {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def augment(bag: Path, folder: Path) -> int:
    """Number of messages that were written of a bag, with a view if it can be made."""
    episode = opened(bag)
    usable = [camera.name for camera in episode.cameras if camera.usable]
    views = [view_of(episode, folder, camera=name) for name in usable[:1]]
    write_bag(episode, views, folder / "made", "made", SETTINGS)
    with Bag(folder / "made") as made:
        count = sum(topic.count for topic in made.topics if not topic.name.startswith("/side/"))
        assert count > 0
        if count < 1 + 10 + 8 * 4:
            assert episode.losses, "messages are gone and nothing was told"
    return count


def fuzz(folder: Path, seed: int, cases: int) -> tuple[int, int]:
    rng = np.random.default_rng(seed)
    whole = small_bags(folder)
    made = refused = 0
    for case in range(cases):
        bag, place = folder / "damaged", folder / "place"
        shutil.copytree(whole[case % len(whole)], bag)
        file = bag / "metadata.yaml" if rng.random() < 0.15 else file_in(bag)
        file.write_bytes(damaged(file.read_bytes(), rng))
        place.mkdir()
        try:
            with at_most(LONGEST_S):
                augment(bag, place)
            made += 1
        except AnyViewError as error:
            refused += bool(str(error))
        except BaseException as error:
            error.add_note(f"case {case} of seed {seed}, {whole[case % len(whole)].name}, {file.name}")
            raise
        shutil.rmtree(bag)
        shutil.rmtree(place)
    return made, refused


@pytest.mark.timeout(120)
def test_a_hundred_damaged_bags(tmp_path: Path) -> None:
    made, refused = fuzz(tmp_path, seed=1, cases=100)
    assert made + refused == 100
    assert made > 30
    assert refused > 10


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_thousand_damaged_bags(tmp_path: Path) -> None:
    made, refused = fuzz(tmp_path, seed=2, cases=1000)
    assert made + refused == 1000
    assert made > 300
    assert refused > 100
