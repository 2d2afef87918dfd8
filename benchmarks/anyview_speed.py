"""How fast AnyView is at full size, with random weights, against what the device could do.

Run from a checkout, on a GPU: ``python -m benchmarks.anyview_speed``. No weights are needed: time does not depend on
them. For each clip it prints

- the work, counted operation by operation on PyTorch's meta device, and the *floor*: the time in which this device
  multiplies large matrices of the same type (measured first) with as many operations;
- time per evaluation of the transformer by attention backend, plain and with compiled blocks, and over the floor;
- time of the autoencoder: encoding a clip, encoding the rays of one view (kept while cameras stand still), decoding;
- time per view with 36, 12 and 4 evaluations by the fastest of these, sampled as the method does it, with rays encoded
  anew and with rays that are kept, and with four targets generated at once; and with a first-block cache, which skips
  the other blocks where the first changes little. What a cache does to pictures cannot be told with random weights.

``--tiny`` runs all of it on networks of small widths: a test of this script that needs no GPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from anyview_ros.errors import InvalidRequestError
from anyview_ros.evaluation.machine import machine_line
from anyview_ros.methods.anyview.attention import attention_kernel
from anyview_ros.methods.anyview.codec import VideoCodec
from anyview_ros.methods.anyview.generation import evaluations, generate
from anyview_ros.methods.anyview.options import FRAMES_PER_LATENT
from anyview_ros.methods.anyview.transformer import AnyViewTransformer

TEXT_TOKENS = 512
LATENT = 8
"""Pixels of a picture per latent pixel and side."""
TINY = {"num_blocks": 2, "num_heads": 2, "head_width": 16, "context_width": 8, "adaln_rank": 4}
FULL_CODEC_WIDTH = 96
EVALUATIONS = (36, 12, 4)
CACHE_THRESHOLD = 0.1
TARGETS_AT_ONCE = 4


@dataclass(frozen=True)
class Clip:
    """So many frames of so many pixels, of source and target alike."""

    frames: int
    width: int
    height: int

    @property
    def latent(self) -> tuple[int, int, int]:
        """Frames, rows and columns of the latent."""
        return 1 + (self.frames - 1) // FRAMES_PER_LATENT, self.height // LATENT, self.width // LATENT

    def __str__(self) -> str:
        return f"{self.frames}x{self.width}x{self.height}"


FULL_CLIPS = (Clip(41, 576, 304), Clip(13, 576, 304))
TINY_CLIPS = (Clip(5, 48, 32),)


@dataclass(frozen=True)
class Networks:
    """What is timed: transformer, its text, and autoencoder, on one device."""

    transformer: AnyViewTransformer
    text: Any
    codec: VideoCodec
    device: torch.device
    dtype: torch.dtype


@dataclass
class ClipTimes:
    """Of one clip; times in seconds.

    Attributes:
        clip: its name.
        evaluation_tflop, encode_tflop, decode_tflop: work of one evaluation, of encoding and of decoding one video.
        floor_s: of one evaluation.
        evaluation_s: by attention backend, "compiled" and the reason why one could not be timed.
        encode_s, rays_s, decode_s: one video; the two videos of one view's rays; one video.
        view_s: by number of evaluations and what is kept.
    """

    clip: str
    evaluation_tflop: float
    encode_tflop: float
    decode_tflop: float
    floor_s: float
    evaluation_s: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    encode_s: float = 0.0
    rays_s: float = 0.0
    decode_s: float = 0.0
    view_s: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    device = torch.device(arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    clips = TINY_CLIPS if arguments.tiny else FULL_CLIPS
    print_line(_machine(device))
    networks = random_networks(device, tiny=arguments.tiny)
    peak = matrix_tflops(device, networks.dtype, size=256 if arguments.tiny else 8192)
    print_line(f"large matrices in {str(networks.dtype).removeprefix('torch.')}: {peak:.3g} TFLOP/s")
    results = []
    for clip in clips:
        times = measure(networks, clip, peak, arguments.backends, repeats=arguments.repeats)
        results.append(times)
        for line in lines_of(times):
            print_line(line)
    if arguments.json:
        told = {
            "machine": _machine(device),
            "matrix_tflops": peak,
            "clips": [asdict(times) for times in results],
        }
        arguments.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def print_line(line: str) -> None:
    """One line at once, as these take minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def random_networks(device: torch.device, *, tiny: bool) -> Networks:
    """The transformer and the autoencoder at full size or with small widths; bfloat16 but on a CPU."""
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    torch.manual_seed(0)
    with torch.device(device):
        transformer, autoencoder = _networks(tiny=tiny)
    transformer = transformer.to(dtype).eval().requires_grad_(False)  # type: ignore[arg-type]
    autoencoder = autoencoder.to(dtype).eval().requires_grad_(False)
    width = int(transformer.config.context_width)
    context = torch.randn(1, TEXT_TOKENS, width, device=device, dtype=dtype)
    with torch.no_grad():
        text = transformer.text_keys_values(context)
    return Networks(transformer, text, VideoCodec(autoencoder), device, dtype)


def _networks(*, tiny: bool) -> tuple[AnyViewTransformer, Any]:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    if tiny:
        return AnyViewTransformer(**TINY), AutoencoderKLWan(base_dim=8)
    return AnyViewTransformer(), AutoencoderKLWan()


def measure(
    networks: Networks, clip: Clip, peak_tflops: float, backends: Sequence[str], *, repeats: int
) -> ClipTimes:
    """Time everything for one clip."""
    evaluation, encode, decode = counted_tflop(networks, clip)
    times = ClipTimes(str(clip), evaluation, encode, decode, evaluation / peak_tflops)
    _time_evaluations(networks, clip, backends, repeats, times)
    _time_autoencoder(networks, clip, repeats, times)
    _time_views(networks, clip, times)
    return times


def counted_tflop(networks: Networks, clip: Clip) -> tuple[float, float, float]:
    """Work of one evaluation, of encoding a video and of decoding one; multiplications and additions both count."""
    config = {k: v for k, v in dict(networks.transformer.config).items() if not k.startswith("_")}
    tiny = networks.codec.base_width != FULL_CODEC_WIDTH
    with torch.device("meta"):
        transformer = AnyViewTransformer(**config)
        text = transformer.text_keys_values(torch.zeros(1, TEXT_TOKENS, config["context_width"]))
        view = torch.zeros(1, transformer.channels, *clip.latent)
        autoencoder = _networks(tiny=tiny)[1]
        video = torch.zeros(1, 3, clip.frames, clip.height, clip.width)
        latent = torch.zeros(1, int(autoencoder.config.z_dim), *clip.latent)
        with torch.no_grad():
            return (
                _tflop(lambda: transformer(view, view, torch.zeros(1), text)),
                _tflop(lambda: autoencoder.encode(video)),
                _tflop(lambda: autoencoder.decode(latent)),
            )


def _tflop(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops()) / 1e12


def matrix_tflops(device: torch.device, dtype: torch.dtype, *, size: int) -> float:
    """TFLOP/s of this device with square matrices."""
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    return float(2 * size**3 / timed(lambda: left @ right, device, repeats=10) / 1e12)


def timed(work: Callable[[], object], device: torch.device, *, repeats: int) -> float:
    """The least of so many times, seconds, after one that is not counted."""
    best = float("inf")
    for index in range(repeats + 1):
        _finish(device)
        began = time.perf_counter()
        work()
        _finish(device)
        if index:
            best = min(best, time.perf_counter() - began)
    return best


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _time_evaluations(
    networks: Networks, clip: Clip, backends: Sequence[str], repeats: int, times: ClipTimes
) -> None:
    transformer = networks.transformer
    view = torch.randn(1, transformer.channels, *clip.latent, device=networks.device, dtype=networks.dtype)
    level = torch.full((1,), 0.5, device=networks.device)

    def evaluate() -> None:
        with torch.no_grad():
            transformer(view, view, level, networks.text)

    for backend in backends:
        try:
            with attention_kernel(backend):
                times.evaluation_s[backend] = timed(evaluate, networks.device, repeats=repeats)
        except (InvalidRequestError, RuntimeError) as error:
            times.refused[backend] = str(error).splitlines()[0]
    fastest = min(times.evaluation_s, key=lambda name: times.evaluation_s[name])
    with attention_kernel(fastest), _compiled(transformer):
        times.evaluation_s[f"{fastest}, compiled"] = timed(evaluate, networks.device, repeats=repeats)


@contextmanager
def _compiled(transformer: AnyViewTransformer) -> Iterator[None]:
    """The blocks compiled, and as they were afterwards."""
    transformer.compile_repeated_blocks()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for block in transformer.blocks:
            block._compiled_call_impl = None


def _time_autoencoder(networks: Networks, clip: Clip, repeats: int, times: ClipTimes) -> None:
    codec, device = networks.codec, networks.device
    video = torch.zeros(1, 3, clip.frames, clip.height, clip.width)
    rays = video.expand(2, -1, -1, -1, -1)
    latent = codec.encode(video)
    times.encode_s = timed(lambda: codec.encode(video), device, repeats=repeats)
    times.rays_s = timed(lambda: codec.encode(rays), device, repeats=repeats)
    times.decode_s = timed(lambda: codec.decode(latent), device, repeats=repeats)


def _time_views(networks: Networks, clip: Clip, times: ClipTimes) -> None:
    """Whole views by the fastest way, sampled as the method does."""
    name = min(times.evaluation_s, key=lambda key: times.evaluation_s[key])
    backend, _, compiled = name.partition(", ")
    transformer = networks.transformer
    around = times.encode_s + times.decode_s
    with attention_kernel(backend), _compiled(transformer) if compiled else nullcontext():
        for count in EVALUATIONS:
            drawn = _generation_s(networks, clip, count)
            times.view_s[f"{count} evaluations, rays kept"] = around + drawn
            times.view_s[f"{count} evaluations, rays anew"] = around + drawn + 2 * times.rays_s
        together = _generation_s(networks, clip, EVALUATIONS[-1], targets=TARGETS_AT_ONCE)
        each = times.encode_s / TARGETS_AT_ONCE + times.decode_s + together / TARGETS_AT_ONCE
        times.view_s[f"{EVALUATIONS[-1]} evaluations, rays kept, {TARGETS_AT_ONCE} targets at once, each"] = (
            each
        )
    times.view_s |= _cached_views(networks, clip, backend, around)


def _cached_views(networks: Networks, clip: Clip, backend: str, around: float) -> dict[str, float]:
    from diffusers import FirstBlockCacheConfig

    transformer, views = networks.transformer, {}
    transformer.enable_cache(FirstBlockCacheConfig(threshold=CACHE_THRESHOLD))  # type: ignore[no-untyped-call]
    try:
        with attention_kernel(backend):
            for count in EVALUATIONS:
                with transformer.cache_context("view"):  # type: ignore[no-untyped-call]
                    drawn = _generation_s(networks, clip, count)
                views[f"{count} evaluations, rays kept, first-block cache"] = around + drawn
    finally:
        transformer.disable_cache()  # type: ignore[no-untyped-call]
    return views


def _generation_s(networks: Networks, clip: Clip, count: int, *, targets: int = 1) -> float:
    """Seconds of one generation with so many evaluations."""
    shape = (networks.transformer.latent_channels, *clip.latent)
    picture = torch.zeros(1, *shape, device=networks.device)
    rays = torch.zeros(targets, 2 * shape[0], *shape[1:], device=networks.device)
    steps = next(steps for steps in range(count + 1) if evaluations(steps) == count)

    def draw() -> None:
        generate(
            networks.transformer,
            networks.text,
            picture,
            rays,
            rays,
            seeds=range(targets),
            steps=steps,
            sampler="ab2",
        )

    return timed(draw, networks.device, repeats=1)


def lines_of(times: ClipTimes) -> list[str]:
    """What was measured of a clip, to read."""
    work = f"one evaluation {times.evaluation_tflop:.3g} TFLOP, floor {times.floor_s * 1e3:.1f} ms"
    codec = f"encoding {times.encode_tflop:.3g}, decoding {times.decode_tflop:.3g} TFLOP"
    lines = ["", f"{times.clip}: {work}; {codec}"]
    for name, seconds in times.evaluation_s.items():
        lines.append(
            f"  evaluation, {name:<28}{seconds * 1e3:9.1f} ms  {seconds / times.floor_s:6.2f} x floor"
        )
    lines += [f"  evaluation, {name:<28}not here: {why}" for name, why in times.refused.items()]
    for name, seconds in (("encode", times.encode_s), ("rays", times.rays_s), ("decode", times.decode_s)):
        lines.append(f"  {name:<40}{seconds * 1e3:9.1f} ms")
    lines += [f"  view, {name:<54}{seconds:8.2f} s" for name, seconds in times.view_s.items()]
    return lines


def _machine(device: torch.device) -> str:
    named = f"{torch.cuda.get_device_name(device)}; " if device.type == "cuda" else ""
    return f"{named}PyTorch {torch.__version__}; {machine_line()}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", help="torch device (default: CUDA if there is one)")
    parser.add_argument("--tiny", action="store_true", help="small widths, to try this script")
    parser.add_argument(
        "--backends",
        nargs="+",
        default=["native", "_native_cudnn", "_native_flash", "_native_efficient"],
        help="diffusers' attention backends to try",
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="the least of so many times is told (default: 3)"
    )
    parser.add_argument("--json", type=Path, help="file that gets all figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
