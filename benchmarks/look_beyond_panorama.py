"""How good the panoramas are that Look Beyond's stage 1 draws around a picture of a held-out room.

Run from a checkout: ``python -m benchmarks.look_beyond_panorama``. Judged is what the picture does not show: PSNR of
the colours, weighed by the area of pixels on the sphere, the mean error of the logarithm of distance, and the step
across the seam less that between other columns. Beside it stands what anyone can do: the mean colour of the picture,
the nearest pixel of the picture's border, and a smooth fill. Mean and standard error over the panoramas; ``--seeds``
draws each several times.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from anyview_ros.evaluation.machine import machine_line
from anyview_ros.methods.look_beyond.panorama.channels import unsigned_colour
from anyview_ros.methods.look_beyond.panorama.generation import sample_channels
from anyview_ros.methods.look_beyond.panorama.known import Known
from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
from anyview_ros.methods.look_beyond.panorama.seam import seam_error
from anyview_ros.methods.look_beyond.panorama.weights import PANORAMA
from anyview_ros.methods.network_files import read_network
from anyview_ros.training.look_beyond_panorama import Sample, sample_of
from anyview_ros.training.look_beyond_panorama_films import PanoramaPlan, film_panoramas
from anyview_ros.training.sheets import write_sheet

SHIPPED = Path(__file__).resolve().parents[1] / "anyview_ros/methods/look_beyond/weights/panorama.safetensors"
STEPS = ((1, 1.0), (5, 1.0), (20, 1.0), (20, 1.5))
_LOG_RANGE = 2.0  # of the channel of distance, see anyview_ros.methods.look_beyond.panorama.channels


@dataclass(frozen=True, eq=False)
class Drawn:
    """Panoramas by one name: channels (B, 4, H, 2H), and the seconds that each took."""

    name: str
    channels: Tensor
    seconds: float


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    weights = read_network(arguments.weights, PANORAMA, "cpu")
    torch.set_num_threads(1)
    config = weights.network.config
    plan = PanoramaPlan(
        height=config.height,
        source_width=config.source_width,
        source_height=config.source_height,
        robot_every=0,
        held_out=True,
    )
    panoramas = film_panoramas(plan, arguments.first, arguments.count)
    batch = Sample.joined([sample_of(panoramas, index) for index in range(len(panoramas))])
    sys.stdout.write(
        f"{machine_line()}\n{arguments.count} held-out rooms, {weights.about.get('steps')} steps\n"
    )
    shown = []
    for told, name in ((batch, "with depth"), (_without_depth(batch), "without depth")):
        sys.stdout.write(f"{name}\n")
        for drawn in chain(fills(told), draws(weights.network, told.known, arguments.seeds)):
            sys.stdout.write(f"  {line_of(drawn, told)}\n")
            sys.stdout.flush()
            if told is batch:
                shown.append(drawn)
    if arguments.sheet:
        columns = [drawn.channels[: len(panoramas), :3] for drawn in shown]
        columns += [batch.truth[:, :3], shown[-1].channels[: len(panoramas), 3:].expand(-1, 3, -1, -1)]
        columns.append(batch.truth[:, 3:].expand(-1, 3, -1, -1))
        write_sheet(arguments.sheet, [(channels + 1) / 2 for channels in columns])


def fills(sample: Sample) -> Iterator[Drawn]:
    """What needs no network; distance is the mean of what is told, or 1.5 m."""
    known = sample.known
    base = known.base()
    count = known.seen.sum((2, 3), keepdim=True)
    mean = (known.colour * known.seen).sum((2, 3), keepdim=True) / count
    yield Drawn("mean colour", torch.cat([mean.expand_as(base[:, :3]), base[:, 3:]], 1), 0.0)
    yield Drawn("nearest border", torch.cat([nearest_border(known), base[:, 3:]], 1), 0.0)
    yield Drawn("smooth fill", base, 0.0)


def nearest_border(known: Known) -> Tensor:
    """Each unseen pixel as the nearest seen one, (B, 3, H, 2H); across the seam."""
    filled = []
    for colour, seen in zip(known.colour.numpy(), known.seen[:, 0].numpy() > 0.5, strict=True):
        width = seen.shape[1]
        thrice = np.tile(seen, (1, 3))
        _, labels = cv2.distanceTransformWithLabels(
            (~thrice).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        wide = np.tile(colour, (1, 1, 3))
        by_label = np.zeros((labels.max() + 1, 3), np.float32)
        by_label[labels[thrice]] = wide[:, thrice].T
        filled.append(by_label[labels][:, width : 2 * width].transpose(2, 0, 1))
    return torch.from_numpy(np.stack(filled))


def draws(network: PanoramaDenoiser, known: Known, seeds: int) -> Iterator[Drawn]:
    """What the network draws, by steps and guidance; several seeds one after the other."""
    for steps, guidance in STEPS:
        began = time.process_time()
        drawn = [
            sample_channels(
                network, known, steps=steps, guidance=guidance, generator=torch.Generator().manual_seed(seed)
            )
            for seed in range(seeds)
        ]
        seconds = (time.process_time() - began) / (seeds * len(known.seen))
        name = f"network, {steps} step{'s' * (steps > 1)}, guidance {guidance:g}"
        yield Drawn(name, torch.cat(drawn), seconds)


def line_of(drawn: Drawn, sample: Sample) -> str:
    """Figures of panoramas, of which there may be several for each sample."""
    times = len(drawn.channels) // len(sample.truth)
    truth = sample.truth.repeat(times, 1, 1, 1)
    unseen = (1 - sample.known.seen).repeat(times, 1, 1, 1)
    rows = truth.shape[-2]
    area = torch.cos((torch.arange(rows) + 0.5 - rows / 2) * (math.pi / rows))[:, None]
    weight = unseen * area
    square = ((drawn.channels[:, :3] - truth[:, :3]).clamp(-2, 2).square() * weight).sum((1, 2, 3))
    psnr = 10 * torch.log10(4 / (square / (3 * weight.sum((1, 2, 3)))))
    solid = weight * sample.solid.repeat(times, 1, 1, 1)
    off = _LOG_RANGE * (drawn.channels[:, 3:] - truth[:, 3:]).abs()
    logs = (off * solid).sum((1, 2, 3)) / solid.sum((1, 2, 3))
    seams = torch.tensor([seam_error(picture) for picture in 255 * unsigned_colour(drawn.channels[:, :3])])
    told = [f"{drawn.name:32s} PSNR {_mean(psnr, times, 2)} dB  log distance {_mean(logs, times, 3)}"]
    told.append(f"seam {_mean(seams, times, 2)} grey levels")
    if times > 1:
        between = 127.5 * drawn.channels[:, :3].unflatten(0, (times, -1)).std(0)
        open_part = unseen[: len(between)]
        told.append(f"spread of seeds {float((between * open_part).sum() / open_part.sum() / 3):.1f}")
    if drawn.seconds:
        told.append(f"{drawn.seconds:.2f} s each")
    return "  ".join(told)


def _mean(values: Tensor, times: int, digits: int) -> str:
    """Mean over all, and its standard error over the panoramas."""
    each = values.reshape(times, -1).mean(0)
    return f"{each.mean():.{digits}f} ± {each.std() / math.sqrt(len(each)):.{digits}f}"


def _without_depth(sample: Sample) -> Sample:
    return Sample(sample.truth, sample.solid, sample.known.without_distance(torch.zeros(1, 1, 1, 1)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="of stage 1")
    parser.add_argument("--count", type=int, default=50, help="held-out rooms")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--seeds", type=int, default=3, help="draws of each")
    parser.add_argument("--sheet", type=Path, help="write the first eight here, as a PNG")
    return parser.parse_args()


if __name__ == "__main__":
    main()
