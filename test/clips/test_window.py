from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.clips import DropReason, SlidingWindow
from anyview_ros.errors import (
    ClipNotReadyError,
    InvalidClipError,
    InvalidInputError,
    InvalidPoseError,
    WindowClosedError,
)
from anyview_ros.geometry import PinholeCamera

MS = 1_000_000
CAMERA = PinholeCamera(10.0, 10.0, 3.5, 1.5, 8, 4)
START = 1_000_000 * MS


def frame(value=0, camera=CAMERA):
    return np.full((camera.height, camera.width, 3), value % 256, np.uint8)


def pose(x=0.0):
    matrix = np.eye(4)
    matrix[0, 3] = x
    return matrix


def add(window, ms, camera=CAMERA, depth=None):
    return window.add(frame(int(ms), camera), camera, pose(ms), START + round(ms * MS), depth)


def fill(window, *stamps_ms):
    return [add(window, ms) for ms in stamps_ms]


def held_ms(window):
    return [(stamp - START) / MS for stamp in window.stamps_ns]


def clip_ms(clip):
    return [(int(stamp) - START) / MS for stamp in clip.stamps_ns]


# --- settings


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "length_frames"),
        ({"length_frames": 3, "length_s": 1.0}, "exactly one"),
        ({"length_frames": 0}, "length_frames is 0"),
        ({"length_s": -1.0}, "length_s is -1"),
        ({"length_frames": 3, "rate_hz": float("nan")}, "rate_hz is nan"),
        ({"length_s": 1.0}, "length_s is 1.0 but there is no rate_hz"),
        ({"length_frames": 3, "rate_hz": 10, "max_gap_s": 0.05}, "max_gap_s is 0.05"),
    ],
)
def test_refuses_settings_by_name(arguments, named):
    with pytest.raises(InvalidInputError, match=named):
        SlidingWindow(**arguments)


def test_length_in_seconds_is_frames_at_the_rate():
    assert SlidingWindow(length_s=1.0, rate_hz=10).length_frames == 10
    assert SlidingWindow(length_s=0.01, rate_hz=10).length_frames == 1


# --- what is taken


def test_frames_come_out_as_they_went_in():
    window = SlidingWindow(length_frames=2)
    depths = [np.full((4, 8), depth, np.float32) for depth in (1.5, 2.5)]
    add(window, 10, depth=depths[0])
    add(window, 20, depth=depths[1])
    clip = window.latest()
    np.testing.assert_array_equal(clip.frames, np.stack([frame(10), frame(20)]))
    np.testing.assert_array_equal(clip.camera_to_world, np.stack([pose(10), pose(20)]))
    np.testing.assert_array_equal(clip.depth, np.stack(depths))
    assert clip.camera == CAMERA
    assert clip_ms(clip) == [10, 20]


def test_clip_has_no_depth_if_one_frame_lacks_it():
    window = SlidingWindow(length_frames=2)
    add(window, 10, depth=np.ones((4, 8), np.float32))
    add(window, 20)
    assert window.latest().depth is None


def test_orders_by_stamp_and_drops_duplicates():
    window = SlidingWindow(length_frames=4)
    dropped = fill(window, 30, 10, 20, 20, 40)
    assert dropped == [None, None, None, DropReason.DUPLICATE, None]
    assert held_ms(window) == [10, 20, 30, 40]
    assert clip_ms(window.latest()) == [10, 20, 30, 40]
    assert [int(image[0, 0, 0]) for image in window.latest().frames] == [10, 20, 30, 40]


def test_late_frame_with_no_room_is_dropped():
    window = SlidingWindow(length_frames=2)
    assert fill(window, 20, 30, 10)[-1] is DropReason.LATE
    assert held_ms(window) == [20, 30]


def test_late_frame_older_than_what_is_kept_is_dropped():
    window = SlidingWindow(length_frames=6, rate_hz=10)
    fill(window, 1600, 1700)
    assert add(window, 1099) is DropReason.LATE  # kept are five periods and one for the tolerance
    assert add(window, 1100) is None
    assert held_ms(window) == [1100, 1600, 1700]


def test_a_late_frame_takes_its_place_in_the_next_clip():
    window = SlidingWindow(length_frames=2)
    fill(window, 10, 30)
    assert clip_ms(window.latest()) == [10, 30]
    assert add(window, 20) is None
    assert clip_ms(window.latest()) == [20, 30]


@pytest.mark.parametrize("stamp", [0, -5])
def test_zero_stamp_is_dropped(stamp):
    window = SlidingWindow(length_frames=1)
    assert window.add(frame(), CAMERA, pose(), stamp) is DropReason.ZERO_STAMP
    assert "1 dropped as zero_stamp" in window.problem()


def test_takes_the_target_rate_from_a_faster_camera():
    window = SlidingWindow(length_frames=5, rate_hz=10)
    dropped = fill(window, *np.arange(0, 1000, 1000 / 30))
    assert dropped.count(None) == 10
    assert set(dropped) == {None, DropReason.TOO_SOON}
    assert np.diff(clip_ms(window.latest())) == pytest.approx([100] * 4, abs=0.01)


def test_thirty_to_twenty_hertz_keeps_the_mean_rate():
    window = SlidingWindow(length_frames=8, rate_hz=20)
    dropped = fill(window, *np.arange(0, 2000, 1000 / 30))
    assert 39 <= dropped.count(None) <= 41
    assert len(window.latest()) == 8


@pytest.mark.parametrize("source_hz", [9.9, 10.0, 10.1])
def test_camera_near_the_target_rate_loses_nothing(source_hz):
    window = SlidingWindow(length_frames=3, rate_hz=10)
    jitter = np.random.default_rng(0).uniform(-8, 8, 1000)
    assert set(fill(window, *(np.arange(1000) * 1000 / source_hz + jitter + 10))) == {None}


def ready_share(source_hz, jitter_ms, frames, *, rate_hz=10, seed=0):
    """At which share of the frames of a camera a window of two seconds has a clip, once it is full."""
    generator = np.random.default_rng(seed)
    count = int(8 * source_hz)
    stamps = np.sort(np.arange(count) * 1000 / source_hz + generator.normal(0, jitter_ms, count)) + 1000
    window = SlidingWindow(length_s=2.0, rate_hz=rate_hz)
    ready = []
    for ms in stamps:
        add(window, ms)
        if ms > 3500:
            ready.append(not window.problem(frames=frames))
            if ready[-1]:
                check_clip_at(window.latest(frames=frames), frames, round(1e9 / rate_hz))
    return np.mean(ready)


def check_clip_at(clip, frames, period_ns):
    assert len(clip) == frames
    off = clip.stamps_ns + period_ns * np.arange(len(clip))[::-1]
    assert (
        off.max() - off.min() <= period_ns
    )  # never further from some instants, a period apart, than half of one
    assert abs(np.diff(clip.stamps_ns).mean() - period_ns) <= period_ns / (frames - 1)  # and no drift


@pytest.mark.parametrize("frames", [13, 20])
@pytest.mark.parametrize(
    "source_hz", [10, 10.1, 10.5, 11, 12, 12.5, 13, 14, 15, 16, 17, 18, 19, 20, 24, 25, 27, 29.97, 30, 60]
)
def test_a_faster_camera_always_gives_a_clip(source_hz, frames):
    assert ready_share(source_hz, 0.0, frames) == 1.0
    assert ready_share(source_hz, 3.0, frames) > 0.9


@settings(max_examples=15)
@given(st.floats(10.0, 90.0), st.floats(0.0, 2.0), st.integers(2, 20), st.integers(0, 2**32))
def test_a_camera_of_any_rate_above_the_windows_gives_clips(source_hz, jitter_ms, frames, seed):
    assert ready_share(source_hz, jitter_ms, frames, seed=seed) > 0.85


def test_a_camera_slower_than_the_window_gives_none():
    assert ready_share(9.0, 3.0, 20) == 0.0


def test_the_newest_frame_may_be_the_one_off_its_instant():
    window = SlidingWindow(length_frames=4, rate_hz=10)
    fill(window, 0, 60, 120, 240, 300, 360)  # at 16.7 Hz, without the frame at 180
    assert held_ms(window) == [0, 120, 240, 300]
    assert clip_ms(window.latest()) == [0, 120, 240, 300]
    assert clip_ms(window.latest(frames=2)) == [240, 300]


def test_resampling_takes_the_nearest_frames():
    window = SlidingWindow(length_frames=3, rate_hz=10)
    fill(window, 0, 95, 204, 299)
    assert clip_ms(window.latest()) == [95, 204, 299]
    assert clip_ms(window.latest(frames=2)) == [204, 299]


def test_invalid_frames_raise_and_are_counted():
    window = SlidingWindow(length_frames=1)
    with pytest.raises(InvalidClipError, match=r"uint8 \(4, 8, 3\).*float64 \(4, 8, 3\)"):
        window.add(np.zeros((4, 8, 3)), CAMERA, pose(), START)
    with pytest.raises(InvalidClipError, match=r"size of its camera, got uint8 \(2, 8, 3\)"):
        window.add(np.zeros((2, 8, 3), np.uint8), CAMERA, pose(), START)
    with pytest.raises(InvalidClipError, match="millimetres"):
        window.add(frame(), CAMERA, pose(), START, np.zeros((4, 8), np.uint16))
    with pytest.raises(InvalidPoseError, match="finite"):
        window.add(frame(), CAMERA, pose(np.nan), START)
    with pytest.raises(InvalidPoseError, match="one pose"):
        window.add(frame(), CAMERA, np.eye(4)[None], START)
    assert "(5 dropped as invalid)" in window.problem()


# --- restarts


@pytest.mark.parametrize(
    "other",
    [
        PinholeCamera(10.0, 10.0, 3.5, 1.5, 10, 4),  # another size
        PinholeCamera(11.0, 10.0, 3.5, 1.5, 8, 4),  # other intrinsics
    ],
)
def test_changed_camera_restarts(other):
    window = SlidingWindow(length_frames=3)
    fill(window, 10, 20, 30)
    assert add(window, 40, other) is None
    assert held_ms(window) == [40]
    assert window.latest(frames=1).camera == other
    assert add(window, 35) is DropReason.MISMATCHED
    assert add(window, 25, other) is None
    assert held_ms(window) == [25, 40]


def test_a_clock_set_back_is_late_until_the_window_is_cleared():
    window = SlidingWindow(length_frames=2)
    fill(window, 1000, 2000, 3000)
    assert add(window, 10) is DropReason.LATE
    window.clear()
    assert fill(window, 10, 20) == [None, None]
    assert clip_ms(window.latest()) == [10, 20]


# --- gaps


def test_no_clip_spans_a_gap():
    window = SlidingWindow(length_frames=3, max_gap_s=0.5)
    fill(window, 0, 100, 200)
    assert len(window.latest()) == 3
    fill(window, 1000, 1100)
    with pytest.raises(
        ClipNotReadyError, match=r"2 of 3 frames since a gap of 0\.80 s \(max_gap_s is 0\.5\); 1"
    ):
        window.latest()
    add(window, 1200)
    assert clip_ms(window.latest()) == [1000, 1100, 1200]


def test_late_frames_close_a_gap():
    window = SlidingWindow(length_frames=3, max_gap_s=0.5)
    fill(window, 0, 800)
    with pytest.raises(ClipNotReadyError):
        window.latest()
    add(window, 400)
    assert clip_ms(window.latest()) == [0, 400, 800]


# --- reads


def test_says_how_many_frames_are_missing():
    window = SlidingWindow(length_frames=5, rate_hz=10)
    with pytest.raises(ClipNotReadyError, match="no frame yet; 5 frames at 10 Hz needed"):
        window.latest()
    fill(window, 0, 100, 200)
    with pytest.raises(ClipNotReadyError, match=r"^3 of 5 frames; 2 more at 10 Hz$"):
        window.latest()
    assert window.problem() == "3 of 5 frames; 2 more at 10 Hz"
    assert window.problem(frames=3) == ""


def test_says_that_the_source_is_too_slow():
    window = SlidingWindow(length_frames=5, rate_hz=10)
    fill(window, *range(0, 2000, 200))
    with pytest.raises(ClipNotReadyError, match=r"no frame within 50 ms .* come at 5\.0 Hz"):
        window.latest()


def test_latest_within_refuses_old_and_future_frames():
    window = SlidingWindow(length_frames=1)
    add(window, 1000)
    assert clip_ms(window.latest_within(0.5, START + 1400 * MS)) == [1000]
    with pytest.raises(ClipNotReadyError, match=r"0\.60 s old, 0\.5 s are allowed"):
        window.latest_within(0.5, START + 1600 * MS)
    with pytest.raises(ClipNotReadyError, match="in the future"):
        window.latest_within(0.5, START + 100 * MS)


def test_close_frees_frames_and_ends_reads():
    window = SlidingWindow(length_frames=2)
    fill(window, 10, 20)
    window.close()
    window.close()
    assert add(window, 30) is DropReason.CLOSED
    assert (len(window), window.nbytes) == (0, 0)
    with pytest.raises(WindowClosedError):
        window.latest()
    with pytest.raises(WindowClosedError):
        window.latest_within(1.0, START)


def test_a_closed_window_says_that_it_is_closed():
    window = SlidingWindow(length_frames=2)
    window.close()
    assert window.problem() == "the sliding window has been closed; make a new one"


def test_clear_forgets():
    window = SlidingWindow(length_frames=2)
    fill(window, 10, 20)
    window.clear()
    assert (len(window), window.nbytes, window.run_length()) == (0, 0, 0)
    assert add(window, 5) is None


def test_a_run_ends_at_the_newest_frame_and_begins_after_a_gap():
    window = SlidingWindow(length_frames=5, max_gap_s=0.5)
    assert window.run_length() == 0
    lengths = []
    for ms in (0, 100, 1000, 1500, 2001):
        add(window, ms)
        lengths.append(window.run_length())
    assert lengths == [1, 2, 1, 2, 1]


@pytest.mark.parametrize("frames", [0, 6])
def test_refuses_clips_it_can_never_give(frames):
    with pytest.raises(InvalidInputError, match="1 to 5"):
        SlidingWindow(length_frames=5).latest(frames=frames)


# --- memory


def test_memory_is_what_the_frames_weigh():
    camera = PinholeCamera(300.0, 300.0, 159.5, 119.5, 320, 240)
    window = SlidingWindow(length_frames=8)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for index in range(100):
            window.add(frame(index, camera), camera, pose(), START + index * MS)
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    frames_bytes = 8 * 320 * 240 * 3
    assert frames_bytes <= used <= 1.2 * frames_bytes
    assert window.nbytes == frames_bytes + 8 * 16 * 8


def test_frames_are_kept_without_a_copy_and_clips_are_copies():
    window = SlidingWindow(length_frames=1)
    image = frame(7)
    window.add(image, CAMERA, pose(), START)
    clip = window.latest()
    assert not np.shares_memory(clip.frames, image)
    image[:] = 9
    assert int(window.latest().frames[0, 0, 0, 0]) == 9
    assert int(clip.frames[0, 0, 0, 0]) == 7


# --- any order of arrival

WINDOWS = st.sampled_from(
    [
        {"length_frames": 1},
        {"length_frames": 4},
        {"length_frames": 3, "max_gap_s": 0.2},
        {"length_frames": 4, "rate_hz": 10},
        {"length_s": 0.5, "rate_hz": 20, "max_gap_s": 0.2},
    ]
)
CAMERAS = [CAMERA, PinholeCamera(9.0, 9.0, 3.5, 1.5, 8, 4), PinholeCamera(9.0, 9.0, 1.0, 1.0, 4, 2)]
ARRIVALS = st.lists(
    st.tuples(
        st.integers(-400, 400),  # how far the stamp moves on, ms
        st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2]),  # camera
        st.sampled_from(["add", "add", "add", "add", "latest", "latest", "clear"]),
    ),
    max_size=60,
)


@settings(max_examples=150)
@given(WINDOWS, ARRIVALS)
def test_invariants_under_any_arrival(arguments, arrivals):
    window = SlidingWindow(**arguments)
    period_ns = int(1e9 / arguments["rate_hz"]) if "rate_hz" in arguments else None
    now, camera = 2000, None
    for step, choice, action in arrivals:
        if action == "clear":
            window.clear()
        elif action == "add":
            now += step
            if add(window, now, CAMERAS[choice]) is None:
                camera = CAMERAS[choice]
                assert START + now * MS in window.stamps_ns
        else:
            problem = window.problem()  # what is missing is always said
            try:
                clip = window.latest()
            except ClipNotReadyError as err:
                assert str(err) == problem != ""  # noqa: PT017
            else:
                assert problem == ""
                assert clip.camera == camera
                check_clip(clip, window, period_ns)
        check_window(window, period_ns, camera)


def check_clip(clip, window, period_ns):
    steps = np.diff(clip.stamps_ns)
    assert (steps > 0).all()
    assert clip.stamps_ns[-1] == window.stamps_ns[-1]
    assert set(clip.stamps_ns.tolist()) <= set(window.stamps_ns)
    assert len(clip) == window.length_frames <= window.capacity
    if period_ns is not None:
        ideal = clip.stamps_ns[-1] - period_ns * np.arange(len(clip))[::-1]
        off = clip.stamps_ns - ideal
        # Some instants one period apart have each a frame within half a period, the newest's own included.
        assert off.max() - off.min() <= period_ns + len(clip)


def check_window(window, period_ns, camera):
    steps = np.diff(window.stamps_ns)
    assert (steps > 0).all()
    assert len(window) == len(window.stamps_ns) <= window.capacity
    if len(window):
        assert window.nbytes == len(window) * (camera.width * camera.height * 3 + 128)
    else:
        assert window.nbytes == 0
    if period_ns is not None:
        assert (steps >= period_ns // 2).all()


@settings(max_examples=50)
@given(st.permutations(list(range(8))))
def test_any_order_within_the_window_gives_the_same_clip(order):
    window = SlidingWindow(length_frames=8)
    assert set(fill(window, *[index * 100 for index in order])) == {None}
    assert clip_ms(window.latest()) == [index * 100 for index in range(8)]


def test_many_threads_leave_the_newest_frames():
    window = SlidingWindow(length_frames=5)
    writers = [
        threading.Thread(target=fill, args=(window, *range(first, 2000, 4)), daemon=True)
        for first in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert held_ms(window) == [1995, 1996, 1997, 1998, 1999]
    check_window(window, None, CAMERA)
