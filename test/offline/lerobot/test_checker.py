from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lerobot_maker import LENGTHS, SIDE, TOP, picture, write_dataset

from anyview_ros.offline.lerobot import findings
from anyview_ros.offline.lerobot.checker import RULES, check_dataset
from anyview_ros.offline.lerobot.parquet import write_tasks
from anyview_ros.offline.lerobot.statistics import QUANTILES
from anyview_ros.offline.lerobot.video_encoding import Coding, EpisodeVideo

DATA = "data/chunk-000/file-000.parquet"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
VIDEO = f"videos/{TOP}/chunk-000/file-000.mp4"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_dataset(tmp_path_factory.mktemp("sound") / "cups")
    info = json.loads((path / "meta/info.json").read_text())
    info["features"][SIDE]["info"]["synthesised"] = True
    (path / "meta/info.json").write_text(json.dumps(info))
    episodes = [
        {"episode_index": index, "origin_episode_index": None, "synthesised": {SIDE: {}}}
        for index in range(3)
    ]
    told = {"episodes": episodes, "synthesised_keys": [SIDE]}
    (path / "meta/augmentation.json").write_text(json.dumps(told))
    return path


def info(change: Callable[[dict[str, Any]], Any], file: str = "meta/info.json") -> Callable[[Path], None]:
    def mutate(path: Path) -> None:
        content = json.loads((path / file).read_text())
        change(content)
        (path / file).write_text(json.dumps(content))

    return mutate


def column(file: str, name: str, change: Callable[[list[Any]], list[Any]]) -> Callable[[Path], None]:
    """Other values in a column; the schema stays."""

    def mutate(path: Path) -> None:
        table = pq.read_table(path / file)
        place = table.column_names.index(name)
        values = pa.array(change(table[name].to_pylist()), table.schema.field(name).type)
        pq.write_table(table.set_column(place, table.schema.field(name), values), path / file)

    return mutate


def first(value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [value, *values[1:]]


def table(change: Callable[[pa.Table], pa.Table], file: str = DATA) -> Callable[[Path], None]:
    return lambda path: pq.write_table(change(pq.read_table(path / file)), path / file)


def video(
    lengths: list[int], *, rate: int = 10, codec: str = "h264", width: int = 64
) -> Callable[[Path], None]:
    def mutate(path: Path) -> None:
        with EpisodeVideo(path / VIDEO, rate=Fraction(rate), coding=Coding(codec)) as writer:
            for index in range(sum(lengths)):
                writer.add(picture(index, width=width))

    return mutate


def cut_with_its_index_at_the_end(path: Path) -> None:
    with av.open(str(path / VIDEO)) as source, av.open(str(path / "end.mp4"), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    content = (path / "end.mp4").read_bytes()
    (path / "end.mp4").unlink()
    (path / VIDEO).write_bytes(content[: len(content) * 9 // 10])


def written(file: str, text: str) -> Callable[[Path], Any]:
    return lambda path: (path / file).write_text(text)


def without_a_row(name: str) -> Callable[[Path], None]:
    return column(DATA, name, lambda values: [*values[:3], None, *values[4:]])


def renamed(file: str, other: str) -> Callable[[Path], None]:
    def mutate(path: Path) -> None:
        (path / other).parent.mkdir(parents=True, exist_ok=True)
        (path / file).rename(path / other)

    return mutate


def copied(file: str, other: str) -> Callable[[Path], None]:
    return lambda path: shutil.copy(path / file, path / other) and None


def set_in(*way: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        for step in way[:-1]:
            content = content[step]
        content[way[-1]] = value

    return change


def first_files_gone(path: Path) -> None:
    """Everything in files 1, and none in files 0, as LeRobot leaves it where all episodes of a file are deleted."""
    for file, key in ((DATA, "data"), (VIDEO, f"videos/{TOP}")):
        renamed(file, file.replace("file-000", "file-001"))(path)
        column(EPISODES, f"{key}/file_index", lambda values: [1] * len(values))(path)


def statistics_of_another_place(path: Path) -> None:
    """The rows' indices are not those that were recorded, of which the statistics tell."""
    for name in ("index", "episode_index", "task_index"):
        for statistic in ("min", "max", "mean"):
            column(EPISODES, f"stats/{name}/{statistic}", lambda values: [[7] for _ in values])(path)
        told = {"min": [7], "max": [7], "mean": [7.0], "std": [0.0], "count": [sum(LENGTHS)]}
        column(EPISODES, f"stats/{name}/std", lambda values: [[0.0] for _ in values])(path)
        for statistic in QUANTILES:
            column(EPISODES, f"stats/{name}/{statistic}", lambda values: [[7.0] for _ in values])(path)
        info(set_in(name, value=told), STATS)(path)


def larger_than_told(path: Path) -> None:
    info(set_in("data_files_size_in_mb", value=0.001))(path)


STATS = "meta/stats.json"
MUTATIONS: list[tuple[str, str, Callable[[Path], Any]]] = [
    ("readable", "no info", lambda path: (path / "meta/info.json").unlink()),
    ("readable", "version", info(set_in("codebase_version", value="v2.1"))),
    ("readable", "episodes not in order", column(EPISODES, "episode_index", lambda values: values[::-1])),
    ("readable", "no tasks", lambda path: (path / "meta/tasks.parquet").unlink()),
    ("readable", "a task without index", column("meta/tasks.parquet", "task_index", first(None))),
    ("readable", "a number as shape", info(set_in("features", "action", "shape", value=7))),
    ("readable", "a camera without shape", info(set_in("features", TOP, "shape", value=None))),
    ("info-entries", "no splits", info(lambda content: content.pop("splits"))),
    ("info-entries", "chunks as text", info(set_in("chunks_size", value="1000"))),
    ("features", "action without names", info(lambda content: content["features"]["action"].pop("names"))),
    ("features", "too few names", info(set_in("features", "action", "names", value=["a"]))),
    ("features", "index of another type", info(set_in("features", "index", "dtype", value="int32"))),
    (
        "camera-features",
        "no codec",
        info(lambda content: content["features"][TOP]["info"].pop("video.codec")),
    ),
    ("camera-features", "other shape", info(set_in("features", TOP, "shape", value=[48, 65, 3]))),
    ("camera-features", "other rate", info(set_in("features", TOP, "info", "video.fps", value=30))),
    ("totals", "frames", info(set_in("total_frames", value=17))),
    ("totals", "episodes", info(set_in("total_episodes", value=4))),
    ("totals", "tasks", info(set_in("total_tasks", value=1))),
    ("splits", "beyond the end", info(set_in("splits", value={"train": "0:4"}))),
    ("splits", "none", info(set_in("splits", value={}))),
    (
        "tasks",
        "twice",
        lambda path: write_tasks(path / "meta/tasks.parquet", ["pick the cup", "pick the cup"]),
    ),
    (
        "tasks",
        "no index",
        table(lambda known: known.replace_schema_metadata({}), "meta/tasks.parquet"),
    ),
    (
        "tasks",
        "metadata cut off",
        table(lambda known: known.replace_schema_metadata({"pandas": "{"}), "meta/tasks.parquet"),
    ),
    ("tasks", "in another order", table(lambda known: known.take([1, 0]), "meta/tasks.parquet")),
    ("episode-rows", "gap", column(EPISODES, "dataset_from_index", lambda values: [*values[:2], 13])),
    ("episode-rows", "unknown task", column(EPISODES, "tasks", first(["sing"]))),
    ("data-files", "surplus file", copied(DATA, DATA.replace("file-000", "file-001"))),
    ("data-files", "too large", larger_than_told),
    ("data-columns", "missing", table(lambda known: known.drop_columns(["action"]))),
    ("data-columns", "video", table(lambda known: known.append_column(TOP, known["index"]))),
    (
        "data-columns",
        "another type",
        table(lambda known: known.set_column(0, "observation.state", known["index"])),
    ),
    (
        "data-columns",
        "wider numbers",
        table(
            lambda known: known.set_column(
                known.column_names.index("timestamp"), "timestamp", known["timestamp"].cast("double")
            )
        ),
    ),
    (
        "data-columns",
        "metadata of other columns",
        table(lambda known: known.replace_schema_metadata({"huggingface": '{"info": {"features": {}}}'})),
    ),
    (
        "data-columns",
        "metadata cut off",
        table(lambda known: known.replace_schema_metadata({"huggingface": "{"})),
    ),
    ("data-rows", "episodes in another order", table(lambda known: known.take([*range(5, 16), *range(5)]))),
    ("data-rows", "a row too few", table(lambda known: known.slice(0, len(known) - 1))),
    ("data-rows", "a row of no episode", column(DATA, "episode_index", lambda values: [*values[:-1], 9])),
    ("data-rows", "frames", column(DATA, "frame_index", first(3))),
    ("data-rows", "index", column(DATA, "index", first(3))),
    ("data-rows", "no such task", column(DATA, "task_index", first(7))),
    ("data-rows", "another task", column(DATA, "task_index", first(1))),
    ("timestamps", "drift", column(DATA, "timestamp", lambda values: [value * 1.0001 for value in values])),
    ("timestamps", "one", column(DATA, "timestamp", first(0.001))),
    ("readable", "no pattern of videos", info(set_in("video_path", value=None))),
    ("video-files", "surplus file", copied(VIDEO, VIDEO.replace("file-000", "file-001"))),
    ("video-files", "missing", lambda path: (path / VIDEO).unlink()),
    ("video-files", "too large", info(set_in("video_files_size_in_mb", value=0.001))),
    ("video-formats", "codec", video([16], codec="av1")),
    ("video-formats", "size", video([16], width=66)),
    ("video-formats", "cut off", cut_with_its_index_at_the_end),
    ("video-frame-times", "rate", video([16], rate=11)),
    (
        "video-segments",
        "drift",
        column(EPISODES, f"videos/{TOP}/from_timestamp", lambda values: [0.0, 0.502, 1.2]),
    ),
    (
        "video-segments",
        "overlap",
        column(EPISODES, f"videos/{TOP}/from_timestamp", lambda values: [0.0, 0.4, 1.2]),
    ),
    ("video-segments", "length", column(EPISODES, f"videos/{TOP}/to_timestamp", first(0.6))),
    ("video-frame-counts", "a frame too many", video([17])),
    ("video-frame-counts", "a frame too few", video([15])),
    ("statistics", "no file", lambda path: (path / STATS).unlink()),
    ("statistics", "no object", written(STATS, "[1]")),
    ("statistics", "cut off", written(STATS, '{"action": ')),
    ("statistics", "nothing of a feature", info(set_in("action", value=None), STATS)),
    ("statistics", "text", info(set_in("action", "min", value="x"), STATS)),
    ("statistics", "ragged", info(set_in("action", "mean", value=[[1], [2, 3]]), STATS)),
    ("statistics", "quantiles", info(set_in("action", "q90", value=[99.0] * 7), STATS)),
    ("statistics", "quantiles the wrong way", info(set_in("timestamp", "q01", value=[0.6]), STATS)),
    ("statistics", "no camera", info(lambda content: content.pop(TOP), STATS)),
    ("statistics", "shape", info(set_in(TOP, "mean", value=[0.5, 0.5, 0.5]), STATS)),
    ("statistics", "not scaled", info(set_in(TOP, "max", value=[[[255]], [[255]], [[255]]]), STATS)),
    ("statistics", "nan", info(set_in("action", "mean", value=[float("nan")] * 7), STATS)),
    ("statistics", "impossible mean", info(set_in("timestamp", "mean", value=[99.0]), STATS)),
    ("statistics", "count", info(set_in("timestamp", "count", value=[0]), STATS)),
    ("episode-statistics", "of others", column(EPISODES, "stats/action/max", lambda values: values[::-1])),
    ("episode-statistics", "a row without numbers", without_a_row("action")),
    ("episode-statistics", "a row without a number", without_a_row("timestamp")),
    ("episode-statistics", "quantiles", column(EPISODES, "stats/timestamp/q50", first([9.0]))),
    (
        "episode-statistics",
        "missing",
        table(lambda known: known.drop_columns(["stats/action/std"]), EPISODES),
    ),
    (
        "episode-statistics",
        "no mean",
        table(lambda known: known.drop_columns([f"stats/{TOP}/mean"]), EPISODES),
    ),
    ("episode-statistics", "std", column(EPISODES, "stats/action/std", first([0.0] * 7))),
    ("statistics-together", "count", info(set_in("action", "count", value=[15]), STATS)),
    ("statistics-together", "mean", info(set_in("timestamp", "mean", value=[0.3001]), STATS)),
    ("statistics-together", "std", info(set_in("action", "std", value=[0.0] * 7), STATS)),
    ("statistics-together", "std of pictures", info(set_in(TOP, "std", value=[[[9.0]]] * 3), STATS)),
    (
        "augmentation",
        "videos that are not there",
        info(set_in("videos_stored_as", value={"videos/none.mp4": {}}), "meta/augmentation.json"),
    ),
    (
        "augmentation",
        "text for a number",
        info(
            lambda content: content["episodes"][0].update(origin_episode_index="0"), "meta/augmentation.json"
        ),
    ),
    (
        "augmentation",
        "unmarked",
        info(lambda content: content["features"][SIDE]["info"].pop("synthesised")),
    ),
    (
        "augmentation",
        "unknown origin",
        info(
            lambda content: content["episodes"][0].update(origin_episode_index=2 + len(LENGTHS)),
            "meta/augmentation.json",
        ),
    ),
    ("augmentation", "too few", info(lambda content: content["episodes"].pop(), "meta/augmentation.json")),
    ("augmentation", "keys", info(set_in("synthesised_keys", value=[TOP]), "meta/augmentation.json")),
]


def test_a_sound_dataset_has_no_findings(sound: Path) -> None:
    assert check_dataset(sound) == []


@pytest.mark.parametrize(
    "mutate",
    [table(lambda known: known.replace_schema_metadata({})), first_files_gone, statistics_of_another_place],
    ids=["no metadata", "first files gone", "statistics of another place"],
)
def test_what_lerobot_leaves_when_it_merges_and_deletes_is_sound(
    mutate: Callable[[Path], Any], sound: Path, tmp_path: Path
) -> None:
    edited = shutil.copytree(sound, tmp_path / "edited")
    mutate(edited)
    assert check_dataset(edited) == []


@pytest.mark.parametrize(
    ("rule", "mutate"), [pytest.param(r, m, id=f"{r}: {name}") for r, name, m in MUTATIONS]
)
def test_each_rule_catches_what_breaks_it(
    rule: str, mutate: Callable[[Path], Any], sound: Path, tmp_path: Path
) -> None:
    broken = shutil.copytree(sound, tmp_path / "broken")
    mutate(broken)
    found = check_dataset(broken)
    assert rule in {finding.rule for finding in found}, [str(each) for each in found]


def test_axes_of_cameras_go_by_their_names(sound: Path, tmp_path: Path) -> None:
    path = shutil.copytree(sound, tmp_path / "first")
    for name, value in (("shape", [3, 48, 64]), ("names", ["channels", "height", "width"])):
        info(set_in("features", TOP, name, value=value))(path)
    assert check_dataset(path) == []
    info(set_in("features", TOP, "names", value=["height", "width", "channels"]))(path)
    assert {finding.rule for finding in check_dataset(path)} == {"camera-features"}


def test_videos_may_be_stored_as_the_augmentation_tells(sound: Path, tmp_path: Path) -> None:
    path = shutil.copytree(sound, tmp_path / "other")
    video([16], codec="av1")(path)
    told = {VIDEO: {"video.codec": "av1", "video.pix_fmt": "yuv420p"}}
    info(set_in("videos_stored_as", value=told), "meta/augmentation.json")(path)
    assert check_dataset(path) == []
    video([16], codec="hevc")(path)
    assert {finding.rule for finding in check_dataset(path)} == {"video-formats"}


def test_columns_are_read_as_often_however_many_episodes_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: Counter[str] = Counter()

    class CountedTable:
        def __init__(self, known: pa.Table) -> None:
            self._known = known

        def __len__(self) -> int:
            return len(self._known)

        def __getitem__(self, key: str) -> Any:
            taken[key] += 1
            return self._known[key]

        def __getattr__(self, name: str) -> Any:
            return getattr(self._known, name)

    read = findings.read_table
    monkeypatch.setattr(findings, "read_table", lambda *given, **named: CountedTable(read(*given, **named)))
    counts = []
    for episodes in (2, 9):
        path = write_dataset(tmp_path / str(episodes), lengths=(2,) * episodes, keys=(TOP,))
        taken.clear()
        assert check_dataset(path) == []
        counts.append(dict(taken))
    assert counts[0] == counts[1]
    assert counts[0]["action"] >= 1


def test_every_rule_is_broken_above() -> None:
    assert {rule for rule, _, _ in MUTATIONS} == {*RULES, "readable"}


def test_pictures_in_rows_are_checked_too(tmp_path: Path) -> None:
    path = write_dataset(tmp_path / "cups", embedded=True, lengths=(3, 2))
    assert check_dataset(path) == []
