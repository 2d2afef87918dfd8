from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from clips import box_clip, pose_at, sideways

from anyview_ros.errors import SynthesisError
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.synthesis import SynthesisRequest
from anyview_ros.synthesis.engine import Engine
from anyview_ros.synthesis.smaller_batches import SmallerBatches


class Cramped(Reprojection):
    """Reprojection that runs out of memory, as a device does, when asked for more than ``room`` views at once."""

    def __init__(self, room: int, error: type[Exception] = MemoryError) -> None:
        super().__init__()
        self.room, self.error = room, error
        self.asked: list[int] = []
        self.closed = False

    def synthesize(self, request, *, progress=None, cancel=None):
        self.asked.append(len(request.targets))
        if len(request.targets) > self.room:
            raise self.error("no room")
        if progress is not None:
            for step in (1, 2):
                progress(step, 2)
        return super().synthesize(request, cancel=cancel)

    def close(self):
        self.closed = True


def asked(count: int, frames: int = 2) -> SynthesisRequest:
    targets = tuple(sideways(frames, x=0.05 * index) for index in range(count))
    return SynthesisRequest((box_clip(frames),), targets)


def test_views_are_those_of_one_batch_in_the_same_order(caplog):
    whole = Reprojection().synthesize(asked(7))
    cramped = Cramped(2)
    with caplog.at_level(logging.WARNING):
        cut = SmallerBatches(cramped).synthesize(asked(7))
    assert len(cut.views) == 7
    for here, there in zip(cut.views, whole.views, strict=True):
        np.testing.assert_array_equal(here.frames, there.frames)
    assert cramped.asked == [7, 4, 2, 2, 2, 1]
    assert "memory does not hold 7 views of 'reprojection' at once; going on with 4" in caplog.text
    assert cut.provenance == whole.provenance


def test_what_fitted_is_remembered_for_requests_of_the_same_sizes_only():
    cramped = Cramped(2)
    batches = SmallerBatches(cramped)
    batches.synthesize(asked(4))
    del cramped.asked[:]
    batches.synthesize(asked(4))
    assert cramped.asked == [2, 2]
    batches.synthesize(asked(2, frames=1))
    assert cramped.asked == [2, 2, 2]
    assert batches.splits == 1


def test_more_is_tried_now_and_then():
    cramped = Cramped(2)
    batches = SmallerBatches(cramped)
    batches.synthesize(asked(3))
    cramped.room = 3
    for _ in range(32):
        del cramped.asked[:]
        batches.synthesize(asked(3))
    assert cramped.asked == [3]
    assert batches.splits == 1


def test_remembered_sizes_are_bounded():
    batches = SmallerBatches(Cramped(1))
    for frames in range(1, 20):
        batches.synthesize(asked(2, frames))
    assert len(batches._limits) == 16


@pytest.mark.parametrize(("room", "error"), [(0, MemoryError), (1, ValueError)])
def test_one_view_that_does_not_fit_and_other_errors_are_raised(room, error):
    with pytest.raises(error, match="no room"):
        SmallerBatches(Cramped(room, error)).synthesize(asked(2))


def test_progress_never_runs_back():
    steps: list[tuple[int, int]] = []
    SmallerBatches(Cramped(1)).synthesize(asked(2), progress=lambda step, total: steps.append((step, total)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_an_engine_serves_in_smaller_batches_and_counts_it():
    cramped = Cramped(2)
    with Engine(cramped, warm_up=False) as engine:
        assert len(engine.submit(asked(5)).future.result(30).views) == 5
        assert engine.statistics().splits == 2
        cramped.room = 0
        with pytest.raises(SynthesisError, match="out of memory on cpu while synthesising 2 frames"):
            engine.submit(asked(1)).future.result(30)
    assert cramped.closed


class OfAFilm(Cramped):
    """Takes a scale from all targets that it is asked for, unless the options have one; tells it by its seed."""

    def __init__(self, room: int, *, fits: bool = False) -> None:
        super().__init__(room)
        self.fits = fits
        self.films: list[tuple[int, list[np.ndarray]]] = []

    def describe(self):
        return replace(super().describe(), fits_each_clip=self.fits)

    def options_for_film(self, first, paths, options=None):
        if options is not None:
            return options
        self.films.append((int(first.stamps_ns[0]), [sources for sources, _ in paths]))
        assert len(first) == 1
        return {"scale": self.scale([own for _, own in paths])}

    @staticmethod
    def scale(paths):
        return round(100 * float(np.concatenate(paths)[:, 0, 3].max()))

    def synthesize(self, request, *, progress=None, cancel=None):
        own = [target.camera_to_world for target in request.targets]
        scale = self.scale(own) if request.options is None else request.options["scale"]
        result = super().synthesize(replace(request, options=None), progress=progress, cancel=cancel)
        return replace(result, provenance=replace(result.provenance, seed=scale))


def test_parts_share_what_a_method_takes_from_the_whole():
    whole = OfAFilm(8).synthesize(asked(7))
    cramped = OfAFilm(2)
    batches = SmallerBatches(cramped)
    assert batches.synthesize(asked(7)).provenance == whole.provenance
    ((stamp_ns, poses),) = cramped.films
    assert stamp_ns == 100
    for sources in poses:
        np.testing.assert_array_equal(sources, box_clip(2).camera_to_world)
    assert batches.synthesize(asked(7)).provenance == whole.provenance  # cut beforehand
    assert len(cramped.films) == 2
    del cramped.films[:]
    batches.synthesize(asked(1))
    batches.synthesize(replace(asked(7), options={"scale": 5}))
    assert cramped.films == []  # nothing is asked where nothing is cut, or where a film has told it


def test_poses_of_the_source_are_those_of_the_targets_instants():
    clip = box_clip(3)
    moved = replace(clip, camera_to_world=np.stack([pose_at(z=0.01 * index) for index in range(3)]))
    late = tuple(replace(sideways(1, x=x), stamps_ns=np.array([290])) for x in (0.1, 0.2))
    cramped = OfAFilm(1)
    SmallerBatches(cramped).synthesize(SynthesisRequest((moved,), late))
    ((_, poses),) = cramped.films
    np.testing.assert_array_equal(poses, [moved.camera_to_world[2:]] * 2)


def test_a_request_that_is_fitted_as_a_whole_is_not_cut():
    cramped = OfAFilm(2, fits=True)
    with pytest.raises(MemoryError, match="no room"):
        SmallerBatches(cramped).synthesize(asked(3))
    assert cramped.asked == [3]
