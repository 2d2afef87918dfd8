from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numbered_films import numbers, numbers_but_the_first

from anyview_ros.errors import FilmingTimeout, InvalidInputError, ReadError
from anyview_ros.training import film_files
from anyview_ros.training.film_files import Filming, FilmOrder, Films, film_to_files, read_files


@pytest.fixture(autouse=True)
def two_scenes_per_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_files, "SCENES_PER_FILE", 2)


def ordered(
    folder: Path, count: int, film: Filming, settings: Mapping[str, object], **how: Any
) -> list[Path]:
    return film_to_files(FilmOrder(folder, "ns", count, film, settings), **how)


def test_scenes_come_back_in_order(tmp_path: Path) -> None:
    film = partial(numbers, tmp_path / "log")
    arrays = read_files(ordered(tmp_path, 5, film, {}), ("one", "two"), "numbers")
    np.testing.assert_array_equal(arrays["one"], np.arange(5))
    assert arrays["two"].shape == (5, 2)
    assert sorted((tmp_path / "log").read_text().split()) == ["0+2", "2+2", "4+1"]
    assert not list(tmp_path.glob("*.part"))


def test_what_is_there_is_kept_and_more_scenes_are_added(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = ordered(tmp_path, 3, partial(numbers, log), {})
    log.unlink()
    assert ordered(tmp_path, 3, partial(numbers, log), {}) == first
    assert not log.exists()
    more = ordered(tmp_path, 6, partial(numbers, log), {})
    assert log.read_text().split() == ["3+2", "5+1"]  # the third scene is there already, in a file of its own
    np.testing.assert_array_equal(read_files(more, ("one",), "numbers")["one"], np.arange(6))


def test_what_is_filmed_is_reported(tmp_path: Path) -> None:
    film = partial(numbers, tmp_path / "log")
    folder = tmp_path / "some"
    ordered(folder, 2, film, {})
    told: list[tuple[str, int, int]] = []

    def report(what: str, done: int, total: int) -> None:
        told.append((what, done, total))

    ordered(folder, 5, film, {}, report=report)
    assert told[0] == ("some", 2, 5)
    assert told[-1] == ("some", 5, 5)
    assert len(told) == 3
    ordered(folder, 5, film, {}, report=report)
    assert len(told) == 3  # nothing was missing


def test_after_an_error_in_another_process_nothing_more_is_filmed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(ValueError, match="the first"):
        ordered(tmp_path, 200, partial(numbers_but_the_first, log), {}, workers=2)
    assert len(list(tmp_path.glob("ns_*.npz"))) < 50


def test_files_of_another_length_are_taken_as_they_are_and_the_rest_is_filmed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    whole = ordered(tmp_path, 14, partial(numbers, log), {}, workers=1)
    for first, count in ((2, 5), (9, 4)):  # as if more had been filmed to a file
        np.savez(tmp_path / f"ns_{first:06d}_to_{first + count:06d}.npz", **numbers(log, first, count))
    for path in whole[1:6]:
        path.unlink()
    log.unlink()
    paths = ordered(tmp_path, 14, partial(numbers, log), {})
    assert [path.stem[3:] for path in paths] == [
        "000000_to_000002",
        "000002_to_000007",
        "000007_to_000009",
        "000009_to_000013",
        "000013_to_000014",
    ]
    assert log.read_text().split() == ["7+2", "13+1"]
    np.testing.assert_array_equal(read_files(paths, ("one",), "numbers")["one"], np.arange(14))
    assert ordered(tmp_path, 7, partial(numbers, log), {}) == paths[:2]
    # a file that goes beyond what is wanted is of no use
    ordered(tmp_path, 11, partial(numbers, log), {})
    assert log.read_text().split()[2:] == ["9+2"]


@pytest.mark.parametrize("workers", [1, 2])
def test_one_pool_films_all_orders_the_last_first_and_gives_them_back_as_they_were(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[int] = []
    real = film_files.ProcessPoolExecutor
    monkeypatch.setattr(
        film_files, "ProcessPoolExecutor", lambda count, **how: pools.append(count) or real(count, **how)
    )
    film = partial(numbers, tmp_path / "log")
    orders = [
        FilmOrder(tmp_path / name, name, count, film, {}) for name, count in (("a", 3), ("b", 0), ("c", 5))
    ]
    told: list[tuple[str, int, int]] = []
    paths = film_to_files(*orders, workers=workers, report=lambda *line: told.append(line))
    assert len(pools) == workers - 1
    assert [path.parent.name for path in paths] == ["a", "a", "c", "c", "c"]
    np.testing.assert_array_equal(
        read_files(paths, ("one",), "numbers")["one"], [*np.arange(3), *np.arange(5)]
    )
    assert [line for line in told if line[1] == 0] == [("c", 0, 5), ("a", 0, 3)]
    assert [max(line[1:] for line in told if line[0] == name) for name in "ac"] == [(3, 3), (5, 5)]
    assert len(told) == 2 + len(paths)


def test_no_more_is_handed_to_processes_than_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has been handed to a pool is filmed, also when time is up."""
    now = [0.0]

    def report(what: str, done: int, total: int) -> None:
        now[0] += done

    monkeypatch.setattr(film_files, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with pytest.raises(FilmingTimeout, match="time was up with 4 of 40 scenes filmed"):
        ordered(tmp_path, 40, partial(numbers, tmp_path / "log"), {}, workers=2, report=report, until_s=1.0)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    assert not list(tmp_path.glob("*.part"))


def test_when_time_is_up_what_was_filmed_is_kept_and_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def slow(first: int, count: int) -> Films:
        now[0] += 1.0
        return numbers(tmp_path / "log", first, count)

    monkeypatch.setattr(film_files, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with pytest.raises(FilmingTimeout, match="time was up with 4 of 6 scenes filmed"):
        ordered(tmp_path, 6, slow, {}, until_s=1.5)
    assert (tmp_path / "log").read_text().split() == ["0+2", "2+2"]
    ordered(tmp_path, 6, slow, {}, until_s=3.0)
    assert (tmp_path / "log").read_text().split() == ["0+2", "2+2", "4+2"]
    assert len(ordered(tmp_path, 6, slow, {}, until_s=0.0)) == 3  # nothing is left to film


def test_a_device_that_cannot_be_used_is_told_by_this_process_unless_all_is_filmed(tmp_path: Path) -> None:
    film = partial(numbers, tmp_path / "log")
    with pytest.raises(InvalidInputError, match="device 'moon' cannot be used"):
        ordered(tmp_path, 2, film, {"device": "moon"}, workers=2)
    assert not (tmp_path / "log").exists()
    ordered(tmp_path, 2, film, {"device": "cpu"})
    ordered(tmp_path, 2, film, {"device": "moon"}, workers=2)


def test_files_are_read_into_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = ordered(tmp_path, 5, partial(numbers, tmp_path / "log"), {})
    np.savez(paths[1], one=np.array([2, 3]), two=np.asfortranarray([[2.5, 2], [3, 3]]))

    def joined(*_: object, **__: object) -> None:
        pytest.fail("all that is filmed is in memory twice")

    monkeypatch.setattr(np, "concatenate", joined)
    arrays = read_files(paths, ("one", "two"), "numbers")
    np.testing.assert_array_equal(arrays["one"], np.arange(5))
    np.testing.assert_array_equal(arrays["two"], [[0, 0], [1, 1], [2.5, 2], [3, 3], [4, 4]])


def test_an_interrupted_file_is_made_anew(tmp_path: Path) -> None:
    def fails(first: int, count: int) -> Films:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ordered(tmp_path, 1, fails, {})
    (path,) = ordered(tmp_path, 1, partial(numbers, tmp_path / "log"), {})
    assert read_files([path], ("one",), "numbers")["one"] == [0]


def test_an_error_in_another_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        ordered(tmp_path, 3, partial(numbers, tmp_path / "nowhere" / "log"), {}, workers=2)


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no files of filmed numbers"):
        read_files([], ("one",), "numbers")
    (path,) = ordered(tmp_path, 1, partial(numbers, tmp_path / "log"), {})
    with pytest.raises(ReadError, match=r"ns_000000_to_000001\.npz holds no filmed numbers"):
        read_files([path], ("three",), "numbers")
    whole = path.read_bytes()
    for damaged in (whole[:-30], whole[:2], b""):
        path.write_bytes(damaged)
        with pytest.raises(ReadError, match=r"\.npz holds no filmed numbers .*; delete it and film again"):
            read_files([path], ("one",), "numbers")


def test_films_of_other_settings_are_refused_but_may_be_made_elsewhere(tmp_path: Path) -> None:
    film = partial(numbers, tmp_path / "log")
    plan = {"side": 64, "angles": (1.0, 2.0), "device": "cpu"}
    ordered(tmp_path / "a", 0, film, {"side": 32})  # of which nothing is there
    paths = ordered(tmp_path / "a", 3, film, plan)
    assert ordered(tmp_path / "a", 3, film, plan | {"device": "cuda"}) == paths
    assert ordered(tmp_path / "a", 3, film, plan | {"mirrored": False}) == paths  # a newer switch
    for other in (
        plan | {"side": 96},
        plan | {"angles": (1.0, 3.0)},
        plan | {"mirrored": True},
        {"side": 64},
    ):
        with pytest.raises(
            InvalidInputError, match=r"a holds ns filmed with other settings of (side|angles|mir)"
        ):
            ordered(tmp_path / "a", 5, film, other)
        ordered(tmp_path / "b" / repr(other), 1, film, other)
    (tmp_path / "a" / "ns.json").write_text("[")
    with pytest.raises(ReadError, match=r"ns\.json cannot be read"):
        ordered(tmp_path / "a", 3, film, plan)


def test_films_whose_settings_nobody_noted_are_taken_as_they_are(tmp_path: Path) -> None:
    film = partial(numbers, tmp_path / "log")
    paths = ordered(tmp_path, 2, film, {"side": 64})
    (tmp_path / "ns.json").unlink()
    assert ordered(tmp_path, 2, film, {"side": 96}) == paths
    assert not (tmp_path / "ns.json").exists()


def test_files_of_different_sizes_are_named(tmp_path: Path) -> None:
    for name, width in (("a.npz", 3), ("b.npz", 4)):
        np.savez(tmp_path / name, one=np.zeros((2, width)))
    with pytest.raises(ReadError, match="numbers filmed at different sizes"):
        read_files([tmp_path / "a.npz", tmp_path / "b.npz"], ("one",), "numbers")
