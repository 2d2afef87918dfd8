"""How much memory a request will need, told before it is begun."""

from __future__ import annotations

from dataclasses import dataclass

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.anyview.options import CLIP_FRAMES, FRAMES_PER_LATENT
from anyview_ros.methods.anyview.sizes import MULTIPLE, Size

_GIB = 2**30

# Peaks measured on a CPU in float32 with the networks at full width: 23 token widths per token, and
# 7,400 values per pixel of the autoencoder, which works on one chunk of 4 frames at a time; rounded up.
_WIDTHS_PER_TOKEN = 14
_EXACT_WIDTHS_PER_TOKEN = 10  # float32 whatever the network computes in
_VALUES_PER_PIXEL = 8_000
_BYTES_PER_VIDEO_PIXEL = 36


@dataclass(frozen=True)
class Workload:
    """What one pass through the networks holds.

    Attributes:
        frames: of the clip, 1 + 4 k.
        source, target: sizes at which the network works.
        batch: targets at once.
    """

    frames: int
    source: Size
    target: Size
    batch: int = 1

    def tokens(self) -> int:
        """Tokens of both views and of all targets."""
        latent_frames = 1 + (self.frames - 1) // FRAMES_PER_LATENT
        return self.batch * latent_frames * sum(w * h // MULTIPLE**2 for w, h in (self.source, self.target))


@dataclass(frozen=True)
class MemoryModel:
    """Memory of the networks' activations.

    Attributes:
        width: of the transformer's tokens.
        autoencoder_width: of the autoencoder's first layer; 96 in the release.
        item_bytes: of a number of the type computed in.
    """

    width: int
    autoencoder_width: int
    item_bytes: int

    def bytes_needed(self, work: Workload) -> int:
        """Bytes beyond the weights: the transformer's or the autoencoder's, whichever is more."""
        per_token = self.width * (_WIDTHS_PER_TOKEN * self.item_bytes + _EXACT_WIDTHS_PER_TOKEN * 4)
        pixels = max(w * h for w, h in (work.source, work.target))
        per_pixel = (
            _VALUES_PER_PIXEL * self.item_bytes * self.autoencoder_width // 96
            + _BYTES_PER_VIDEO_PIXEL * work.frames
        )
        return max(work.tokens() * per_token, pixels * per_pixel)


def fitting_batch(model: MemoryModel, work: Workload, free_bytes: int | None, device: str) -> int:
    """How many of ``work.batch`` targets fit at once.

    Args:
        model: of the networks.
        work: what is asked.
        free_bytes: on the device; None if it does not tell: then all.
        device: for the message.

    Raises:
        InvalidRequestError: not even one fits; the message says how much is missing and what would fit.
    """
    if free_bytes is None:
        return work.batch
    for batch in range(work.batch, 0, -1):
        one = Workload(work.frames, work.source, work.target, batch)
        if model.bytes_needed(one) <= free_bytes:
            return batch
    one = Workload(work.frames, work.source, work.target)
    raise InvalidRequestError(
        f"a clip of {work.frames} frames, source {_size(work.source)}, target {_size(work.target)}, needs about "
        f"{model.bytes_needed(one) / _GIB:.2g} GiB on {device} beside the weights, but {free_bytes / _GIB:.2g} GiB "
        f"are free; {_remedy(model, one, free_bytes)}"
    )


def _remedy(model: MemoryModel, work: Workload, free: int) -> str:
    for frames in range(work.frames - FRAMES_PER_LATENT, CLIP_FRAMES[0] - 1, -FRAMES_PER_LATENT):
        if model.bytes_needed(Workload(frames, work.source, work.target)) <= free:
            return f"{frames} frames would fit"
    for tenths in range(9, 0, -1):
        source, target = _shrunk(work.source, tenths), _shrunk(work.target, tenths)
        if model.bytes_needed(Workload(work.frames, source, target)) <= free:
            return f"options source_size={source} and target_size={target} would fit"
    return "free some, or use another device"


def _shrunk(size: Size, tenths: int) -> Size:
    width, height = (max(MULTIPLE, side * tenths // 10 // MULTIPLE * MULTIPLE) for side in size)
    return width, height


def _size(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
