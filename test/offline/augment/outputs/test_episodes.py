from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import box_clip
from png_text import read_png_text
from spooled_views import mirrored_view, part_of

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import invert_rigid
from anyview_ros.offline.augment.file_hashes import hashed_files
from anyview_ros.offline.augment.outputs.episodes import EpisodesFormat
from anyview_ros.offline.augment.release_episode import ReleaseEpisode, open_release_episodes
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import EpisodeCamera
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.offline.episodes import Episode
from anyview_ros.offline.posed_film import PosedFilm

ADD = AugmentSettings(("vista_small",), format="episodes")
APPEND = replace(ADD, mode="append-episode")


@pytest.fixture
def source(tmp_path: Path) -> ReleaseEpisode:
    clips = {"a": box_clip(3, depth=False, period_ns=10**8), "b": box_clip(3, x=1.0, period_ns=10**8)}
    write_episode(
        tmp_path / "in" / "e", clips, roles={"b": "input", "a": "target"}, metadata={"task": "pick a cup"}
    )
    entry = tmp_path / "in" / "e" / "lowdim" / "b" / "0000000001.npz"
    with np.load(entry) as values:
        np.savez(entry, **values, joints=np.arange(7.0))
    (opened,) = open_release_episodes(tmp_path / "in" / "e", ADD)
    return opened


def written(settings: AugmentSettings, source: ReleaseEpisode, folder: Path, name: str = "") -> Path:
    view = mirrored_view(source.film("b"), folder / "spool")
    output_format = EpisodesFormat(settings)
    output_format.check([source])
    output_format.write_part(source, [view], folder / "part")
    (folder / "out").mkdir()
    output_format.assemble([part_of(folder / "part", source, [view], name)], folder / "out")
    return folder / "out"


def test_added_cameras_leave_the_rest_as_it_was(source: ReleaseEpisode, tmp_path: Path) -> None:
    folder = written(ADD, source, tmp_path) / "e"
    before, after = hashed_files(source.path), hashed_files(folder)
    assert {path: after[path] for path in before if path != "metadata.json"} == {
        path: known for path, known in before.items() if path != "metadata.json"
    }
    opened = Episode.open(folder)
    assert opened.cameras == ("a", "b", "left")
    assert dict(opened.roles) == {"a": "target", "b": "input", "left": "synthesised"}
    assert opened.metadata["task"] == "pick a cup"
    told = opened.metadata["synthesised"]["left"]
    assert (told["source_camera"], told["method"], told["synthesised"]) == ("b", "mirrored", True)
    read, film = opened.clip("left"), source.film("b")
    np.testing.assert_array_equal(read.frames, box_clip(3).frames[:, :, ::-1])
    np.testing.assert_array_equal(read.stamps_ns, film.stamps_ns)
    np.testing.assert_allclose(read.camera_to_world[:, 0, 3], 1.1)
    text = read_png_text(folder / "rgb" / "left" / "0000000001.png")
    assert "computed, not filmed" in text["Comment"]
    assert json.loads(text["Provenance"])["method"] == "mirrored"


def test_an_appended_copy_has_the_view_in_its_source_s_place(source: ReleaseEpisode, tmp_path: Path) -> None:
    output = written(APPEND, source, tmp_path)
    assert hashed_files(output / "e") == hashed_files(source.path)
    copy = Episode.open(output / "e__left")
    assert copy.cameras == ("a", "b")
    assert dict(copy.roles) == dict(source.episode.roles)
    np.testing.assert_array_equal(copy.clip("b").frames, box_clip(3).frames[:, :, ::-1])
    np.testing.assert_array_equal(copy.clip("a").frames, source.episode.clip("a").frames)
    assert copy.clip("b").depth is None
    assert copy.metadata["synthesised"]["b"]["view"] == "left"
    with np.load(output / "e__left" / "lowdim" / "b" / "0000000001.npz") as values:
        np.testing.assert_array_equal(values["joints"], np.arange(7.0))
        assert values["extrinsics"][0, 3] == pytest.approx(1.1)
    assert json.loads((output / "augmentation.json").read_text())["copies"] == [
        {"episode": "e__left", "origin": "e", "replaced": "b", "view": "left"}
    ]


@pytest.mark.parametrize("settings", [ADD, APPEND])
def test_the_same_in_gives_the_same_bytes(
    settings: AugmentSettings, source: ReleaseEpisode, tmp_path: Path
) -> None:
    one, two = (written(settings, source, tmp_path / name) for name in ("1", "2"))
    assert hashed_files(one) == hashed_files(two)


def test_an_episode_may_be_named_otherwise_in_the_output(source: ReleaseEpisode, tmp_path: Path) -> None:
    output = written(APPEND, source, tmp_path, name="e_2")
    assert sorted(path.name for path in output.iterdir()) == ["augmentation.json", "e_2", "e_2__left"]


def test_extrinsics_keep_their_direction(source: ReleaseEpisode, tmp_path: Path) -> None:
    metadata = source.path / "metadata.json"
    content = json.loads(metadata.read_text()) | {"extrinsics": {"transform": "world2cam"}}
    metadata.write_text(json.dumps(content))
    (reopened,) = open_release_episodes(source.path, ADD)
    for settings, name, camera in ((ADD, "e", "left"), (APPEND, "e__left", "b")):
        read = Episode.open(written(settings, reopened, tmp_path / settings.mode) / name).clip(camera)
        expected = invert_rigid(box_clip(3, x=1.0).camera_to_world)
        expected[:, :3, 3] += 0.1 * expected[:, :3, 0]
        np.testing.assert_allclose(read.camera_to_world, expected, atol=1e-12)


def test_stacked_lowdim_stays_stacked_in_a_copy(source: ReleaseEpisode, tmp_path: Path) -> None:
    lowdim = source.path / "lowdim"
    clip = box_clip(3, x=1.0)
    for file in (lowdim / "b").iterdir():
        file.unlink()
    (lowdim / "b").rmdir()
    np.savez(
        lowdim / "b.npz",
        timestep=np.arange(3),
        intrinsics=clip.camera.matrix,
        extrinsics=clip.camera_to_world,
        joints=np.arange(21.0).reshape(3, 7),
    )
    (reopened,) = open_release_episodes(source.path, APPEND)
    output = written(APPEND, reopened, tmp_path)
    with np.load(output / "e__left" / "lowdim" / "b.npz") as values:
        np.testing.assert_array_equal(values["joints"], np.arange(21.0).reshape(3, 7))
    np.testing.assert_allclose(Episode.open(output / "e__left").clip("b").camera_to_world[:, 0, 3], 1.1)


class Filmed:
    """The same episode as some other format would give it: films, and nothing else."""

    kind = "bag"
    losses = ()

    def __init__(self, source: ReleaseEpisode, late_ns: int = 0) -> None:
        self._source, self._late_ns = source, late_ns
        self.name, self.path = source.name, source.path
        self.cameras = (
            EpisodeCamera("/front/color", has_depth=True),
            EpisodeCamera("/rear", usable=False, reason="it has no camera_info"),
        )

    def film(self, camera: str) -> PosedFilm:
        film = self._source.film("b")
        stamps = film.stamps_ns + np.array([5, 5 + self._late_ns, 5], np.int64)
        return replace(film, name=camera, stamps_ns=stamps)


@pytest.mark.parametrize("mode", ["add-camera", "append-episode"])
def test_films_become_an_episode(mode: str, source: ReleaseEpisode, tmp_path: Path) -> None:
    filmed = Filmed(source, late_ns=99_000_000)
    view = mirrored_view(filmed.film("/front/color"), tmp_path / "spool", "arc_0")
    output_format = EpisodesFormat(replace(ADD, mode=mode, confidence=True))
    output_format.check([filmed])
    output_format.write_part(filmed, [view], tmp_path / "part")
    (tmp_path / "out").mkdir()
    output_format.assemble([part_of(tmp_path / "part", filmed, [view])], tmp_path / "out")
    appended = mode == "append-episode"
    opened = Episode.open(tmp_path / "out" / ("e__arc_0" if appended else "e"))
    name = "front_color" if appended else "arc_0"
    assert opened.cameras == (("front_color",) if appended else ("arc_0", "front_color"))
    assert opened.roles[name] == "synthesised"
    assert opened.metadata["left_out"] == {"/rear": "it has no camera_info"}
    read = opened.clip(name)
    np.testing.assert_array_equal(
        read.stamps_ns, [5, 199_000_005, 200_000_005]
    )  # exact, whatever the timestep
    np.testing.assert_array_equal(read.frames, box_clip(3).frames[:, :, ::-1])
    original = Episode.open(tmp_path / "out" / "e").clip("front_color")
    np.testing.assert_array_equal(original.frames, box_clip(3).frames)
    assert original.depth is not None
    np.testing.assert_allclose(original.depth, box_clip(3).depth, atol=5e-4)
    assert len(list((tmp_path / "out").rglob("confidence/*/*.png"))) == 3
    size = sum(known for known, _ in hashed_files(tmp_path / "out").values())
    assert size < output_format.bytes_needed(filmed, 48 * 64 * 3 * 2, 3)


def test_what_cannot_be_held_is_refused(source: ReleaseEpisode, tmp_path: Path) -> None:
    filmed = Filmed(source)
    filmed.cameras = filmed.cameras[1:]
    with pytest.raises(InvalidInputError, match="no camera_info"):
        EpisodesFormat(ADD).check([filmed])
    view = mirrored_view(source.film("b"), tmp_path / "spool", "a")
    with pytest.raises(InvalidInputError, match="has a camera a already"):
        EpisodesFormat(ADD).write_part(source, [view], tmp_path / "part")
    short = mirrored_view(source.film("b").sliced(slice(0, 2)), tmp_path / "spool")
    with pytest.raises(InvalidInputError, match="from the whole episode"):
        EpisodesFormat(ADD).write_part(source, [short], tmp_path / "part2")


def test_two_episodes_of_one_name_are_refused(source: ReleaseEpisode, tmp_path: Path) -> None:
    output_format = EpisodesFormat(ADD)
    output_format.write_part(source, [], tmp_path / "part")
    (tmp_path / "out").mkdir()
    part = part_of(tmp_path / "part", source, [])
    with pytest.raises(InvalidInputError, match="two episodes would be named e;"):
        output_format.assemble([part, part], tmp_path / "out")


def test_the_guess_of_the_size_holds(source: ReleaseEpisode, tmp_path: Path) -> None:
    for settings in (ADD, APPEND):
        output = written(settings, source, tmp_path / settings.mode)
        size = sum(known for known, _ in hashed_files(output).values())
        assert size < EpisodesFormat(settings).bytes_needed(source, 48 * 64 * 3, 3) < 30 * size
