from __future__ import annotations

import gc
import json
import shutil
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from augment_runs import SETTINGS, CountedMethod, Told, Tree, augment, spoil, tree, write_inputs

from anyview_ros.errors import InvalidInputError, MissingDependencyError, SynthesisCancelled, WriteError
from anyview_ros.offline.augment import making, run
from anyview_ros.offline.augment.events import AssemblyBegun, EpisodeAdvanced, EpisodeDone, Event, RunBegun
from anyview_ros.offline.augment.file_hashes import files_below
from anyview_ros.offline.augment.guard import Judgement
from anyview_ros.offline.augment.output_lock import locked
from anyview_ros.offline.augment.outputs.episodes import EpisodesFormat
from anyview_ros.offline.augment.planning import plan_episodes
from anyview_ros.offline.augment.run_place import RunPlace
from anyview_ros.offline.augment.settings import GuardSettings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tree]:
    """Inputs, which no test changes, and the files of an undisturbed run."""
    folder = tmp_path_factory.mktemp("undisturbed")
    inputs = write_inputs(folder / "in")
    augment(inputs, folder / "out")
    return inputs, tree(folder / "out")


@pytest.fixture
def inputs(made: tuple[Path, Tree]) -> Path:
    return made[0]


@pytest.fixture
def whole(made: tuple[Path, Tree]) -> Tree:
    return made[1]


def test_every_episode_is_written_with_its_views_and_its_record(
    inputs: Path, tmp_path: Path, whole: Tree
) -> None:
    before = tree(inputs)
    told = Told()
    result = augment(inputs, tmp_path / "out", told=told)
    assert tree(inputs) == before
    assert tree(tmp_path / "out") == whole
    assert not (tmp_path / "out.partial").exists()
    assert [record.episode for record in result.records] == ["episode_0", "episode_1", "episode_2"]
    views = result.records[1].views
    assert [(view.name, view.kept, view.frames) for view in views] == [
        ("vista_small_0", True, 4),
        ("like_side", True, 4),
    ]
    assert views[1].truth == "side"
    assert views[1].truth_scores["psnr_db"] is not None
    assert views[0].truth == ""
    lines = (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()
    assert len(lines) == 6
    assert "episode_2" in (tmp_path / "out" / "report.html").read_text()
    kinds = [type(event) for event in told.events]
    assert kinds[0] is RunBegun
    assert kinds[-1] is AssemblyBegun
    assert kinds.count(EpisodeDone) == 3
    last = {event.episode: event.frames_done for event in told.events if isinstance(event, EpisodeAdvanced)}
    assert last == {"episode_0": 6, "episode_1": 8, "episode_2": 6}


def test_what_the_report_needs_is_asked_for_before_any_view_is_made(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    told = Told()
    with pytest.raises(MissingDependencyError, match=r"pip install 'anyview_ros\[report\]'"):
        augment(inputs, tmp_path / "out", told=told)
    assert not told.events
    assert not list(tmp_path.iterdir())


def test_an_output_that_exists_is_left_alone_unless_it_may_be_replaced(inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    augment(inputs / "episode_0", output)
    before = tree(output)
    with pytest.raises(InvalidInputError, match="exists; name another output, or give --overwrite"):
        augment(inputs / "episode_1", output)
    assert tree(output) == before
    augment(inputs / "episode_1", output, overwrite=True)
    assert (output / "episode_1").is_dir()
    assert not (output / "episode_0").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_is_no_output_is_never_replaced(inputs: Path, tmp_path: Path) -> None:
    for name in ("out", "other.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.tex").write_text("years of work")
    with pytest.raises(InvalidInputError, match="no earlier output"):
        augment(inputs, tmp_path / "out", overwrite=True)
    with pytest.raises(WriteError, match="in the way"):
        augment(inputs, tmp_path / "other", overwrite=True)
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"
    assert (tmp_path / "other.partial" / "thesis.tex").exists()


@pytest.mark.parametrize("output", ["in", "in/out", "in/episode_0/out", "."])
def test_an_output_that_overlaps_an_input_is_refused(tmp_path: Path, output: str) -> None:
    write_inputs(tmp_path / "in", 1, 1)
    before = tree(tmp_path)
    with pytest.raises(InvalidInputError, match="overlap"):
        augment(tmp_path / "in", tmp_path / output, overwrite=True)
    assert tree(tmp_path) == before


def cancelled(inputs: Path, output: Path, *, at: int = 3) -> None:
    with pytest.raises(SynthesisCancelled):
        augment(inputs, output, method=CountedMethod(cancel_at=at))


def test_a_cancelled_run_goes_on_where_it_was(inputs: Path, tmp_path: Path, whole: Tree) -> None:
    output = tmp_path / "out"
    cancelled(inputs, output)
    assert not output.exists()
    assert not list((tmp_path / "out.partial" / "jobs").glob("*.partial"))
    assert not list((tmp_path / "out.partial").glob("spool/*"))
    with pytest.raises(InvalidInputError, match="unfinished run with 2 finished episodes; give --resume"):
        augment(inputs, output)
    method, told = CountedMethod(), Told()
    augment(inputs, output, method=method, told=told, resume=True)
    assert method.streams == 1
    assert [event.reused for event in told.events if isinstance(event, EpisodeDone)] == [True, True, False]
    assert tree(output) == whole


def test_an_unfinished_run_can_be_begun_anew(inputs: Path, tmp_path: Path, whole: Tree) -> None:
    cancelled(inputs, tmp_path / "out")
    method = CountedMethod()
    augment(inputs, tmp_path / "out", method=method, overwrite=True)
    assert method.streams == 3
    assert tree(tmp_path / "out") == whole


def test_a_damaged_part_is_done_again(inputs: Path, tmp_path: Path, whole: Tree) -> None:
    cancelled(inputs, tmp_path / "out")
    part = tmp_path / "out.partial" / "jobs" / "episode_1" / "part"
    spoil(files_below(part)[0])
    method, told = CountedMethod(), Told()
    augment(inputs, tmp_path / "out", method=method, told=told, resume=True)
    assert method.streams == 2
    assert "episode_1" in told.notes[0]
    assert "is damaged" in told.notes[0]
    assert tree(tmp_path / "out") == whole


def test_finished_work_of_other_settings_is_not_taken(inputs: Path, tmp_path: Path, whole: Tree) -> None:
    with pytest.raises(SynthesisCancelled):
        augment(inputs, tmp_path / "out", replace(SETTINGS, seed=1), method=CountedMethod(cancel_at=3))
    method = CountedMethod()
    augment(inputs, tmp_path / "out", method=method, resume=True)
    assert method.streams == 3
    assert tree(tmp_path / "out") == whole


def test_finished_work_of_other_content_is_not_taken(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "in")
    cancelled(inputs, tmp_path / "out")
    file = inputs / "episode_0" / "metadata.json"
    file.write_text(file.read_text().replace('"index": 0', '"index": 7'))
    method = CountedMethod()
    augment(inputs, tmp_path / "out", method=method, resume=True)
    assert method.streams == 2
    assert json.loads((tmp_path / "out" / "episode_0" / "metadata.json").read_text())["index"] == 7


def test_a_whole_output_is_known_by_its_content_when_resumed(inputs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    augment(inputs, output)
    before = tree(output)
    method = CountedMethod()
    assert augment(inputs, output, method=method, resume=True).untouched
    assert method.streams == 0
    assert tree(output) == before
    with pytest.raises(InvalidInputError, match="other inputs, with other settings"):
        augment(inputs, output, replace(SETTINGS, seed=2), resume=True)


def test_what_a_kill_after_the_last_step_left_is_tidied(inputs: Path, tmp_path: Path) -> None:
    augment(inputs, tmp_path / "out")
    (tmp_path / "out.partial" / "jobs").mkdir(parents=True)
    (tmp_path / "out.partial" / "run.json").write_text("{}")
    assert augment(inputs, tmp_path / "out", resume=True).untouched
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_episode_that_fails_is_told_and_the_others_are_kept(tmp_path: Path, whole: Tree) -> None:
    inputs = write_inputs(tmp_path / "in")
    file = sorted((inputs / "episode_1" / "rgb" / "front").iterdir())[2]
    content = file.read_bytes()
    file.write_bytes(content[:100])
    result = augment(inputs, tmp_path / "out")
    assert [record.episode for record in result.records] == ["episode_0", "episode_2"]
    ((failure,)) = result.failures
    assert failure.episode == "episode_1"
    assert str(file) in failure.failure
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in (tmp_path / "out.partial" / "jobs").iterdir()) == [
        "episode_0",
        "episode_2",
    ]
    file.write_bytes(content)
    assert not augment(inputs, tmp_path / "out", resume=True).failures
    assert tree(tmp_path / "out") == whole


def test_a_disk_that_fills_up_leaves_no_half_part(
    inputs: Path, tmp_path: Path, whole: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_part = EpisodesFormat.write_part
    written: list[str] = []

    def fills_up(self: EpisodesFormat, episode: Any, views: Any, folder: Path) -> None:
        write_part(self, episode, views, folder)
        written.append(episode.name)
        if len(written) == 2:
            Path("/dev/full").write_bytes(b"x" * 100)

    monkeypatch.setattr(EpisodesFormat, "write_part", fills_up)
    with pytest.raises(WriteError, match="is full; episode episode_1 was not finished"):
        augment(inputs, tmp_path / "out")
    jobs = [path.name for path in (tmp_path / "out.partial" / "jobs").iterdir()]
    assert "episode_0" in jobs
    assert not [name for name in jobs if name.startswith("episode_1")]
    assert not (tmp_path / "out.partial" / "spool" / "episode_1").exists()
    monkeypatch.undo()
    augment(inputs, tmp_path / "out", resume=True)
    assert tree(tmp_path / "out") == whole


def test_room_is_asked_for_before_an_episode(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(self: EpisodesFormat, episode: Any, frame_bytes: int, frames: int) -> int:
        assert (frame_bytes, frames) == (3 * 64 * 48, 6)
        return 10**18

    monkeypatch.setattr(EpisodesFormat, "bytes_needed", endless)
    method = CountedMethod()
    with pytest.raises(WriteError, match="episode episode_0 needs up to"):
        augment(inputs, tmp_path / "out", method=method)
    assert method.streams == 0


def test_a_refused_view_is_drawn_again(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []

    def judge(view: Any, *_: Any, **__: Any) -> Judgement:
        judged.append(view.name)
        refused = "Too dim." if view.name.startswith("vista") and judged.count(view.name) == 1 else ""
        return Judgement({"coverage": 0.5}, refused)

    monkeypatch.setattr(making, "judge", judge)
    (record,) = augment(inputs / "episode_0", tmp_path / "out").records
    drawn, other = record.views
    assert [attempt.refused for attempt in drawn.attempts] == ["Too dim.", ""]
    assert drawn.attempts[0].seed != drawn.attempts[1].seed
    assert drawn.kept
    assert len(other.attempts) == 1
    assert (tmp_path / "out" / "episode_0" / "rgb" / "vista_small_0").is_dir()


def test_a_view_that_is_never_good_enough_is_left_out_and_told(inputs: Path, tmp_path: Path) -> None:
    strict = replace(SETTINGS, guard=GuardSettings(min_coverage=1.0, attempts=2))
    (record,) = augment(inputs / "episode_0", tmp_path / "out", strict).records
    vista, side = record.views
    assert not vista.kept
    assert not side.kept
    assert len(vista.attempts) == 2
    assert len(side.attempts) == 1, "a view that does not vary is no better for being made again"
    assert all("coverage" in attempt.refused for attempt in vista.attempts)
    assert sorted(path.name for path in (tmp_path / "out" / "episode_0" / "rgb").iterdir()) == [
        "front",
        "side",
    ]
    assert "coverage" in (tmp_path / "out" / "report.html").read_text()


def test_two_runs_do_not_write_one_output(inputs: Path, tmp_path: Path) -> None:
    place = RunPlace(tmp_path / "out")
    with locked(place.lock):
        with pytest.raises(WriteError, match="is being written by process"):
            augment(inputs, tmp_path / "out")
        assert place.lock.is_file(), "what the first has begun is not removed by the second"


def test_nothing_is_left_of_a_run_that_was_refused(inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no view 'clairvoyance'"):
        augment(inputs, tmp_path / "out", replace(SETTINGS, views=("clairvoyance",)))
    with pytest.raises(InvalidInputError, match="no camera 'rear'"):
        augment(inputs, tmp_path / "out", replace(SETTINGS, camera="rear"))
    assert list(tmp_path.iterdir()) == []


def test_inputs_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    for day in ("monday", "tuesday"):
        write_inputs(tmp_path / "in" / day, 1)
    result = augment(tmp_path / "in", tmp_path / "out")
    assert [record.episode for record in result.records] == ["monday_episode_0", "tuesday_episode_0"]
    shutil.rmtree(tmp_path / "in")
    assert (tmp_path / "out" / "tuesday_episode_0" / "rgb" / "side").is_dir()


def test_what_was_read_of_an_episode_is_not_held_for_the_rest_of_the_run(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    episodes: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def planned(found: Any) -> Any:
        plan = plan_episodes(found)
        episodes.extend(weakref.ref(each) for each in plan)
        return plan

    def look(event: Event) -> None:
        if isinstance(event, AssemblyBegun):
            gc.collect()
            alive.append(sum(each() is not None for each in episodes))

    monkeypatch.setattr(run, "plan_episodes", planned)
    augment(inputs, tmp_path / "out", told=look)
    assert len(episodes) == 3
    assert alive[0] <= 1, "the last may still be at hand"
