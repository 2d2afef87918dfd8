from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from augment_runs import SETTINGS

import anyview_ros
from anyview_ros.errors import InvalidInputError, ReadError, WriteError
from anyview_ros.offline.augment import run_place
from anyview_ros.offline.augment.run_place import RunAbout, RunPlace, is_output

ABOUT = RunAbout(anyview_ros.__version__, "digest", SETTINGS, ("a", "b"), "0/2")


@pytest.fixture
def place(tmp_path: Path) -> RunPlace:
    """Unfinished work, with something in every folder."""
    place = RunPlace(tmp_path / "out")
    for folder in (place.jobs / "a", place.jobs / "b.partial", place.spool / "b", place.linked, place.whole):
        folder.mkdir(parents=True)
        (folder / "file").write_text("content")
    place.lock.write_text("")
    ABOUT.write(place.partial)
    return place


def test_what_is_being_done_is_read_as_it_was_written(tmp_path: Path) -> None:
    ABOUT.write(tmp_path)
    assert RunAbout.read(tmp_path) == ABOUT
    assert is_output(tmp_path)


def test_what_tells_of_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"run\.json does not tell of a run"):
        RunAbout.read(tmp_path)
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(ReadError, match="does not tell of a run"):
        RunAbout.read(tmp_path)


def test_scraps_are_removed_and_finished_jobs_stay(place: RunPlace) -> None:
    place.remove_scraps(["a"])
    assert [path.name for path in place.jobs.iterdir()] == ["a"]
    assert sorted(path.name for path in place.partial.iterdir()) == ["jobs", "lock", "run.json"]


def test_a_removal_that_is_cut_short_leaves_work_that_is_known_as_ours(
    place: RunPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after any number of the removals, and begun again until it comes to its end."""
    remove = run_place._remove

    for allowed in itertools.count():
        left = allowed

        def limited(path: Path) -> None:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            remove(path)

        monkeypatch.setattr(run_place, "_remove", limited)
        try:
            place.clear()
            break
        except KeyboardInterrupt:
            place.check_own()
            assert place.is_begun()
    assert [path.name for path in place.partial.iterdir()] == ["lock"]
    place.check_own()


def test_what_is_not_ours_is_in_the_way(tmp_path: Path) -> None:
    place = RunPlace(tmp_path / "out")
    place.check_own()
    place.partial.mkdir()
    place.check_own()
    (place.partial / "lock").write_text("")
    place.check_own()
    (place.partial / "thesis.tex").write_text("")
    with pytest.raises(WriteError, match=r"out\.partial is in the way"):
        place.check_own()


def test_an_output_takes_the_place_of_an_earlier_one(place: RunPlace) -> None:
    place.output.mkdir()
    (place.output / "old").write_text("")
    place.publish(place.whole)
    assert [path.name for path in place.output.iterdir()] == ["file"]
    assert [path.name for path in place.output.parent.iterdir()] == ["out"]


def test_a_shards_output_is_its_finished_jobs(place: RunPlace) -> None:
    place.output.mkdir()
    (place.output / "old").write_text("")
    place.leave_jobs_only()
    place.publish(place.partial)
    assert sorted(path.name for path in place.output.iterdir()) == ["jobs", "run.json"]
    assert [path.name for path in place.output.parent.iterdir()] == ["out"]


def test_symbolic_links_do_not_hide_an_overlap(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with pytest.raises(InvalidInputError, match="overlap"):
        RunPlace(tmp_path / "link" / "out").check_apart([tmp_path / "data"])


@pytest.mark.parametrize("output", [".", "..", "below/..", "/"])
def test_an_output_has_a_name(output: str) -> None:
    with pytest.raises(InvalidInputError, match="has no name of its own"):
        RunPlace(Path(output))
