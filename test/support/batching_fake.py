"""A fake method that serves requests together, and remembers which."""

from __future__ import annotations

from dataclasses import dataclass, field

from fake_synthesizers import STEPS, FakeSynthesizer, paint

from anyview_ros.errors import AnyViewError, SynthesisCancelled
from anyview_ros.synthesis import Provenance, SynthesisResult


@dataclass(eq=False)
class BatchingFake(FakeSynthesizer):
    """Paints as the fake it stands on does; requests of as many frames may share a batch, but those of ``lone`` seeds.

    ``batches`` has the seeds of each batch begun. More than ``room`` requests at once are out of memory, found out
    after the first step. In a batch, an error of ``raises`` ends its own request if it is one of ours, else the batch.
    """

    room: int = 100
    lone: set[int] = field(default_factory=set)
    batches: list[list[int]] = field(default_factory=list)

    def batch_key(self, request):
        return None if request.seed in self.lone else len(request.sources[0])

    def synthesize_together(self, requests, *, progress=None, cancels=None):
        seeds = [request.seed for request in requests]
        self.batches.append(seeds)
        for step in range(1, STEPS + 1):
            self.gate.enter()
            if self.looks_at_token and all(cancel.is_set() for cancel in cancels):
                raise SynthesisCancelled(f"the fake was stopped before step {step} of {STEPS}")
            if progress is not None:
                progress(step, STEPS)
            if len(requests) > self.room:
                raise MemoryError(f"no room for {len(requests)}")
            for seed in seeds:
                if not isinstance(self.raises.get(seed), AnyViewError | None):
                    raise self.raises[seed]
        return [self.outcome(request) for request in requests]

    def outcome(self, request):
        if request.seed in self.raises:
            return self.raises[request.seed]
        value = int(request.sources[0].frames[-1, 0, 0, 0])
        views = tuple(paint(target, value) for target in request.targets)
        return SynthesisResult(views, Provenance("fake", self.weights_hash, request.seed, STEPS))
