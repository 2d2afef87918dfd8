"""One source camera followed through time, at constant cost.

Each frame is encoded once, and each view decoded once. Where there is no depth image, four parts of each frame that is
seen by a view are encoded too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.facets import DepthFacets
from anyview_ros.methods.anyview_small.cameras import Cameras
from anyview_ros.methods.anyview_small.candidates import Hint, Mixture, Prediction, mix
from anyview_ros.methods.anyview_small.confidence import confidence
from anyview_ros.methods.anyview_small.config import PATCH, SmallConfig
from anyview_ros.methods.anyview_small.flow import Told, drawn_difference, imagined_share, spread
from anyview_ros.methods.anyview_small.hints import Splat, splat
from anyview_ros.methods.anyview_small.network import DecodedTarget, EncodedSource, FrameTokens, SmallNetwork
from anyview_ros.methods.anyview_small.options import SmallOptions
from anyview_ros.methods.anyview_small.parts import merged, overlapping_parts
from anyview_ros.methods.anyview_small.sight import Sight
from anyview_ros.methods.anyview_small.weights import LoadedWeights
from anyview_ros.methods.pictures import Picture, SourceFrame

_LEAST_SIDE = 2 * PATCH
_SHRINK_ABOVE = 1.5  # times finer than the target sees it, and the source is averaged first


def network_size(camera: PinholeCamera, config: SmallConfig) -> tuple[int, int]:
    """(height, width) at which the network sees a camera: multiples of 8, as near to its shape as these come."""
    longer = max(camera.width, camera.height)
    scale = min(max(longer, config.smallest_side), config.side) / longer

    def fitted(length: int) -> int:
        return max(round(length * scale / PATCH) * PATCH, _LEAST_SIDE)

    return fitted(camera.height), fitted(camera.width)


@dataclass(frozen=True)
class Sampling:
    """How what was not seen is drawn.

    Attributes:
        steps: evaluations of the flow head; with 1 nothing is drawn, and the expected picture is shown.
        seed: of the noise.
        check: called before each evaluation; what it raises ends the work.
    """

    steps: int = 1
    seed: int = 0
    check: Callable[[], None] | None = None


@dataclass(eq=False)
class TargetMemory:
    """What is kept of one target's earlier frames."""

    frames: deque[FrameTokens]


@dataclass(eq=False)
class _Encoded:
    frame: SourceFrame
    source: EncodedSource
    facets: DepthFacets | None
    past: tuple[FrameTokens, ...]
    parts_unread: bool


class Session:
    """Feeds frames of one source camera to the network and asks it for views.

    Args:
        weights: the network.
        device: where it is.
        options: of the method.
        sampling: how what was not seen is drawn.
    """

    def __init__(
        self, weights: LoadedWeights, device: torch.device, options: SmallOptions, sampling: Sampling
    ) -> None:
        """Begin with an empty memory."""
        self._network: SmallNetwork = weights.network
        self._calibration = weights.calibration
        self._device, self._options, self._sampling = device, options, sampling
        self._sizes = _sizes(self._network.config, options)
        self._kept = self._network.config.memory_frames - 1
        self._sources: deque[FrameTokens] = deque(maxlen=self._kept)
        self._current: _Encoded | None = None

    def target_memory(self) -> TargetMemory:
        """An empty memory for a target."""
        return TargetMemory(deque(maxlen=self._kept))

    def state_values(self, targets: list[TargetMemory]) -> int:
        """How many numbers the session and these targets hold of past frames."""
        frames = [*self._sources, *(frame for target in targets for frame in target.frames)]
        return sum(kv.keys.numel() + kv.values.numel() for frame in frames for kv in frame.blocks)

    @torch.inference_mode()
    def push(self, frame: SourceFrame) -> None:
        """Encode the next source frame."""
        if self._current is not None:
            self._sources.append(self._current.source.tokens)
        camera = Cameras.of([frame.camera], self._pose(frame.camera_to_world))
        height, width = network_size(frame.camera, self._sizes)
        small = self._picture(_shrunk(frame.image, width, height))
        depth = self._depth(frame)
        facets = None if depth is None else DepthFacets.from_depth(depth)
        seen = np.zeros((height, width), np.float32)
        if depth is not None:
            seen = np.asarray(cv2.resize(depth, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))
        past = tuple(self._sources)
        measured = torch.from_numpy(seen)[None, None].to(self._device)
        encoded = self._network.encode(small, measured, camera, past)
        parts = depth is None and self._options.parts and encoded.planes is not None
        self._current = _Encoded(frame, encoded, facets, past, parts)

    @torch.inference_mode()
    def view(self, memory: TargetMemory, camera: PinholeCamera, pose: NDArray[np.float64]) -> Picture:
        """Return the newest source frame's instant as the target sees it."""
        current = self._current
        assert current is not None  # noqa: S101 - the methods here push before they ask
        if current.parts_unread:
            current.source, current.parts_unread = self._with_parts(current), False
        target = Cameras.of([camera], self._pose(pose))
        seen = self._splat(current, camera, pose)
        size = network_size(camera, self._sizes)
        hint = self._hint(seen, size)
        decoded = self._network.decode(
            target,
            current.source,
            hint,
            current.past,
            tuple(memory.frames),
            size,
            self._options.depth_range_m,
        )
        memory.frames.append(decoded.tokens)
        prediction, picture = decoded.prediction, current.source.picture
        depths = self._network.depths(self._device)
        mixed = drawn = None
        if self._sampling.steps > 1:
            mixed = mix(prediction, picture, decoded.sight, hint, depths, decoded.swept)
            drawn = self._drawn(decoded, mixed)
        if self._options.one_depth and depths is not None:
            prediction, mixed = prediction.at_one_depth(depths), None
        full = (camera.height, camera.width)
        if full != size and self._options.sharp:
            prediction = prediction.resized(*full)
            sight = Sight.between(target, current.source.tokens.camera, full)
            source = self._picture(_fitting(current.frame, camera))
            mixed = mix(prediction, source, sight, self._hint(seen, full), depths)
        elif mixed is None:
            mixed = mix(prediction, picture, decoded.sight, hint, depths, decoded.swept)
        return self._picture_of(mixed, prediction, drawn, seen, camera)

    def _with_parts(self, current: _Encoded) -> EncodedSource:
        """The source with the depth that is read from the whole and from its parts."""
        frame, whole = current.frame, current.source.planes
        assert whole is not None  # noqa: S101 - push sees to it
        height, width = current.source.picture.shape[-2:]
        parts = overlapping_parts(frame.camera)
        pictures = torch.cat([self._picture(_shrunk(part.cut(frame.image), width, height)) for part in parts])
        poses = self._pose(frame.camera_to_world).expand(len(parts), 4, 4)
        cameras = Cameras.of([part.own_camera for part in parts], poses)
        unknown = pictures.new_zeros(len(parts), 1, height, width)
        read = self._network.encode(pictures, unknown, cameras, ()).planes
        assert read is not None  # noqa: S101 - as there are some of the whole
        return replace(current.source, planes=merged(whole, read, parts))

    def _drawn(self, decoded: DecodedTarget, mixed: Mixture) -> Tensor:
        """What several steps add to the expected picture where nothing better is known, (1, 3, h, w)."""
        head, sampling = self._network.flow, self._sampling
        assert head is not None  # noqa: S101 - weights without it have one step
        told = Told.of(decoded.prediction, mixed, decoded.features, decoded.grid)
        check = sampling.check
        drawn = drawn_difference(
            head,
            told,
            steps=sampling.steps,
            seed=sampling.seed,
            solver=self._options.solver,
            between=None if check is None else lambda _: check(),
        )
        return drawn * spread(decoded.prediction)

    def _picture_of(
        self,
        mixed: Mixture,
        prediction: Prediction,
        drawn: Tensor | None,
        seen: Splat | None,
        camera: PinholeCamera,
    ) -> Picture:
        trust = confidence(mixed.support, prediction.log_error, self._calibration)
        picture = mixed.colour
        if drawn is not None:
            size = (picture.shape[-2], picture.shape[-1])
            drawn = functional.interpolate(drawn, size, mode="bilinear", align_corners=False)
            share = imagined_share(trust)
            picture = picture + share * drawn
            trust = trust * (1 - share * (1 - self._calibration.drawn))
        colour, shown = picture[0].clamp(0, 1).mul(255).round().byte(), (camera.width, camera.height)
        image = colour.permute(1, 2, 0).contiguous().cpu().numpy()
        trusted = trust[0, 0].float().contiguous().cpu().numpy()
        depth = prediction.log_depth.exp()[0, 0].contiguous().cpu().numpy()
        if image.shape[:2] != (camera.height, camera.width):
            image, trusted, depth = (
                np.asarray(cv2.resize(array, shown, interpolation=cv2.INTER_LINEAR))
                for array in (image, trusted, depth)
            )
        if not self._network.config.planes:
            depth = np.zeros_like(depth)
        if seen is not None:
            depth = np.where(seen.depth > 0, seen.depth, depth)
        return Picture(image, np.clip(trusted, 0, 1), np.asarray(depth, np.float32))

    def _splat(self, current: _Encoded, camera: PinholeCamera, pose: NDArray[np.float64]) -> Splat | None:
        if current.facets is None:
            return None
        frame = current.frame
        return splat(frame.image, current.facets, frame.camera, frame.camera_to_world, camera, pose)

    def _hint(self, seen: Splat | None, size: tuple[int, int]) -> Hint:
        if seen is None:
            return Hint.none(1, *size, self._device)
        height, width = size
        depth, support = seen.depth, seen.support
        if depth.shape != size:
            depth = np.asarray(cv2.resize(depth, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))
            support = np.asarray(cv2.resize(support, (width, height), interpolation=cv2.INTER_AREA))
        return Hint(
            self._picture(_shrunk(seen.colour, width, height)),
            torch.from_numpy(depth)[None, None].to(self._device),
            torch.from_numpy(support)[None, None].to(self._device),
            torch.ones(1, 1, 1, 1, device=self._device),
        )

    def _depth(self, frame: SourceFrame) -> NDArray[np.float32] | None:
        if frame.depth is None or not self._options.use_depth or not self._network.config.depth_hint:
            return None
        known = np.isfinite(frame.depth) & (frame.depth > 0)
        return np.where(known, frame.depth, np.float32(0)).astype(np.float32) if known.any() else None

    def _pose(self, pose: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(np.array(pose, np.float64))[None].to(self._device)

    def _picture(self, image: NDArray[np.uint8]) -> Tensor:
        raw = torch.from_numpy(np.array(image)).to(
            self._device
        )  # a copy: torch wants memory that may be written
        return raw.permute(2, 0, 1)[None].float() / 255


def _sizes(config: SmallConfig, options: SmallOptions) -> SmallConfig:
    """The settings with the sides that were asked for."""
    return config if options.side is None else replace(config, side=options.side, smallest_side=options.side)


def _shrunk(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    smaller = width * height < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def _fitting(frame: SourceFrame, target: PinholeCamera) -> NDArray[np.uint8]:
    """The source, shrunk if it is much finer than the target, so that fine texture does not shimmer."""
    ratio = frame.camera.fx / target.fx
    if ratio < _SHRINK_ABOVE:
        return frame.image
    width = max(round(frame.camera.width / ratio), _LEAST_SIDE)
    height = max(round(frame.camera.height / ratio), _LEAST_SIDE)
    return _shrunk(frame.image, min(width, frame.camera.width), min(height, frame.camera.height))
