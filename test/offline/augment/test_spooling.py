from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filmed_episode import FilmedEpisode, grey_film, robot_episode
from imagining import ImaginingFake

from anyview_ros.errors import InvalidRequestError, ReadError, SynthesisCancelled
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.copy_source import CopySource
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.augment.spooling import quantised, spool_views
from anyview_ros.offline.augment.view_plans import DrawnView, parse_views
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm
from anyview_ros.synthesis import SynthesisRequest, Synthesizer

SETTINGS = AugmentSettings(views=("vista_small",), longest_window=17, overlap=6)


def draw(episode: FilmedEpisode, *texts: str, **arguments: int) -> list[DrawnView]:
    film = episode.film("front")
    return [sampler.draw(episode, film, **arguments) for sampler in parse_views(texts)]


def spool(
    episode: FilmedEpisode,
    synthesizer: Synthesizer,
    folder: Path,
    *texts: str,
    settings: AugmentSettings = SETTINGS,
) -> list[SpooledView]:
    return spool_views(episode.film("front"), draw(episode, *texts), synthesizer, settings, folder)


def greys(view: SpooledView) -> np.ndarray:
    return np.array([int(frame.image[0, 0, 0]) for frame in view.frames()])


def of_greys(count: int) -> FilmedEpisode:
    return FilmedEpisode({"front": grey_film(count)})


def test_views_have_the_sources_stamps_and_say_where_they_come_from(tmp_path: Path) -> None:
    episode = robot_episode()
    moving, still = spool(episode, Reprojection(), tmp_path, "vista_small", "vista_arc")
    film = episode.film("front")
    for view in (moving, still):
        assert len(view) == len(film) == sum(1 for _ in view.frames())
        assert view.stamps_ns.tolist() == film.stamps_ns.tolist()
        assert view.source == "front"
        assert view.provenance["method"] == "reprojection"
        assert view.provenance["synthesised"] is True
        assert view.provenance["options"]["fill_holes"] is True
        assert view.provenance["source"] == "front"
        assert view.folder == tmp_path / view.name
    assert (moving.fixed, still.fixed) == (False, True)
    assert moving.provenance["sampler"] == "vista_small"


@pytest.mark.parametrize("method", [CopySource, Reprojection])
def test_a_long_film_gives_the_same_as_one_request(method, tmp_path: Path) -> None:
    episode = robot_episode()
    film = episode.film("front")
    drawn = draw(episode, "vista_small", "vista_arc:size=120x90")
    views = spool_views(film, drawn, method(), replace(SETTINGS, longest_window=3), tmp_path)
    clip = film.clip(list(film.frames(range(len(film)))), 0)
    whole = method().synthesize(SynthesisRequest((clip,), tuple(d.target.trajectory for d in drawn)))
    for view, made in zip(views, whole.views, strict=True):
        for index, frame in enumerate(view.frames()):
            np.testing.assert_array_equal(frame.image, made.frames[index])
            expected = np.round(made.confidence[index].astype(np.float64) * 255)
            assert np.abs(frame.confidence - expected).max() <= 1
        last = view.frame(len(view) - 1)
        np.testing.assert_array_equal(last.image, made.frames[-1])
        assert sum(int(each.sum()) for each in view.confidences()) == sum(
            int(frame.confidence.sum()) for frame in view.frames()
        )


def test_windows_that_disagree_leave_no_seam(tmp_path: Path) -> None:
    offsets = (0, 60, 20)
    episode = of_greys(40)
    (hard,) = spool(
        episode, ImaginingFake(offsets), tmp_path / "hard", "fixed", settings=replace(SETTINGS, overlap=0)
    )
    changes = np.abs(np.diff(greys(hard)))
    assert changes[[16, 33]].tolist() == [
        61,
        39,
    ]  # the last frames of two windows; each imagines another grey
    assert np.median(changes) == 1
    method = ImaginingFake(offsets)
    (faded,) = spool(episode, method, tmp_path / "faded", "fixed")
    assert method.clips == [17, 17, 17, 17]
    assert len(greys(faded)) == 40
    assert np.abs(np.diff(greys(faded))).max() <= np.ceil(60 / 7) + 1, (
        "six frames spread the jump over seven steps"
    )
    assert greys(faded)[:11].tolist() == list(range(11)), "what only one window made is left as it is"


def test_windows_that_agree_are_as_one(tmp_path: Path) -> None:
    (view,) = spool(of_greys(60), ImaginingFake((7,)), tmp_path, "fixed")
    assert greys(view).tolist() == [index + 7 for index in range(60)]


def test_methods_that_do_not_imagine_are_not_asked_twice(tmp_path: Path) -> None:
    method = ImaginingFake((0,), clip_frames=(1, 10), step=1, generative=False)
    spool(of_greys(40), method, tmp_path, "fixed")
    assert method.clips == [10, 10, 10, 10]


def test_all_windows_have_one_seed_and_later_attempts_another(tmp_path: Path) -> None:
    episode = of_greys(40)
    seeds = {}
    for attempt in (0, 1):
        method = ImaginingFake()
        drawn = draw(episode, "fixed:in=source", attempt=attempt, seed=9)
        (view,) = spool_views(episode.film("front"), drawn, method, SETTINGS, tmp_path / str(attempt))
        assert len(set(method.seeds)) == 1
        assert view.provenance["seed"] == method.seeds[0]
        seeds[attempt] = method.seeds[0]
    assert seeds[0] == 9
    assert seeds[1] != 9


def test_views_of_two_attempts_are_made_apart_in_the_order_asked_for(tmp_path: Path) -> None:
    episode = of_greys(13)
    first, second = (
        draw(episode, "fixed:in=source,name=a"),
        draw(episode, "fixed:in=source,name=b", attempt=1),
    )
    told: list[tuple[float, int]] = []
    method = ImaginingFake((0, 100))
    views = spool_views(
        episode.film("front"),
        [*second, *first],
        method,
        SETTINGS,
        tmp_path,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [view.name for view in views] == ["b", "a"]
    assert [greys(view)[0] for view in views] == [0, 100]
    assert told[-1] == (26, 26)
    assert all(total == 26 for _, total in told)


def test_progress_counts_every_picture_once(tmp_path: Path) -> None:
    for method, folder in ((ImaginingFake(), "windows"), (CopySource(), "stream")):
        told: list[float] = []
        episode = of_greys(50)
        spool_views(
            episode.film("front"),
            draw(episode, "fixed", "fixed:in=source"),
            method,
            SETTINGS,
            tmp_path / folder,
            progress=lambda done, total, told=told: told.append(done / total),
        )
        assert told == sorted(told)
        assert told[-1] == 1


class Cancel:
    """Set once it has been looked at so often."""

    def __init__(self, after: int) -> None:
        self.left = after

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("method", [CopySource, ImaginingFake])
def test_cancelled_work_leaves_nothing_behind(method, tmp_path: Path) -> None:
    episode = of_greys(60)
    threads = set(threading.enumerate())
    with pytest.raises(SynthesisCancelled):
        spool_views(
            episode.film("front"), draw(episode, "fixed"), method(), SETTINGS, tmp_path, cancel=Cancel(3)
        )
    assert list(tmp_path.iterdir()) == []
    assert set(threading.enumerate()) <= threads


@pytest.mark.parametrize("method", [CopySource, ImaginingFake])
def test_a_film_that_breaks_off_is_an_error(method, tmp_path: Path) -> None:
    film = grey_film(60)

    def read(wanted: range):
        for index, frame in zip(wanted, film.read(wanted), strict=True):
            if index == 30:
                raise ReadError("the bag ends here")
            yield frame

    broken = replace(film, read=read)
    episode = FilmedEpisode({"front": film})
    with pytest.raises(ReadError, match="the bag ends here"):
        spool_views(broken, draw(episode, "fixed"), method(), SETTINGS, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", [CopySource, ImaginingFake])
def test_a_disk_that_fails_is_an_error(method, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anyview_ros.offline.augment.spool import SpoolWriter

    def full(self: SpoolWriter, frame: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SpoolWriter, "add", full)
    threads = set(threading.enumerate())
    with pytest.raises(OSError, match="No space left"):
        spool(of_greys(200), method(), tmp_path, "fixed")
    assert list(tmp_path.iterdir()) == []
    assert set(threading.enumerate()) <= threads


class Watching:
    """A film's frames, of which it is counted how many are alive."""

    def __init__(self, film: PosedFilm) -> None:
        self.film, self.alive, self.most = film, 0, 0
        self.lock = threading.Lock()

    def read(self, wanted: range):
        import weakref

        for frame in self.film.read(wanted):
            image = frame.image.copy()
            with self.lock:
                self.alive += 1
                self.most = max(self.most, self.alive)
            weakref.finalize(image, self._gone)
            yield FilmFrame(image)
            del image, frame

    def _gone(self) -> None:
        with self.lock:
            self.alive -= 1


@pytest.mark.parametrize(("method", "bound"), [(CopySource, 15), (ImaginingFake, 17 + 8)])
def test_no_more_than_a_window_is_held(method, bound: int, tmp_path: Path) -> None:
    most = {}
    for count in (60, 240):
        film = grey_film(count)
        watching = Watching(film)
        drawn = draw(FilmedEpisode({"front": film}), "fixed")
        spool_views(replace(film, read=watching.read), drawn, method(), SETTINGS, tmp_path / str(count))
        most[count] = watching.most
    assert most[240] <= bound


@pytest.mark.parametrize(
    ("settings", "method", "message"),
    [
        (replace(SETTINGS, options=("scale=3",)), CopySource(), "has no options"),
        (replace(SETTINGS, steps=5), CopySource(), "does not sample in steps"),
        (SETTINGS, ImaginingFake(clip_frames=(50, 90)), "takes clips of 50 or more"),
    ],
)
def test_what_the_method_cannot_do_is_refused(
    settings: AugmentSettings, method: Synthesizer, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        spool(of_greys(10), method, tmp_path, "fixed", settings=settings)
    assert list(tmp_path.iterdir()) == []


def test_confidence_is_rounded_to_the_nearest_level() -> None:
    levels = np.arange(256, dtype=np.float32) / np.float32(255)
    np.testing.assert_array_equal(quantised(levels.reshape(16, 16)), np.arange(256).reshape(16, 16))
    rng = np.random.default_rng(0)
    values = rng.random((40, 33), np.float32)
    assert np.abs(quantised(values) - values * 255).max() <= 0.5 + 1e-4


def test_views_may_have_sizes_of_their_own(tmp_path: Path) -> None:
    small, large = spool(of_greys(4), CopySource(), tmp_path, "fixed:size=8x6", "fixed:in=source,size=40x30")
    assert next(small.frames()).image.shape == (6, 8, 3)
    assert next(large.frames()).confidence.shape == (30, 40)
    assert isinstance(small.camera, PinholeCamera)
