from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm, even_stamps_ns
from anyview_ros.offline.synthesize.windows import goes_on, plan_windows, read_windows, window_at
from anyview_ros.synthesis import MethodDescription


def method(
    fewest: int, most: int, step: int = 1, *, streams: bool = False, generative: bool = False
) -> MethodDescription:
    return MethodDescription(
        "m", "", generative, clip_frames=(fewest, most), clip_frames_step=step, streams=streams
    )


@given(
    count=st.integers(1, 200),
    fewest=st.integers(1, 20),
    steps=st.integers(0, 20),
    step=st.integers(1, 5),
    longest=st.integers(1, 60),
    streams=st.booleans(),
    generative=st.booleans(),
    overlap=st.integers(0, 30),
)
def test_windows_show_each_frame_once_and_fit_the_method(
    count: int,
    fewest: int,
    steps: int,
    step: int,
    longest: int,
    streams: bool,
    generative: bool,
    overlap: int,
) -> None:
    description = method(fewest, fewest + steps * step, step, streams=streams, generative=generative)
    if count < fewest:
        with pytest.raises(InvalidRequestError, match=f"{count} frames .* {fewest} or more"):
            plan_windows(count, description, longest, overlap)
        return
    windows = plan_windows(count, description, longest, overlap)
    shown = [index for window in windows for index in range(window.shown, window.stop)]
    assert shown == list(range(count))
    for window in windows:
        assert 0 <= window.first <= window.shown < window.stop <= count
        assert description.usable_frames(len(window)) == len(window) <= max(longest, fewest)
        assert window.first <= window.made
    for before, after in pairwise(windows):
        assert before.shown <= after.made, "no frame is made by more than two windows"
        assert after.blended == (min(overlap, len(after) // 2) if generative and not streams else 0)
    assert all(a.first < b.first for a, b in pairwise(windows))


def test_methods_with_a_memory_are_shown_earlier_frames_anew() -> None:
    remembering = plan_windows(100, method(1, 1000, streams=True), 48)
    assert {window.shown - window.first for window in remembering[1:-1]} == {16}
    forgetting = plan_windows(100, method(1, 1000), 48)
    assert [window.shown - window.first for window in forgetting[:-1]] == [0, 0]
    assert len(plan_windows(40, method(1, 1000, streams=True), 48)) == 1


def test_methods_that_imagine_are_blended_over_the_overlap() -> None:
    windows = plan_windows(100, method(13, 41, 4, generative=True), 41, 8)
    told = [(w.first, w.made, w.shown, w.stop) for w in windows]
    assert told == [(0, 0, 0, 41), (33, 33, 41, 74), (59, 66, 74, 100)]
    hard = plan_windows(100, method(13, 41, 4, generative=True), 41, 0)
    assert [(w.first, w.made, w.shown) for w in hard] == [(0, 0, 0), (41, 41, 41), (59, 82, 82)]
    with pytest.raises(InvalidRequestError, match="overlap is -1"):
        plan_windows(100, method(1, 10), 10, -1)


def test_methods_that_fit_a_scene_to_each_window_are_blended_too() -> None:
    fits = replace(method(2, 1000, streams=True), default_steps=300, fits_each_clip=True)
    assert not goes_on(fits)
    assert {window.blended for window in plan_windows(100, fits, 40, 8)[1:]} == {8}
    fitted = replace(fits, default_steps=0, fits_each_clip=False)  # a scene is loaded
    assert goes_on(fitted)
    assert {window.blended for window in plan_windows(100, fitted, 40, 8)} == {0}


@pytest.mark.parametrize("name", ["any4d", "ddr", "zeronvs"])
def test_a_method_that_streams_and_has_a_fitter_too_goes_on(name: str) -> None:
    live = replace(method(1, 1000, streams=True, generative=True), name=name, default_steps=10)
    assert goes_on(live)
    assert {window.blended for window in plan_windows(100, live, 40, 8)} == {0}


def test_clips_of_fixed_length_at_the_end_begin_earlier() -> None:
    windows = plan_windows(50, method(13, 41, 4))
    assert [(w.first, w.stop, w.shown) for w in windows] == [(0, 41, 0), (9, 50, 41)]


def test_the_window_of_an_instant() -> None:
    lone = window_at(30, 50, method(1, 1000))
    assert (lone.first, lone.stop) == (30, 31)
    remembering = window_at(30, 50, method(1, 1000, streams=True))
    assert (remembering.first, remembering.stop) == (14, 31)
    early = window_at(3, 50, method(13, 41, 4))
    assert (early.first, early.stop) == (0, 13)
    with pytest.raises(InvalidRequestError, match="12 frames"):
        window_at(3, 12, method(13, 41, 4))


def test_no_window_at_all_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="window is 0"):
        plan_windows(5, method(1, 10), 0)


def test_frames_are_read_once_and_in_order() -> None:
    read: list[int] = []

    def frames(wanted: range) -> Iterator[FilmFrame]:
        for index in wanted:
            read.append(index)
            yield FilmFrame(np.full((4, 4, 3), index, np.uint8))

    poses = np.tile(np.eye(4), (30, 1, 1))
    poses[:, 0, 3] = np.arange(30)
    film = PosedFilm("cam", PinholeCamera(4, 4, 1.5, 1.5, 4, 4), poses, even_stamps_ns(30, 10), frames)
    windows = plan_windows(30, method(1, 12, streams=True))
    for window, clip in zip(windows, read_windows(film, windows), strict=True):
        expected = list(range(window.first, window.stop))
        assert clip.frames[:, 0, 0, 0].tolist() == expected
        assert clip.camera_to_world[:, 0, 3].tolist() == expected
        assert read[-1] == window.stop - 1, "no frame is read before its window"
    assert read == list(range(30))
