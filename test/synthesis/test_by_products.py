"""What streams tell besides views, and how it gets to whoever asked."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fake_synthesizers import PATIENCE_S, FakeSynthesizer, spec, stream_frame

from anyview_ros.errors import InvalidClipError, InvalidInputError, InvalidPoseError
from anyview_ros.synthesis import Engine
from anyview_ros.synthesis.by_products import ByProduct, ByProducts, ByProductStream, PointCloud, RefinedPoses
from anyview_ros.synthesis.client import StreamFrame, StreamOutcome

EVERYTHING = frozenset(ByProduct)


def wanting(stamp_ns: int, wanted: frozenset[ByProduct], *names: str) -> StreamFrame:
    plain = stream_frame(stamp_ns, *names)
    return StreamFrame(
        plain.frame, plain.camera_to_world, stamp_ns, plain.targets if names else {}, by_products=wanted
    )


class Telling:
    """A stream of the fake that knows one point, where the newest stamp is, and nothing else."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._stamp_ns = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def push(self, *args: Any, stamp_ns: int, **kwargs: Any) -> Any:
        self._stamp_ns = stamp_ns
        return self._inner.push(*args, stamp_ns=stamp_ns, **kwargs)

    def by_products(self, wanted: frozenset[ByProduct]) -> ByProducts:
        if ByProduct.POINTS not in wanted:
            return ByProducts()
        point = np.full((1, 3), self._stamp_ns, np.float32)
        return ByProducts(points=PointCloud(point, np.zeros((1, 3), np.uint8), self._stamp_ns))


class TellingSynthesizer(FakeSynthesizer):
    def open_stream(self, *args: Any, **kwargs: Any) -> Any:
        return Telling(super().open_stream(*args, **kwargs))


@pytest.fixture(params=[TellingSynthesizer, FakeSynthesizer])
def fake(request: pytest.FixtureRequest) -> FakeSynthesizer:
    made: FakeSynthesizer = request.param()
    return made


@pytest.fixture
def engine(fake: FakeSynthesizer) -> Iterator[Engine]:
    made = Engine(lambda: fake, name="fake")
    made.start()
    yield made
    fake.gate.open()
    made.close(PATIENCE_S)


def test_a_frame_brings_back_what_was_wanted_with_it_if_the_method_makes_it(
    fake: FakeSynthesizer, engine: Engine
) -> None:
    outcomes: queue.Queue[StreamOutcome] = queue.Queue()
    stream = engine.open_stream(spec(), outcomes.put)
    for stamp_ns, wanted in ((1, frozenset[ByProduct]()), (2, EVERYTHING)):
        stream.push(wanting(stamp_ns, wanted))
        outcome = outcomes.get(timeout=PATIENCE_S)
        assert outcome.error == ""
        assert outcome.views == {}  # a frame may be pushed for by-products alone
        assert outcome.asked == wanted
        made = {kind for kind in ByProduct if outcome.by_products.has(kind)}
        assert made == ({ByProduct.POINTS} & wanted if isinstance(fake, TellingSynthesizer) else set())
    if isinstance(fake, TellingSynthesizer):
        assert outcome.by_products.points is not None
        assert outcome.by_products.points.stamp_ns == 2


def test_what_was_wanted_with_a_frame_that_gave_way_is_asked_of_the_newer_one(
    fake: FakeSynthesizer, engine: Engine
) -> None:
    outcomes: queue.Queue[StreamOutcome] = queue.Queue()
    stream = engine.open_stream(spec(), outcomes.put)
    stream.opened.result(PATIENCE_S)
    fake.gate.shut()
    stream.push(stream_frame(1))
    fake.wait_for("frame", 1)
    stream.push(wanting(2, frozenset({ByProduct.POINTS})))
    stream.push(wanting(3, frozenset({ByProduct.RAY_WEIGHTS})))
    fake.gate.open()
    asked = {
        outcome.stamp_ns: outcome.asked for outcome in (outcomes.get(timeout=PATIENCE_S) for _ in range(2))
    }
    assert asked == {1: frozenset(), 3: {ByProduct.POINTS, ByProduct.RAY_WEIGHTS}}


def test_by_products_that_fail_cost_no_views(
    fake: FakeSynthesizer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(stream: Telling, wanted: frozenset[ByProduct]) -> ByProducts:
        raise ZeroDivisionError("no points")

    monkeypatch.setattr(Telling, "by_products", breaks)
    outcomes: queue.Queue[StreamOutcome] = queue.Queue()
    stream = engine.open_stream(spec(), outcomes.put)
    stream.push(wanting(1, frozenset({ByProduct.POINTS}), *spec().targets))
    outcome = outcomes.get(timeout=PATIENCE_S)
    assert outcome.error == ""
    assert set(outcome.views) == set(spec().targets)
    assert not any(outcome.by_products.has(kind) for kind in ByProduct)
    failed = "the method failed while synthesising points: ZeroDivisionError: no points"
    assert outcome.by_products_error == (failed if isinstance(fake, TellingSynthesizer) else "")


def test_streams_without_the_offer_are_told_from_those_with_it(fake: FakeSynthesizer) -> None:
    plain = spec()
    stream = fake.open_stream(plain.source, list(plain.targets.values()))
    assert isinstance(stream, ByProductStream) == isinstance(fake, TellingSynthesizer)


def test_poses_that_no_clip_can_have_are_refused() -> None:
    two = np.stack([np.eye(4)] * 2)
    assert len(RefinedPoses(np.array([1, 2]), two).camera_to_world) == 2
    with pytest.raises(InvalidClipError):
        RefinedPoses(np.array([2, 1]), two)
    with pytest.raises(InvalidPoseError):
        RefinedPoses(np.array([1, 2]), 2 * two)


@pytest.mark.parametrize(
    ("points", "colours", "told"),
    [
        (np.zeros((2, 3)), np.zeros((2, 3), np.uint8), r"points must be float32 \(N, 3\), got float64"),
        (np.zeros((2, 4), np.float32), np.zeros((2, 3), np.uint8), r"points must be .* \(2, 4\)"),
        (np.zeros((2, 3), np.float32), np.zeros((2, 3)), r"colours must be uint8 \(2, 3\), got float64"),
        (np.zeros((2, 3), np.float32), np.zeros((1, 3), np.uint8), r"colours must be uint8 \(2, 3\)"),
        (np.array([[0, 0, 1], [0, np.nan, 1]], np.float32), np.zeros((2, 3), np.uint8), "not finite"),
    ],
)
def test_points_that_are_no_cloud_are_refused(points: Any, colours: Any, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        PointCloud(points, colours, 1)
