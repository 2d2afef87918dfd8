"""Fewer targets, or fewer requests, at once where memory does not hold them all."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anyview_ros.clips import PosedClip
from anyview_ros.errors import AnyViewError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.failures import free_memory, is_out_of_memory
from anyview_ros.synthesis.instants import nearest_frame, target_instants
from anyview_ros.synthesis.protocol import (
    BatchingSynthesizer,
    CancelToken,
    Progress,
    SynthesisStream,
    Synthesizer,
    WholeFilmSynthesizer,
)
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import SynthesisResult

_log = logging.getLogger(__name__)

_MOST_SIZES = 16
_TRY_MORE_AFTER = 32

_Sizes = tuple[tuple[tuple[int, int, int], ...], tuple[int, int, int]]


@dataclass(frozen=True)
class _Together:
    """Requests of one batch key."""

    key: Hashable


class SmallerBatches:
    """A Synthesizer that, when memory runs out, asks another for half of the targets at a time.

    How many fitted is remembered for requests of the same sizes, which are cut beforehand; now and then one more is
    tried, since others may have left the device. Cut or not, a request gives the same views within one grey level: what
    its parts have to share, such as one scale, is taken from all of it first (:class:`WholeFilmSynthesizer`), and a
    method that fits a scene to each request (``fits_each_clip``) is never asked for parts. A single target that does
    not fit, or a request that cannot be cut, raises what the method raised.

    Of requests that a method serves together it is remembered in the same way how many fitted. A batch that did not
    raises; whoever asked then asks for one request at a time.

    Args:
        synthesizer: who does the work; closed with this.
    """

    def __init__(self, synthesizer: Synthesizer) -> None:
        """Stand before ``synthesizer``."""
        self._synthesizer = synthesizer
        self._batching = synthesizer if isinstance(synthesizer, BatchingSynthesizer) else None
        self._limits: OrderedDict[_Sizes | _Together, _Limit] = OrderedDict()
        self._splits = 0

    @property
    def splits(self) -> int:
        """How often memory ran out and a request, or a batch of them, was cut."""
        return self._splits

    @property
    def weights_hash(self) -> str:
        """sha256 (hex) of the weights, or ""."""
        return str(getattr(self._synthesizer, "weights_hash", ""))

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        return self._synthesizer.describe()

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Synthesise every target of the request, in as few parts as memory allows.

        Progress counts the steps of the part under way and of those done; its total grows when a request is cut.

        Raises:
            InvalidRequestError, SynthesisCancelled: as the method's own.
        """
        sizes = _sizes(request)
        waiting = _cut(request.targets, self._limits.get(sizes))
        if len(waiting) > 1:
            request = self._for_parts(request)
        results: list[SynthesisResult] = []
        while waiting:
            part = replace(request, targets=tuple(waiting[0]))
            tell = None if progress is None else _Part(progress, len(results), len(results) + len(waiting))
            try:
                results.append(self._synthesizer.synthesize(part, progress=tell, cancel=cancel))
            except Exception as error:
                if not (is_out_of_memory(error) and self._can_cut(part)):
                    raise
                free_memory(error)
                if len(part.targets) == len(request.targets):
                    request = self._for_parts(request)
                limit = self._note_split(sizes, len(part.targets), "views")
                waiting = _cut([target for group in waiting for target in group], limit)
            else:
                waiting.pop(0)
        self._note_success(sizes)
        self._note_success(_Together(self.batch_key(request)))
        if len(results) == 1:
            return results[0]
        return SynthesisResult(
            tuple(view for result in results for view in result.views), results[0].provenance
        )

    def _can_cut(self, request: SynthesisRequest) -> bool:
        return len(request.targets) > 1 and not self._synthesizer.describe().fits_each_clip

    def _for_parts(self, request: SynthesisRequest) -> SynthesisRequest:
        """The request with options with which its parts rest on the same."""
        if not isinstance(self._synthesizer, WholeFilmSynthesizer):
            return request
        source = request.sources[0]
        first = PosedClip(
            source.frames[:1],
            source.camera,
            source.camera_to_world[:1],
            source.stamps_ns[:1],
            None if source.depth is None else source.depth[:1],
        )
        paths = []
        for index, target in enumerate(request.targets):
            frames = [
                nearest_frame(source.stamps_ns, int(stamp_ns))
                for stamp_ns in target_instants(target, source, index)
            ]
            paths.append((source.camera_to_world[frames], target.camera_to_world))
        return replace(request, options=self._synthesizer.options_for_film(first, paths, request.options))

    def batch_key(self, request: SynthesisRequest) -> Hashable | None:
        """Tell with which others a request may share a batch; None if the method serves it alone."""
        if self._batching is None:
            return None
        try:
            key = self._batching.batch_key(request)
            hash(key)
        except Exception:  # noqa: BLE001 - the request goes alone, and is refused then if it cannot be served
            _log.exception("the method failed to tell with what a request may be batched")
            return None
        return key

    def most_together(self, key: Hashable) -> int | None:
        """How many requests of a batch key fit at once; None if memory has held all so far."""
        limit = self._limits.get(_Together(key))
        return None if limit is None else limit.most

    def synthesize_together(
        self,
        requests: Sequence[SynthesisRequest],
        *,
        progress: Progress | None = None,
        cancels: Sequence[CancelToken] | None = None,
    ) -> list[SynthesisResult | AnyViewError]:
        """Synthesise several requests of one batch key.

        Raises:
            Exception: as the method's own. Where memory ran out it has been freed, and fewer fit from now on.
        """
        assert self._batching is not None  # noqa: S101 - else no two requests have a key in common
        together = _Together(self.batch_key(requests[0]))
        try:
            outcomes = self._batching.synthesize_together(requests, progress=progress, cancels=cancels)
        except Exception as error:
            if is_out_of_memory(error):
                free_memory(error)
                self._note_split(together, len(requests), "requests")
            raise
        self._note_success(together)
        return outcomes

    def _note_success(self, sizes: _Sizes | _Together) -> None:
        if sizes in self._limits:
            self._limits[sizes].went_well()

    def _note_split(self, sizes: _Sizes | _Together, tried: int, things: str) -> _Limit:
        self._splits += 1
        limit = _Limit((tried + 1) // 2)
        self._limits[sizes] = limit
        while len(self._limits) > _MOST_SIZES:
            self._limits.popitem(last=False)
        name = self._synthesizer.describe().name
        _log.warning(
            "memory does not hold %d %s of '%s' at once; going on with %d", tried, things, name, limit.most
        )
        return limit

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> SynthesisStream:
        """Open a stream of the method, which sees to its memory itself."""
        return self._synthesizer.open_stream(source, targets, steps=steps, seed=seed, options=options)

    def close(self) -> None:
        """Close the method."""
        self._synthesizer.close()


@dataclass
class _Limit:
    """How many targets or requests fit at once, and how often it went well since that was found."""

    most: int
    well: int = 0

    def went_well(self) -> None:
        self.well += 1
        if self.well == _TRY_MORE_AFTER:
            self.most, self.well = self.most + 1, 0


def _sizes(request: SynthesisRequest) -> _Sizes:
    return (
        tuple((len(source), *source.camera.size) for source in request.sources),
        max((len(target), *target.camera.size) for target in request.targets),
    )


def _cut(targets: Sequence[CameraTrajectory], limit: _Limit | None) -> list[list[CameraTrajectory]]:
    size = len(targets) if limit is None else limit.most
    return [list(targets[start : start + size]) for start in range(0, len(targets), size)]


class _Part:
    """Progress of one part among several."""

    def __init__(self, progress: Progress, index: int, parts: int) -> None:
        self._progress, self._index, self._parts = progress, index, parts

    def __call__(self, step: int, total: int, /) -> None:
        self._progress(self._index * total + step, self._parts * total)
