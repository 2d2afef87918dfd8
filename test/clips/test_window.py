from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.clips import DropReason, RestartReason, SlidingWindow
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


def check_accounts(window):
    numbers = window.statistics()
    assert numbers.received == (
        numbers.held + numbers.evicted + numbers.cleared + sum(numbers.dropped.values())
    )
    return numbers


# --- settings


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "length_frames"),
        ({"length_frames": 3, "length_s": 1.0}, "exactly one"),
        ({"length_frames": 0}, "length_frames is 0"),
        ({"length_s": -1.0}, "length_s is -1"),
        ({"length_frames": 3, "rate_hz": float("nan")}, "rate_hz is nan"),
        ({"length_frames": 3, "tolerance": 0.7}, "tolerance is 0.7"),
        ({"length_frames": 3, "rewind_s": 0.0}, "rewind_s is 0"),
        ({"length_frames": 3, "rate_hz": 10, "max_gap_s": 0.05}, "max_gap_s is 0.05"),
        ({"length_frames": 3, "max_frames": 5}, "max_frames is 5"),
    ],
)
def test_refuses_settings_by_name(arguments, named):
    with pytest.raises(InvalidInputError, match=named):
        SlidingWindow(**arguments)


def test_length_in_seconds_is_frames_at_the_rate():
    assert SlidingWindow(length_s=1.0, rate_hz=10).length_frames == 10
    assert SlidingWindow(length_s=0.01, rate_hz=10).length_frames == 1
    assert SlidingWindow(length_s=1.0).length_frames is None


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
    outcomes = fill(window, 30, 10, 20, 20, 40)
    assert [outcome.dropped for outcome in outcomes] == [None, None, None, DropReason.DUPLICATE, None]
    assert held_ms(window) == [10, 20, 30, 40]
    assert clip_ms(window.latest()) == [10, 20, 30, 40]
    assert [int(image[0, 0, 0]) for image in window.latest().frames] == [10, 20, 30, 40]


def test_late_frame_with_no_room_is_dropped():
    window = SlidingWindow(length_frames=2)
    outcomes = fill(window, 20, 30, 10)
    assert outcomes[-1].dropped is DropReason.LATE
    assert held_ms(window) == [20, 30]


def test_late_frame_older_than_what_is_kept_is_dropped():
    window = SlidingWindow(length_s=0.5, rewind_s=2.0)
    fill(window, 1600, 1650, 1700)
    assert add(window, 1200).dropped is DropReason.LATE
    assert add(window, 1201).accepted
    assert held_ms(window) == [1201, 1600, 1650, 1700]


def test_late_frame_does_not_change_what_was_read():
    window = SlidingWindow(length_frames=3)
    fill(window, 10, 30)
    assert clip_ms(window.next(0, frames=2)) == [10, 30]
    assert add(window, 20).dropped is DropReason.LATE
    assert add(window, 50).accepted
    assert add(window, 40).accepted
    assert clip_ms(window.next(0, frames=2)) == [30, 40]
    assert clip_ms(window.next(0, frames=2)) == [40, 50]


def test_latest_marks_nothing_as_read():
    window = SlidingWindow(length_frames=2)
    fill(window, 10, 30)
    window.latest()
    assert add(window, 20).accepted
    assert clip_ms(window.latest()) == [20, 30]


@pytest.mark.parametrize("stamp", [0, -5])
def test_zero_stamp_is_dropped(stamp):
    window = SlidingWindow(length_frames=1)
    assert window.add(frame(), CAMERA, pose(), stamp).dropped is DropReason.ZERO_STAMP
    assert "1 dropped as zero_stamp" in window.problem()


def test_takes_the_target_rate_from_a_faster_camera():
    window = SlidingWindow(length_frames=5, rate_hz=10)
    outcomes = fill(window, *np.arange(0, 1000, 1000 / 30))
    assert sum(outcome.accepted for outcome in outcomes) == 10
    assert {outcome.dropped for outcome in outcomes} == {None, DropReason.TOO_SOON}
    assert np.diff(clip_ms(window.latest())) == pytest.approx([100] * 4, abs=0.01)


def test_thirty_to_twenty_hertz_keeps_the_mean_rate():
    window = SlidingWindow(length_frames=8, rate_hz=20)
    outcomes = fill(window, *np.arange(0, 2000, 1000 / 30))
    assert 39 <= sum(outcome.accepted for outcome in outcomes) <= 41
    assert len(window.latest()) == 8


@pytest.mark.parametrize("source_hz", [9.9, 10.0, 10.1])
def test_camera_near_the_target_rate_loses_nothing(source_hz):
    window = SlidingWindow(length_frames=3, rate_hz=10)
    jitter = np.random.default_rng(0).uniform(-8, 8, 1000)
    outcomes = fill(window, *(np.arange(1000) * 1000 / source_hz + jitter + 10))
    assert all(outcome.accepted for outcome in outcomes)


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


@settings(max_examples=15, deadline=None)
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
    window = SlidingWindow(length_frames=3, rate_hz=10, tolerance=0.3)
    fill(window, 0, 95, 204, 299)
    assert clip_ms(window.latest()) == [95, 204, 299]
    assert clip_ms(window.latest(frames=2)) == [204, 299]


def test_no_tolerance_takes_only_frames_at_their_instants():
    window = SlidingWindow(length_frames=3, rate_hz=10, tolerance=0)
    fill(window, 0, 100, 200)
    assert clip_ms(window.latest()) == [0, 100, 200]
    add(window, 301)
    with pytest.raises(ClipNotReadyError, match="no frame within 0 ms"):
        window.latest()


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
    assert check_accounts(window).dropped[DropReason.INVALID] == 5


# --- restarts


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (PinholeCamera(10.0, 10.0, 3.5, 1.5, 10, 4), RestartReason.SIZE_CHANGED),
        (PinholeCamera(11.0, 10.0, 3.5, 1.5, 8, 4), RestartReason.INTRINSICS_CHANGED),
    ],
)
def test_changed_camera_restarts(other, reason):
    window = SlidingWindow(length_frames=3)
    fill(window, 10, 20, 30)
    outcome = add(window, 40, other)
    assert (outcome.accepted, outcome.restarted) == (True, reason)
    assert held_ms(window) == [40]
    assert window.camera == other
    assert add(window, 35).dropped is DropReason.MISMATCHED
    numbers = check_accounts(window)
    assert (numbers.cleared, numbers.restarts[reason]) == (3, 1)


def test_what_was_read_is_not_read_again_where_the_camera_changed():
    window = SlidingWindow(length_frames=3)
    fill(window, 10, 20, 30)
    assert clip_ms(window.next(0)) == [10, 20, 30]
    other = PinholeCamera(11.0, 10.0, 3.5, 1.5, 8, 4)
    assert add(window, 40, other).restarted is RestartReason.INTRINSICS_CHANGED
    assert add(window, 25, other).dropped is DropReason.LATE
    assert held_ms(window) == [40]


def test_looped_bag_restarts_and_is_read_again():
    window = SlidingWindow(length_frames=2)
    fill(window, 0, 1000, 2000, 3000)
    assert clip_ms(window.next(0)) == [2000, 3000]
    assert add(window, 0).restarted is RestartReason.CLOCK_WENT_BACK
    assert add(window, 1000).accepted
    assert clip_ms(window.next(0)) == [0, 1000]
    assert check_accounts(window).restarts[RestartReason.CLOCK_WENT_BACK] == 1


def test_step_back_below_the_threshold_does_not_restart():
    window = SlidingWindow(length_frames=3, rewind_s=1.0)
    fill(window, 2000, 3000)
    assert add(window, 2000.5).restarted is None
    assert held_ms(window) == [2000, 2000.5, 3000]


# --- gaps


def test_no_clip_spans_a_gap():
    window = SlidingWindow(length_frames=3, max_gap_s=0.5)
    fill(window, 0, 100, 200)
    assert len(window.latest()) == 3
    assert add(window, 1000).gap_s == pytest.approx(0.8)
    add(window, 1100)
    with pytest.raises(
        ClipNotReadyError, match=r"2 of 3 frames since a gap of 0\.80 s \(max_gap_s is 0\.5\); 1"
    ):
        window.latest()
    assert add(window, 1200).gap_s == 0
    assert clip_ms(window.latest()) == [1000, 1100, 1200]
    assert check_accounts(window).gaps == 1


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


def test_seconds_without_a_rate_take_every_frame():
    window = SlidingWindow(length_s=1.0)
    fill(window, *range(0, 1000, 40))
    with pytest.raises(ClipNotReadyError, match=r"0\.96 of 1 s; 0\.04 s more needed"):
        window.latest()
    fill(window, 1000)
    assert clip_ms(window.latest()) == list(range(40, 1001, 40))
    fill(window, 1040, 1080)
    assert clip_ms(window.latest()) == list(range(120, 1081, 40))


def test_seconds_without_a_rate_are_bounded_in_number():
    window = SlidingWindow(length_s=1.0, max_frames=10)
    fill(window, *range(0, 500, 10))
    assert len(window) == window.capacity == 10
    assert len(window.latest()) == 10


def test_latest_within_refuses_old_and_future_frames():
    window = SlidingWindow(length_frames=1)
    add(window, 1000)
    assert clip_ms(window.latest_within(0.5, START + 1400 * MS)) == [1000]
    with pytest.raises(ClipNotReadyError, match=r"0\.60 s old, 0\.5 s are allowed"):
        window.latest_within(0.5, START + 1600 * MS)
    with pytest.raises(ClipNotReadyError, match="in the future"):
        window.latest_within(0.5, START + 100 * MS)


def test_next_gives_every_instant_once_and_in_order():
    window = SlidingWindow(length_frames=4)
    fill(window, 10, 20, 30)
    assert [clip_ms(window.next(0, frames=1)) for _ in range(3)] == [[10], [20], [30]]
    with pytest.raises(ClipNotReadyError, match="no new clip within 0 s: no frame since the last one read"):
        window.next(0, frames=1)


def test_next_waits_for_a_frame():
    window = SlidingWindow(length_frames=2)
    add(window, 10)
    clips = []
    reader = threading.Thread(target=lambda: clips.append(window.next(None)), daemon=True)
    reader.start()
    add(window, 20)
    reader.join(10)
    assert clip_ms(clips[0]) == [10, 20]


def test_close_wakes_readers_and_frees_frames():
    window = SlidingWindow(length_frames=2)
    add(window, 10)
    errors = []

    def read():
        try:
            window.next(None)
        except WindowClosedError as err:
            errors.append(err)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    window.close()
    window.close()
    reader.join(10)
    assert len(errors) == 1
    assert add(window, 20).dropped is DropReason.CLOSED
    assert (len(window), window.nbytes) == (0, 0)
    assert "closed" in window.problem()
    with pytest.raises(WindowClosedError):
        window.latest()
    check_accounts(window)


def test_a_closed_window_says_that_it_is_closed():
    window = SlidingWindow(length_frames=2)
    window.close()
    assert window.problem() == "the sliding window has been closed; make a new one"


def test_clear_forgets_but_counts_on():
    window = SlidingWindow(length_frames=2)
    fill(window, 10, 20)
    window.next(0)
    window.clear()
    assert (len(window), window.nbytes, window.camera) == (0, 0, None)
    assert add(window, 5).accepted
    assert check_accounts(window).cleared == 2


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
        {"length_s": 0.4},
        {"length_s": 0.4, "max_frames": 3},
        {"length_frames": 4, "rate_hz": 10},
        {"length_s": 0.5, "rate_hz": 20, "tolerance": 0.3, "max_gap_s": 0.2},
        {"length_frames": 3, "rewind_s": 0.2},
    ]
)
CAMERAS = [CAMERA, PinholeCamera(9.0, 9.0, 3.5, 1.5, 8, 4), PinholeCamera(9.0, 9.0, 1.0, 1.0, 4, 2)]
ARRIVALS = st.lists(
    st.tuples(
        st.integers(-400, 400),  # how far the stamp moves on, ms
        st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2]),  # camera
        st.sampled_from(["add", "add", "add", "add", "next", "latest", "clear"]),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(WINDOWS, ARRIVALS)
def test_invariants_under_any_arrival(arguments, arrivals):
    window = SlidingWindow(**arguments)
    period_ns = int(1e9 / arguments["rate_hz"]) if "rate_hz" in arguments else None
    now, read, restarts = 2000, None, 0
    for step, choice, action in arrivals:
        if action == "clear":
            window.clear()
            read = None
        elif action == "add":
            now += step
            outcome = add(window, now, CAMERAS[choice])
            restarts += outcome.restarted is not None
            if outcome.restarted is RestartReason.CLOCK_WENT_BACK:
                read = None
            if outcome.accepted:
                assert START + now * MS in window.stamps_ns
                assert window.camera == CAMERAS[choice]
        else:
            try:
                clip = window.next(0) if action == "next" else window.latest()
            except ClipNotReadyError as err:
                assert str(err)  # noqa: PT017 - what is missing is always said
            else:
                check_clip(clip, window, period_ns)
                if action == "next":
                    assert read is None or clip.stamps_ns[-1] > read
                    read = clip.stamps_ns[-1]
        check_window(window, period_ns, restarts)


def check_clip(clip, window, period_ns):
    steps = np.diff(clip.stamps_ns)
    assert (steps > 0).all()
    assert set(clip.stamps_ns.tolist()) <= set(window.stamps_ns)
    if window.length_frames is not None:
        assert len(clip) == window.length_frames
    assert len(clip) <= window.capacity
    if period_ns is not None:
        ideal = clip.stamps_ns[-1] - period_ns * np.arange(len(clip))[::-1]
        off = clip.stamps_ns - ideal
        # Some instants one period apart have each a frame within half a period, the newest's own included.
        assert off.max() - off.min() <= period_ns + len(clip)


def check_window(window, period_ns, restarts):
    numbers = check_accounts(window)
    steps = np.diff(window.stamps_ns)
    assert (steps > 0).all()
    assert len(window) == numbers.held <= window.capacity
    assert sum(numbers.restarts.values()) == restarts
    if len(window):
        assert window.nbytes == len(window) * (window.camera.width * window.camera.height * 3 + 128)
    else:
        assert window.nbytes == 0
    if period_ns is not None:
        assert (steps >= period_ns // 2).all()


@settings(max_examples=50, deadline=None)
@given(st.permutations(list(range(8))))
def test_any_order_within_the_window_gives_the_same_clip(order):
    window = SlidingWindow(length_frames=8)
    outcomes = fill(window, *[index * 100 for index in order])
    assert all(outcome.accepted for outcome in outcomes)
    assert clip_ms(window.latest()) == [index * 100 for index in range(8)]


def test_many_threads_lose_no_count():
    window = SlidingWindow(length_frames=5)
    writers = [
        threading.Thread(target=fill, args=(window, *range(first, 2000, 4)), daemon=True)
        for first in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert check_accounts(window).received == 2000
