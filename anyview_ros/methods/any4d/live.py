"""A scene that is made and refined while frames come: bounded in Gaussians, in frames kept and in time per frame."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.any4d.births import Births, born, grid_step, on_grid, unexplained
from anyview_ros.methods.any4d.depth_guess import Shares, support_of_guess
from anyview_ros.methods.any4d.factorise import factorise
from anyview_ros.methods.any4d.generator import Generator
from anyview_ros.methods.any4d.model import MovingGaussians
from anyview_ros.methods.any4d.motion import HybridMotion
from anyview_ros.methods.any4d.observations import observed_frame, shrunk
from anyview_ros.methods.any4d.optimisation import Optimisation, per_gaussian
from anyview_ros.methods.any4d.options import Any4DOptions
from anyview_ros.methods.any4d.segments import Noise, beside, motion_twists, segment
from anyview_ros.methods.any4d.tracks import clip_flow, depth_edges, follow, lifted
from anyview_ros.rendering.se3 import quaternion_from_rotation, rotation_from_quaternion
from anyview_ros.rendering.splatting import splat
from anyview_ros.synthesis.protocol import SynthesisStream

Float = NDArray[np.float64]

# Pixels with depth, of the first frame as shrunk, from which size and place of the scene are taken.
_FEWEST_OF_FIRST = 64
_DEAD = -12.0  # logit of the opacity of a place that holds no Gaussian
_SHARE_OF_FIRST = 0.7
_MOST_GROUPS = 16
_SAME_SURFACE = 0.05  # part of its depth by which what is drawn and what is measured may differ
_COVERED = 0.5
_STILL = 1e-4  # of a twist
_NEWEST = 0.5  # share of the steps that look at the newest frame
_PAD_NS = 1_000_000


class LiveScene:
    """Gaussians where they are now, and where they were at the last few frames.

    There is room for a number of Gaussians that never changes; places are taken by surfaces that nothing explains
    yet and given up where a frame looks through them. When all are taken, those that were longest out of sight go
    first. What is hidden by something nearer stays.

    Args:
        camera: intrinsics of the source.
        options: of the method.
        seed: of every random draw.
        device: torch device.

    Attributes:
        pushed: frames taken in.
        born: Gaussians made, those given up since counted too.
        newest: (M, 3), where those of the last frame were made, world, metres.

    Raises:
        InvalidRequestError: memory_mb that holds too few Gaussians.
    """

    def __init__(self, camera: PinholeCamera, options: Any4DOptions, seed: int, device: str) -> None:
        """Begin with nothing."""
        self._options, self._seed, self._device = options, seed, device
        self._camera = camera
        self._room = _room(camera, options)
        self._frames: deque[PosedClip] = deque(maxlen=options.keyframes)
        self._guesser: SynthesisStream | None = None
        self._optimisation: Optimisation | None = None
        self._seen_at = np.zeros(self._room, np.int64)
        self._support: Shares = np.ones((camera.height, camera.width), np.float32)  # of the newest frame
        self._random = np.random.default_rng(seed)
        self.pushed = 0
        self.born = 0
        self.newest = np.empty((0, 3))

    @property
    def scene(self) -> MovingGaussians | None:
        """The latest state; None before the first frame."""
        return None if self._optimisation is None else self._optimisation.scene

    @property
    def alive(self) -> int:
        """How many Gaussians there are."""
        return 0 if self.scene is None else int(self._alive_mask().sum())

    @property
    def state_bytes(self) -> int:
        """What Gaussians, their optimiser and the frames kept take."""
        if self._optimisation is None:
            return 0
        tensors = [*self._optimisation.scene.state_dict().values()]
        for state in self._optimisation.adam.state.values():
            tensors += [value for value in state.values() if isinstance(value, torch.Tensor)]
        frames = sum(
            clip.frames.nbytes + (0 if clip.depth is None else clip.depth.nbytes) for clip in self._frames
        )
        return sum(int(tensor.nbytes) for tensor in tensors) + int(frames)

    def push(self, clip: PosedClip) -> None:
        """Take in the next frame, a clip of one, and refine for as long as the options say.

        Raises:
            InvalidRequestError: no depth (of the first frame: hardly any), and no generator to guess it.
        """
        begun = time.perf_counter()
        self.newest = np.empty((0, 3))
        frame = shrunk(clip, self._options.side)
        support: Shares = np.ones((clip.camera.height, clip.camera.width), np.float32)
        if _known(frame) < (_FEWEST_OF_FIRST if self._optimisation is None else 1):
            guessed, support = self._guessed(clip)
            frame = shrunk(guessed, self._options.side)
        self._support = np.asarray(cv2.resize(support, frame.camera.size, interpolation=cv2.INTER_AREA))
        if self._optimisation is None:
            self._begin(frame)
        else:
            self._move(self._frames[-1], frame)
            self._frames.append(frame)
            self._look_through(frame)
            self._add(frame)
        self.pushed += 1
        self._refine(begun)

    def close(self) -> None:
        """Free everything."""
        self._optimisation = None
        self._frames.clear()
        if self._guesser is not None:
            self._guesser.close()
            self._guesser = None

    def _guessed(self, clip: PosedClip) -> tuple[PosedClip, Shares]:
        """The frame with the generator's depth, and how far its pixels (H, W) count as seen."""
        generator = Generator.of(self._options)
        if generator is None:
            raise InvalidRequestError(
                "the frame has no depth and generator is None, so nothing guesses it; push depth (a node: use_depth)"
            )
        if self._guesser is None:
            loaded = generator.load(self._device)
            self._guesser = loaded.open_stream(
                self._camera, [self._camera], seed=self._seed, options=generator.options_for(loaded)
            )
        pose = clip.camera_to_world[0]
        (view,) = self._guesser.push(
            clip.frames[0], pose, target_camera_to_world=[pose], stamp_ns=int(clip.stamps_ns[0])
        )
        if view is None or view.depth is None or not (view.depth > 0).any():
            raise InvalidRequestError(
                f"the frame has no depth and generator '{generator.name}' guesses none; push depth"
            )
        return replace(clip, depth=view.depth), support_of_guess(view)[0]

    def _begin(self, frame: PosedClip) -> None:
        depth = _depth(frame)
        step = grid_step(depth.size, _SHARE_OF_FIRST * self._room)
        chosen = on_grid(depth > 0, step)
        if not len(chosen):  # what is known lies between the columns and rows of the grid
            step = 1.0
            chosen = on_grid(depth > 0, step)[: self._room]
        births = self._born(frame, chosen, step)
        middle = np.median(births.means, axis=0)
        scale = max(float(np.median(np.linalg.norm(births.means - middle, axis=1))), 1e-3)
        knots = int(frame.stamps_ns[0]) - _PAD_NS * np.arange(self._options.keyframes - 1, -1, -1)
        motion = HybridMotion(
            self._room,
            knots,
            reference=len(knots) - 1,
            bases=self._options.bases,
            kind=self._options.motion,  # type: ignore[arg-type]
            centre=torch.from_numpy(middle),
            scale=scale,
            generator=torch.Generator().manual_seed(self._seed),
        )
        scene = MovingGaussians(Births.empty(self._room), motion).to(self._device)
        with torch.no_grad():
            scene.opacity_logits.fill_(_DEAD)
            scene.motion.weights.zero_()
            scene.motion.free.zero_()
        self._optimisation = Optimisation(scene, [], [None], self._options, self._seed)
        self._frames.append(frame)
        self._take_places(births)

    def _move(self, before: PosedClip, after: PosedClip) -> None:
        """Bring every Gaussian to where it is in the new frame, and count its past from there."""
        scene = self._scene()
        pair = _joined(before, after)
        places = scene.means.detach().cpu().numpy().astype(np.float64)
        step = np.broadcast_to(np.eye(4), (self._room, 4, 4)).copy()
        visible, pixels = self._visible(places, before)
        which = np.nonzero(visible)[0]
        if len(which):
            tracks = follow(clip_flow(pair), 0, pixels[which])
            points, known = lifted(tracks, pair)
            noise = Noise.of(places[which], before.camera_to_world[0], before.camera.fx)
            segments = segment(points, known, noise, 0, most=_MOST_GROUPS, seed=self._seed)
            label = np.zeros(self._room, np.int64)
            label[which] = segments.label
            hidden = self._alive_mask() & ~visible
            label[hidden] = beside(places[hidden], places[which], segments.label)
            step = segments.motion[label, 1]
        self._count_from(step, int(after.stamps_ns[0]))

    def _count_from(self, step: Float, stamp_ns: int) -> None:
        """Make the state after ``step`` (N, 4, 4) the reference, and the knots those of the window."""
        scene, motion = self._scene(), self._scene().motion
        with torch.no_grad():
            knots = torch.cat([motion.stamps[1:], torch.tensor([stamp_ns], device=motion.stamps.device)])
            courses = motion.courses - motion.courses[motion.reference]
            twists = ((motion.free * motion.weights)[:, None] * courses) @ motion.generators
            past = np.zeros(twists.shape)
            past[:, :-1] = twists[:, 1:].cpu().numpy()
            moved = torch.from_numpy(step).to(scene.means)
            done = motion_twists(step[:, None], motion.centre.cpu().numpy().astype(np.float64), motion.scale)
            past[:, :-1] -= done
            scene.means.copy_((moved[:, :3, :3] @ scene.means[:, :, None])[..., 0] + moved[:, :3, 3])
            turned = moved[:, :3, :3] @ rotation_from_quaternion(scene.quaternions)
            scene.quaternions.copy_(quaternion_from_rotation(turned))
            motion.stamps.copy_(knots)
            self._hold(past)

    def _hold(self, past: Float) -> None:
        """Write past motions (N, K, 6) as coefficients; what they do not hold is dropped."""
        motion = self._scene().motion
        moving = np.nonzero(np.abs(past).max((1, 2)) > _STILL)[0]
        motion.weights.zero_()
        motion.courses.zero_()
        motion.free.zero_()
        motion.free[torch.from_numpy(moving)] = 1.0
        if len(moving):
            frozen = len(motion.frozen)
            factors = factorise(
                past[moving], np.ones(len(moving)), frozen=frozen, learned=len(motion.learned)
            )
            motion.weights[torch.from_numpy(moving)] = torch.from_numpy(factors.weights).to(motion.weights)
            motion.courses.copy_(torch.from_numpy(factors.courses))
            used = torch.from_numpy(np.linalg.norm(factors.learned, axis=1) > 0)
            motion.learned[used] = torch.from_numpy(factors.learned).to(motion.learned)[used]
        for parameter in (motion.weights, motion.courses, motion.learned):
            self._opened().adam.state.pop(parameter, None)

    def _look_through(self, frame: PosedClip) -> None:
        """Give up Gaussians through which the frame sees something farther."""
        scene = self._scene()
        places = scene.means.detach().cpu().numpy().astype(np.float64)
        row, column, z, inside = _in_frame(places, frame)
        depth = _depth(frame)
        sure = ~depth_edges(depth)[row, column]
        wrong = inside & sure & (z < depth[row, column] * (1 - 1.5 * _SAME_SURFACE)) & self._alive_mask()
        with torch.no_grad():
            scene.opacity_logits[torch.from_numpy(np.nonzero(wrong)[0])] = _DEAD
        seen, _ = self._visible(places, frame)
        self._seen_at[seen] = self.pushed
        which = np.nonzero(seen)[0]
        share, index = torch.from_numpy(self._support[row[which], column[which]]), torch.from_numpy(which)
        scene.support[index] = torch.maximum(scene.support[index], share.to(scene.support))

    def _add(self, frame: PosedClip) -> None:
        """Gaussians where the frame shows a surface that nothing explains.

        Where something is drawn before the surface, the surface may be there all the same: what was covered, and
        what covered it has left a rim behind. The Gaussians themselves then tell, not the picture.
        """
        depth = _depth(frame)
        with torch.no_grad():
            drawn = splat(self._scene().at(int(frame.stamps_ns[0])), frame.camera, frame.camera_to_world[0])
        shown, alpha = drawn.depth.cpu().numpy(), drawn.alpha.cpu().numpy()
        covered, off = alpha > _COVERED, (shown - depth) / np.maximum(depth, 1e-6)
        explained = covered & (np.abs(off) < _SAME_SURFACE)
        explained |= covered & (off < 0) & ~self._absent(frame)
        pixels = on_grid((depth > 0) & ~explained & ~depth_edges(depth), 1)
        edge = on_grid((depth > 0) & (alpha < _COVERED) & depth_edges(depth), 1)
        pixels = np.concatenate([pixels, edge])
        most = (
            self._room // 4
        )  # a frame never takes more, so that one wrong pose does not cost the whole scene
        if len(pixels) > most:
            pixels = pixels[self._random.permutation(len(pixels))[:most]]
        if len(pixels):
            self._take_places(self._born(frame, pixels, 1))

    def _absent(self, frame: PosedClip) -> NDArray[np.bool_]:
        """Pixels (H, W) of a frame with depth on whose surface no Gaussian lies, whatever is drawn before it."""
        places = self._scene().means.detach().cpu().numpy()[self._alive_mask()].astype(np.float64)
        return unexplained(
            places,
            _depth(frame),
            frame.camera,
            frame.camera_to_world[0],
            reach=1,
            tolerance=_SAME_SURFACE,
        )

    def _born(self, frame: PosedClip, pixels: NDArray[np.int64], step: float) -> Births:
        image, pose = frame.frames[0].astype(np.float32) / 255, frame.camera_to_world[0]
        seen = self._support[pixels[:, 1], pixels[:, 0]]
        return born(image, _depth(frame), frame.camera, pose, pixels, step=step, support=seen)

    def _take_places(self, births: Births) -> None:
        scene, adam = self._scene(), self._opened().adam
        dead = np.nonzero(~self._alive_mask())[0]
        if len(dead) < len(births):
            oldest = np.argsort(self._seen_at, kind="stable")
            alive = oldest[self._alive_mask()[oldest] & (self._seen_at[oldest] < self.pushed)]
            dead = np.concatenate([dead, alive])
        slots = dead[: len(births)]
        births = births.chosen(np.arange(len(slots)))
        index = torch.from_numpy(slots)
        fresh = MovingGaussians(births, HybridMotion(len(slots), np.array([0]), bases=self._options.bases))
        with torch.no_grad():
            for name, parameter in scene.named_parameters():
                if not per_gaussian(name):
                    continue
                if name == "motion.weights":
                    parameter[index] = 0.0
                    scene.motion.free[index] = 0.0
                else:
                    parameter[index] = fresh.get_parameter(name).to(parameter)
                for value in adam.state.get(parameter, {}).values():
                    if value.shape == parameter.shape:
                        value[index] = 0.0
            scene.support[index] = fresh.support.to(scene.support)
        self._seen_at[slots] = self.pushed
        self.born += len(slots)
        self.newest = births.means

    def _refine(self, begun: float) -> None:
        optimisation = self._opened()
        window = [observed_frame(clip, 0, 0).to(self._device) for clip in self._frames]
        newest = window[-1]
        done = 0
        while self._goes_on(begun, done):
            other = window[int(self._random.integers(len(window)))]
            optimisation.observations = [newest if self._random.uniform() < _NEWEST else other]
            if not np.isfinite(optimisation.step()):
                self._restart_adam()
            done += 1
        optimisation.observations = []

    def _goes_on(self, begun: float, done: int) -> bool:
        if self._options.steps_per_frame is not None:
            return done < self._options.steps_per_frame
        return (time.perf_counter() - begun) * 1e3 < self._options.budget_ms

    def _restart_adam(self) -> None:
        """After a step that was not finite: the Gaussians that are no longer finite are given up."""
        scene, adam = self._scene(), self._opened().adam
        adam.state.clear()
        with torch.no_grad():
            good = torch.isfinite(scene.means).all(1) & torch.isfinite(scene.log_scales).all(1)
            scene.opacity_logits[~good] = _DEAD
            scene.means[~good] = 0.0
            scene.log_scales[~good] = 0.0
            for parameter in scene.parameters():
                parameter.nan_to_num_(0.0, 0.0, 0.0)

    def _visible(self, places: Float, frame: PosedClip) -> tuple[NDArray[np.bool_], Float]:
        """Which Gaussians lie on the surface that a frame shows, and their pixels (N, 2)."""
        row, column, z, inside = _in_frame(places, frame)
        measured = _depth(frame)[row, column]
        on_it = np.abs(measured - z) < _SAME_SURFACE * np.maximum(measured, 1e-6)
        local = (places - frame.camera_to_world[0, :3, 3]) @ frame.camera_to_world[0, :3, :3]
        pixels, _ = frame.camera.project(local)
        return inside & on_it & self._alive_mask(), pixels

    def _alive_mask(self) -> NDArray[np.bool_]:
        return np.asarray((self._scene().opacity_logits.detach() > _DEAD / 2).cpu().numpy())

    def _opened(self) -> Optimisation:
        if self._optimisation is None:
            raise InvalidRequestError("the scene has no frame yet; push one")
        return self._optimisation

    def _scene(self) -> MovingGaussians:
        return self._opened().scene


def _room(camera: PinholeCamera, options: Any4DOptions) -> int:
    """How many Gaussians the memory holds beside the frames: each with its gradient and two averages of Adam's."""
    scale = min(1.0, options.side / max(camera.width, camera.height))
    pixels = camera.width * camera.height * scale * scale
    frames = options.keyframes * pixels * (3 + 4 + 4 * 5)
    each = 4 * (4 * (14 + options.bases)) + 16
    room = int((options.memory_mb * 1e6 - frames) / each)
    if room < 100:
        raise InvalidRequestError(
            f"memory_mb is {options.memory_mb:g}, of which {options.keyframes} frames take {frames / 1e6:.1f}; "
            "give more memory, fewer keyframes, or a smaller side"
        )
    return min(room, options.gaussians)


def _joined(before: PosedClip, after: PosedClip) -> PosedClip:
    return PosedClip(
        np.concatenate([before.frames, after.frames]),
        before.camera,
        np.concatenate([before.camera_to_world, after.camera_to_world]),
        np.concatenate([before.stamps_ns, after.stamps_ns]),
        np.stack([_depth(before), _depth(after)]),
    )


def _in_frame(
    places: Float, frame: PosedClip
) -> tuple[NDArray[np.int64], NDArray[np.int64], Float, NDArray[np.bool_]]:
    """Row, column and depth (N,) of places in a frame, and whether they lie in it."""
    local = (places - frame.camera_to_world[0, :3, 3]) @ frame.camera_to_world[0, :3, :3]
    pixels, z = frame.camera.project(local)
    inside = (z > 0) & frame.camera.contains(np.nan_to_num(pixels, nan=-9.0))
    whole = np.where(inside[:, None], np.nan_to_num(pixels), 0.0)
    column = np.clip(np.rint(whole[:, 0]).astype(np.int64), 0, frame.camera.width - 1)
    row = np.clip(np.rint(whole[:, 1]).astype(np.int64), 0, frame.camera.height - 1)
    return row, column, z, inside


def _known(frame: PosedClip) -> int:
    """Pixels with depth."""
    return 0 if frame.depth is None else int(np.count_nonzero(frame.depth > 0))


def _depth(frame: PosedClip) -> NDArray[np.float32]:
    if frame.depth is None:
        raise InvalidRequestError("the frame has no depth; push depth")
    first: NDArray[np.float32] = frame.depth[0]
    return first
