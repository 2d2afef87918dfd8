from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numbered_films import numbers, numbers_but_the_first

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.training import film_files
from anyview_ros.training.film_files import Films, film_to_files, read_files


@pytest.fixture(autouse=True)
def two_scenes_per_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_files, "SCENES_PER_FILE", 2)


@pytest.mark.parametrize("workers", [1, 2])
def test_scenes_come_back_in_order(tmp_path: Path, workers: int) -> None:
    film = partial(numbers, tmp_path / "log")
    arrays = read_files(
        film_to_files(tmp_path, "ns", 5, film, {}, workers=workers), ("one", "two"), "numbers"
    )
    np.testing.assert_array_equal(arrays["one"], np.arange(5))
    assert arrays["two"].shape == (5, 2)
    assert sorted((tmp_path / "log").read_text().split()) == ["0+2", "2+2", "4+1"]
    assert not list(tmp_path.glob("*.part"))


def test_what_is_there_is_kept_and_more_scenes_are_added(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = film_to_files(tmp_path, "ns", 3, partial(numbers, log), {})
    log.unlink()
    assert film_to_files(tmp_path, "ns", 3, partial(numbers, log), {}) == first
    assert not log.exists()
    more = film_to_files(tmp_path, "ns", 6, partial(numbers, log), {})
    assert log.read_text().split() == ["2+2", "4+2"]
    np.testing.assert_array_equal(read_files(more, ("one",), "numbers")["one"], np.arange(6))


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_filmed_is_reported(tmp_path: Path, workers: int) -> None:
    film = partial(numbers, tmp_path / "log")
    folder = tmp_path / "some"
    film_to_files(folder, "ns", 2, film, {})
    told: list[tuple[str, int, int]] = []

    def report(what: str, done: int, total: int) -> None:
        told.append((what, done, total))

    film_to_files(folder, "ns", 5, film, {}, workers=workers, report=report)
    assert told[0] == ("some", 2, 5)
    assert told[-1] == ("some", 5, 5)
    assert len(told) == 3
    film_to_files(folder, "ns", 5, film, {}, workers=workers, report=report)
    assert len(told) == 3  # nothing was missing


def test_after_an_error_in_another_process_nothing_more_is_filmed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(ValueError, match="the first"):
        film_to_files(tmp_path, "ns", 200, partial(numbers_but_the_first, log), {}, workers=2)
    assert len(list(tmp_path.glob("ns_*.npz"))) < 50


def test_an_interrupted_file_is_made_anew(tmp_path: Path) -> None:
    def fails(first: int, count: int) -> Films:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        film_to_files(tmp_path, "ns", 1, fails, {})
    (path,) = film_to_files(tmp_path, "ns", 1, partial(numbers, tmp_path / "log"), {})
    assert read_files([path], ("one",), "numbers")["one"] == [0]


def test_an_error_in_another_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        film_to_files(tmp_path, "ns", 3, partial(numbers, tmp_path / "nowhere" / "log"), {}, workers=2)


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no files of filmed numbers"):
        read_files([], ("one",), "numbers")
    (path,) = film_to_files(tmp_path, "ns", 1, partial(numbers, tmp_path / "log"), {})
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
    film_to_files(tmp_path / "a", "ns", 0, film, {"side": 32})  # of which nothing is there
    paths = film_to_files(tmp_path / "a", "ns", 3, film, plan)
    assert film_to_files(tmp_path / "a", "ns", 3, film, plan | {"device": "cuda"}) == paths
    assert film_to_files(tmp_path / "a", "ns", 3, film, plan | {"mirrored": False}) == paths  # a newer switch
    for other in (
        plan | {"side": 96},
        plan | {"angles": (1.0, 3.0)},
        plan | {"mirrored": True},
        {"side": 64},
    ):
        with pytest.raises(
            InvalidInputError, match=r"a holds ns filmed with other settings of (side|angles|mir)"
        ):
            film_to_files(tmp_path / "a", "ns", 5, film, other)
        film_to_files(tmp_path / "b" / repr(other), "ns", 1, film, other)
    (tmp_path / "a" / "ns.json").write_text("[")
    with pytest.raises(ReadError, match=r"ns\.json cannot be read"):
        film_to_files(tmp_path / "a", "ns", 3, film, plan)


def test_films_whose_settings_nobody_noted_are_taken_as_they_are(tmp_path: Path) -> None:
    film = partial(numbers, tmp_path / "log")
    paths = film_to_files(tmp_path, "ns", 2, film, {"side": 64})
    (tmp_path / "ns.json").unlink()
    assert film_to_files(tmp_path, "ns", 2, film, {"side": 96}) == paths
    assert not (tmp_path / "ns.json").exists()


def test_files_of_different_sizes_are_named(tmp_path: Path) -> None:
    for name, width in (("a.npz", 3), ("b.npz", 4)):
        np.savez(tmp_path / name, one=np.zeros((2, width)))
    with pytest.raises(ReadError, match="numbers filmed at different sizes"):
        read_files([tmp_path / "a.npz", tmp_path / "b.npz"], ("one",), "numbers")
