"""A robot at work: an arm on a table that moves a block to and fro, with a belt, a rolling ball and things around."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import BODY_FROM_OPTICAL, PinholeCamera, look_at
from anyview_ros.scenes.arm import Arm
from anyview_ros.scenes.material import Light, Material, Rgb
from anyview_ros.scenes.poses import eased, move, turn
from anyview_ros.scenes.scene import WORLD, Body
from anyview_ros.scenes.shapes import box, capsule, cylinder, plane, sphere
from anyview_ros.scenes.textures import Image, photograph_textures, procedural_textures
from anyview_ros.scenes.world import FramePoses, MountedCamera, World, mounted

Array = NDArray[np.float64]

TABLE_HEIGHT_M = 0.75
_BLOCK = 0.05
_BELT_X, _BELT_HALF, _BELT_TOP = 0.70, 0.52, 0.06
_BALL = 0.035
_COLOURS: tuple[Rgb, ...] = (
    (0.85, 0.16, 0.14),
    (0.13, 0.42, 0.80),
    (0.98, 0.76, 0.10),
    (0.18, 0.62, 0.30),
    (0.93, 0.45, 0.10),
    (0.50, 0.25, 0.65),
    (0.10, 0.62, 0.66),
)
_SHELLS: tuple[Rgb, ...] = ((0.93, 0.93, 0.92), (0.95, 0.55, 0.10), (0.96, 0.80, 0.15), (0.80, 0.84, 0.88))


@dataclass(frozen=True)
class _Stop:
    """A place of the fingertips: see ``Arm.reach``; ``twist`` turns the forearm besides."""

    azimuth: float
    radius: float
    height: float
    pitch: float = math.pi
    roll: float = 0.0
    twist: float = 0.0

    def over(self, clearance: float) -> _Stop:
        return _Stop(self.azimuth, self.radius, self.height + clearance, self.pitch, self.roll)


@dataclass(frozen=True)
class _Task:
    """Where the block is taken from and put to, and the time that takes there and back."""

    pick: _Stop
    place: _Stop
    period_s: float

    def timetable(self) -> list[tuple[float, _Stop, bool]]:
        """Durations, the stop at the end of each and whether the fingers are closed then."""
        rest = _Stop(0.0, 0.36, 0.34, 2.45, 0.0, 0.35)
        aside = _Stop(0.45, 0.40, 0.30, 2.3, 0.4, -0.35)
        legs = []
        for start, end, pause in ((self.pick, self.place, aside), (self.place, self.pick, rest)):
            legs += [
                (2.0, start.over(0.12), False),
                (1.0, start, False),
                (0.5, start, True),
                (1.0, start.over(0.12), True),
                (2.2, end.over(0.12), True),
                (1.0, end, True),
                (0.5, end, False),
                (1.0, end.over(0.12), False),
                (1.8, pause, False),
            ]
        total = sum(leg[0] for leg in legs)
        return [(duration * self.period_s / total, stop, closed) for duration, stop, closed in legs]


class _RobotMotion:
    """All frames of the cell as a function of time."""

    def __init__(self, arm: Arm, task: _Task, belt_items: int) -> None:
        self._arm, self._task, self._belt_items = arm, task, belt_items
        self._fixed = arm.fixed_frames()
        table = task.timetable()
        durations = [leg[0] for leg in table]
        self._ends = np.cumsum(durations)
        self._starts = self._ends - durations
        stops = [leg[1] for leg in table]
        self._stops = np.array(
            [[s.azimuth, s.radius, s.height, s.pitch, s.roll, s.twist] for s in (stops[-1], *stops)]
        )
        closed = [leg[2] for leg in table]
        self._closed = np.array([float(c) for c in (closed[-1], *closed)])
        self._grips = [i for i in range(len(closed)) if closed[i] and not closed[i - 1]]
        self._releases = [i for i in range(len(closed)) if not closed[i] and closed[i - 1]]
        ends = self._stops[[self._grips[0], self._releases[0]]]
        at_pick, at_place = self._tool(arm.frames(self._joints(ends), np.zeros(2)))
        self._grasp = move(z=arm.fingertip) @ turn("x", math.pi)
        self._resting = (at_pick @ self._grasp, at_place @ self._grasp)

    def __call__(self, times_s: Array) -> FramePoses:
        phase = np.mod(times_s, self._task.period_s)
        leg = np.minimum(np.searchsorted(self._ends, phase, side="right"), len(self._ends) - 1)
        share = eased((phase - self._starts[leg]) / (self._ends - self._starts)[leg])[..., None]
        stop = self._stops[leg] * (1 - share) + self._stops[leg + 1] * share
        closed = self._closed[leg] * (1 - share[..., 0]) + self._closed[leg + 1] * share[..., 0]
        opening = self._arm.finger_travel + closed * (_BLOCK / 2 + 0.0002 - self._arm.finger_travel)
        links = self._arm.frames(self._joints(stop), opening)
        return {
            **links,
            "held_block": ("base_link", self._block(leg, self._tool(links))),
            **self._belt(phase),
            "ball": (WORLD, self._ball(phase)),
        }

    def _joints(self, stop: Array) -> Array:
        joints = self._arm.reach(*np.moveaxis(stop[..., :5], -1, 0))
        joints[..., 3] += stop[..., 5]
        return joints

    def _tool(self, links: FramePoses) -> Array:
        tree = {**links, **self._fixed}
        pose, frame = np.eye(4), "tool0"
        while frame != "base_link":
            frame, to_parent = tree[frame]
            pose = to_parent @ pose
        return pose

    def _block(self, leg: NDArray[np.int64], tool: Array) -> Array:
        """The block rests, is carried over, rests, and is carried back."""
        (first_grip, second_grip), (first_release, second_release) = self._grips, self._releases
        carried = ((leg > first_grip) & (leg < first_release)) | (
            (leg > second_grip) & (leg < second_release)
        )
        placed = (leg >= first_release) & (leg <= second_grip)
        resting = np.where(placed[..., None, None], self._resting[1], self._resting[0])
        return np.where(carried[..., None, None], tool @ self._grasp, resting)

    def _belt(self, phase: Array) -> FramePoses:
        """Things on the belt come out of one hood and go into the other."""
        poses = {}
        for i in range(self._belt_items):
            share = np.mod(phase / self._task.period_s + i / self._belt_items, 1.0)
            y = -_BELT_HALF + 2 * _BELT_HALF * share
            poses[f"belt_item_{i}"] = ("table", move(x=_BELT_X, y=y, z=_BELT_TOP))
        return poses

    def _ball(self, phase: Array) -> Array:
        """A ball that rolls to and fro between two rails, without slipping."""
        along = 0.17 * np.sin(2 * np.pi * phase * 2 / self._task.period_s)
        rolling = turn("y", along / _BALL) @ turn("x", 0.6)
        return move(x=0.36 + along, y=0.50, z=TABLE_HEIGHT_M + _BALL + 0.004) @ rolling


def simulated_robot(
    seed: int = 0,
    *,
    period_s: float = 12.0,
    photographs: Sequence[NDArray[np.uint8]] | Mapping[str, Image] = (),
) -> World:
    """Return a room with an arm on a table that picks a block up, puts it elsewhere and takes it back.

    The robot's frames: ``base_link`` (on the table top, x towards the workspace), ``link_1`` … ``link_6``, ``tool0``,
    ``left_finger``, ``right_finger``, ``wrist_camera_link`` and ``camera_link``. Cameras: ``front`` (a real one's
    place, at ``camera_link``), ``overhead``, ``wrist``, ``left_shoulder`` and ``right_shoulder``.

    Args:
        seed: colours, textures, lamps, where things lie and what is picked; same seed, same world.
        period_s: time of one round, after which all repeats exactly.
        photographs: pictures for the walls and boxes, uint8 (H, W, 3), or textures by name.
    """
    rng = np.random.default_rng(seed)
    extra = photograph_textures(photographs)
    textures = procedural_textures().extended(extra) if extra else procedural_textures()
    pictures = tuple(extra) or ("confetti", "marble_1", "clouds")
    arm = Arm()
    task = _task(rng, period_s)
    belt_items = 4
    motion = _RobotMotion(arm, task, belt_items)
    shell, accent = _SHELLS[seed % len(_SHELLS)], _COLOURS[(seed * 3 + 1) % len(_COLOURS)]
    bodies = [
        *_room(rng, pictures),
        *_table(rng),
        *arm.bodies(
            Material(shell, gloss=0.25, sharpness=60),
            Material(accent, gloss=0.25, sharpness=60),
            Material((0.13, 0.13, 0.15), gloss=0.2),
        ),
        *_belt(rng, belt_items),
        *_things(rng, task, pictures),
    ]
    shift = rng.uniform(-0.2, 0.2, 2)
    return World(
        bodies=tuple(bodies),
        motion=motion,
        fixed={
            "table": (WORLD, move(z=TABLE_HEIGHT_M)),
            "base_link": (WORLD, move(z=TABLE_HEIGHT_M)),
            "camera_link": (WORLD, _front_pose() @ _OPTICAL_FROM_BODY),
            **arm.fixed_frames(),
        },
        lights=(
            Light((1.1 + shift[0], -1.2 + shift[1], 2.5), (0.62, 0.60, 0.56), radius_m=0.12),
            Light((-0.6, 1.5 + shift[0], 2.5), (0.30, 0.31, 0.34), radius_m=0.15),
        ),
        textures=textures,
        cameras=_cameras(),
        period_s=period_s,
        focus=(0.35, 0.0, TABLE_HEIGHT_M + 0.1),
        bounds=((-1.6, -1.9, 0.3), (2.4, 1.9, 2.5)),
        hidden_frames=frozenset(
            {"held_block", "ball", "table", *(f"belt_item_{i}" for i in range(belt_items))}
        ),
        ambient=(0.36, 0.37, 0.40),
    )


_OPTICAL_FROM_BODY = np.asarray(BODY_FROM_OPTICAL).T


def _front_pose() -> Array:
    return np.asarray(look_at((1.42, -0.95, 1.52), (0.27, 0.02, 0.90)))


def _cameras() -> dict[str, MountedCamera]:
    on_table = move(z=-TABLE_HEIGHT_M)

    def fixed(
        eye: tuple[float, ...], target: tuple[float, ...], up: tuple[float, ...], fov: float
    ) -> MountedCamera:
        camera = PinholeCamera.from_fov(640, 480, horizontal_fov_deg=fov)
        return mounted(camera, "base_link", on_table @ look_at(eye, target, up))

    front = PinholeCamera.from_fov(640, 480, horizontal_fov_deg=58)
    wrist = PinholeCamera.from_fov(640, 480, horizontal_fov_deg=75)
    return {
        "front": mounted(front, "camera_link", BODY_FROM_OPTICAL),
        "overhead": fixed((0.30, 0.0, 2.10), (0.30, 0.0, 0.75), (1, 0, 0), 62),
        "wrist": mounted(wrist, "wrist_camera_link", move(x=0.02) @ BODY_FROM_OPTICAL),
        "left_shoulder": fixed((-0.30, 0.55, 1.45), (0.42, -0.02, 0.80), (0, 0, 1), 65),
        "right_shoulder": fixed((-0.30, -0.55, 1.45), (0.42, 0.02, 0.80), (0, 0, 1), 65),
    }


def _task(rng: np.random.Generator, period_s: float) -> _Task:
    grasp_height = _BLOCK / 2 + 0.002
    azimuths = rng.uniform(0.25, 0.5), rng.uniform(-0.55, -0.3)
    radii = rng.uniform(0.38, 0.46, 2)
    turns = rng.uniform(-0.5, 0.5, 2)
    pick = _Stop(azimuths[0], float(radii[0]), grasp_height, roll=float(turns[0]))
    place = _Stop(azimuths[1], float(radii[1]), grasp_height, roll=float(turns[1]))
    return _Task(pick, place, period_s)


def _room(rng: np.random.Generator, pictures: tuple[str, ...]) -> list[Body]:
    walls = (
        Material((0.86, 0.87, 0.84), (0.60, 0.60, 0.56), f"plaster_{rng.integers(2)}", 1.6),
        Material((0.78, 0.52, 0.42), (0.80, 0.76, 0.70), "bricks", 0.9),
        Material((0.62, 0.74, 0.80), (0.42, 0.50, 0.56), f"plaster_{rng.integers(2)}", 1.6),
        Material((0.90, 0.86, 0.74), (0.72, 0.66, 0.52), "stripes", 0.5),
    )
    order = rng.permutation(4)
    floor = Material((0.72, 0.54, 0.36), (0.30, 0.20, 0.12), f"planks_{rng.integers(2)}", 0.7, gloss=0.05)
    left, right, back, front, ceiling = 2.1, -2.1, -1.8, 2.6, 2.75

    def wall(material: Material, pose: Array) -> Body:
        return Body(plane(), material, pose, instance="room", casts_shadow=False)

    upright = turn("x", math.pi / 2)
    bodies = [
        wall(floor, np.eye(4)),
        wall(Material((0.95, 0.95, 0.94)), move(z=ceiling) @ turn("x", math.pi)),
        wall(walls[order[0]], move(x=back) @ turn("z", math.pi / 2) @ upright),
        wall(walls[order[1]], move(x=front) @ turn("z", -math.pi / 2) @ upright),
        wall(walls[order[2]], move(y=left) @ upright),
        wall(walls[order[3]], move(y=right) @ turn("z", math.pi) @ upright),
    ]
    frame = Material((0.25, 0.18, 0.12), gloss=0.1)
    places = (
        (back, -0.75, 1.75, 0.0, 0.62),
        (back, 0.55, 1.70, 0.0, 0.50),
        (0.2, left, 1.65, math.pi / 2, 0.70),
        (-0.9, right, 1.6, math.pi / 2, 0.55),
        (front, 0.6, 1.6, 0.0, 0.60),
    )
    for i, (x, y, z, angle, size) in enumerate(places):
        picture = Material((0.95, 0.95, 0.95), (0.08, 0.08, 0.12), pictures[i % len(pictures)], size)
        pose = move(x, y, z) @ turn("z", angle)
        bodies.append(
            Body(box(0.03, size + 0.06, size + 0.06), frame, pose, instance="pictures", casts_shadow=False)
        )
        bodies.append(Body(box(0.04, size, size), picture, pose, instance="pictures", casts_shadow=False))
    return bodies + _furniture(rng)


def _furniture(rng: np.random.Generator) -> list[Body]:
    """A shelf with boxes behind the robot, a plant, a carpet."""
    board = Material((0.62, 0.44, 0.28), (0.40, 0.26, 0.15), "wood_1", 0.5)
    bodies = [
        Body(box(0.30, 1.7, 0.03), board, move(-1.62, 0.25, height), instance="shelf")
        for height in (0.45, 0.85, 1.25)
    ]
    bodies += [
        Body(box(0.30, 0.03, 1.26), board, move(-1.62, 0.25 + side, 0.63), instance="shelf")
        for side in (-0.85, 0.85)
    ]
    for height in (0.465, 0.865, 1.265):
        y = -0.45
        while y < 0.85:
            width, tall = rng.uniform(0.10, 0.24), rng.uniform(0.14, 0.30)
            if rng.uniform() < 0.8:
                colour = tuple(float(c) for c in rng.uniform(0.2, 0.85, 3))
                material = Material((colour[0], colour[1], colour[2]), (0.85, 0.82, 0.75), "plain")
                pose = move(-1.60, y + width / 2, height + tall / 2)
                bodies.append(
                    Body(box(0.22, width * 0.9, tall), material, pose, instance="boxes", casts_shadow=False)
                )
            y += width + 0.03
    pot = Material((0.70, 0.36, 0.24))
    leaf = Material((0.22, 0.48, 0.20), (0.12, 0.28, 0.10), "speckle", 0.3)
    bodies.append(Body(cylinder(0.15, 0.28), pot, move(-1.3, 1.65, 0.14), instance="plant"))
    for dx, dy, dz, radius in ((0, 0, 0.62, 0.24), (0.12, -0.12, 0.9, 0.18), (-0.08, 0.08, 1.05, 0.15)):
        bodies.append(Body(sphere(radius), leaf, move(-1.3 + dx, 1.65 + dy, dz), instance="plant"))
    carpet = Material((0.60, 0.22, 0.20), (0.86, 0.80, 0.66), "grid", 0.6)
    bodies.append(
        Body(box(2.3, 2.6, 0.012), carpet, move(0.3, 0, 0.006), instance="carpet", casts_shadow=False)
    )
    return bodies


def _table(rng: np.random.Generator) -> list[Body]:
    tone: Rgb = ((0.86, 0.70, 0.50), (0.80, 0.66, 0.50), (0.70, 0.50, 0.33))[rng.integers(3)]
    top = Material(
        tone, (tone[0] * 0.72, tone[1] * 0.66, tone[2] * 0.60), f"wood_{rng.integers(2)}", 0.55, 0.08
    )
    steel = Material((0.45, 0.46, 0.48), gloss=0.3)
    mat = Material((0.30, 0.45, 0.42), (0.24, 0.36, 0.34), "grid", 0.16)
    bodies = [
        Body(box(1.15, 1.5, 0.04), top, move(0.295, 0, TABLE_HEIGHT_M - 0.02), instance="table"),
        Body(box(0.40, 0.62, 0.004), mat, move(0.42, 0.0, TABLE_HEIGHT_M + 0.002), instance="mat"),
    ]
    for x in (-0.22, 0.81):
        for y in (-0.68, 0.68):
            height = TABLE_HEIGHT_M - 0.04
            bodies.append(Body(box(0.06, 0.06, height), steel, move(x, y, height / 2), instance="table"))
    return bodies


def _belt(rng: np.random.Generator, items: int) -> list[Body]:
    rubber = Material((0.16, 0.16, 0.17))
    frame = Material((0.75, 0.77, 0.80), gloss=0.3)
    hood = Material((0.20, 0.40, 0.66), gloss=0.15)
    length = 2 * _BELT_HALF
    bodies = [
        Body(
            box(0.12, length + 0.16, _BELT_TOP - 0.012),
            rubber,
            move(_BELT_X, 0, _BELT_TOP / 2 + 0.006),
            "table",
        ),
        *(
            Body(box(0.016, length + 0.16, 0.07), frame, move(_BELT_X + side, 0, 0.035), "table", "belt")
            for side in (-0.068, 0.068)
        ),
        *(
            Body(
                box(0.16, 0.17, 0.17), hood, move(_BELT_X, end * (_BELT_HALF + 0.005), 0.085), "table", "belt"
            )
            for end in (-1, 1)
        ),
    ]
    for i in range(items):
        colour = _COLOURS[int(rng.integers(len(_COLOURS)))]
        if i % 2:
            shape, height = cylinder(0.03, 0.07), 0.035
        else:
            shape, height = box(0.055, 0.055, 0.055), 0.0275
        pose = move(z=height) @ turn("z", float(rng.uniform(0, 1.5)))
        bodies.append(Body(shape, Material(colour, gloss=0.15), pose, f"belt_item_{i}", f"belt_item_{i}"))
    return bodies


def _things(rng: np.random.Generator, task: _Task, pictures: tuple[str, ...]) -> list[Body]:
    """What lies on the table: the block that is carried, a rolling ball, and things that only lie there."""
    palette = [_COLOURS[i] for i in rng.permutation(len(_COLOURS))]
    carried = Material(palette[0], _shade(palette[0], 0.75), "checker", _BLOCK, gloss=0.15)
    bodies = [Body(box(_BLOCK, _BLOCK, _BLOCK), carried, np.eye(4), "held_block", "carried_block")]
    beach = Material(palette[1], (0.95, 0.95, 0.95), "stripes", 0.11, gloss=0.3)
    bodies.append(Body(sphere(_BALL), beach, np.eye(4), "ball", "rolling_ball"))
    rail = Material((0.6, 0.6, 0.63), gloss=0.3)
    for side in (-0.018, 0.018):
        pose = move(0.36, 0.50 + side, TABLE_HEIGHT_M + 0.005) @ turn("y", math.pi / 2)
        bodies.append(Body(capsule(0.005, 0.44), rail, pose, instance="rails"))
    taken = [
        (s.radius * math.cos(s.azimuth), s.radius * math.sin(s.azimuth)) for s in (task.pick, task.place)
    ]
    for i, (x, y) in enumerate(_free_places(rng, taken, 9)):
        bodies += _thing(rng, i, x, y, palette[2 + i % (len(palette) - 2)])
    crate = Material((1, 1, 1), (0.1, 0.1, 0.1), pictures[0], 0.16)
    bodies.append(
        Body(
            box(0.16, 0.16, 0.16),
            crate,
            move(-0.12, -0.52, TABLE_HEIGHT_M + 0.08) @ turn("z", 0.5),
            instance="crate",
        )
    )
    return bodies


def _shade(colour: Rgb, share: float) -> Rgb:
    return (colour[0] * share, colour[1] * share, colour[2] * share)


def _free_places(
    rng: np.random.Generator, taken: list[tuple[float, float]], count: int
) -> list[tuple[float, float]]:
    """Places on the table at least 11 cm from each other and out of the way of rails, belt and base."""
    places = list(taken)
    while len(places) < count + len(taken):
        x, y = float(rng.uniform(0.16, 0.58)), float(rng.uniform(-0.62, 0.40))
        if all(math.hypot(x - a, y - b) > 0.11 for a, b in places):
            places.append((x, y))
    return places[len(taken) :]


def _thing(rng: np.random.Generator, number: int, x: float, y: float, colour: Rgb) -> list[Body]:
    table = move(x, y, TABLE_HEIGHT_M) @ turn("z", float(rng.uniform(0, math.pi)))
    material = Material(colour, gloss=0.2)
    name = f"thing_{number}"

    def part(shape_pose: Array) -> Array:
        return np.asarray(table @ shape_pose)

    match number % 5:
        case 0:
            return [Body(box(0.05, 0.05, 0.05), material, part(move(z=0.025)), instance=name)]
        case 1:
            return [Body(sphere(0.03), material, part(move(z=0.03)), instance=name)]
        case 2:
            white = Material((0.95, 0.95, 0.93), gloss=0.25)
            band = Material(colour, gloss=0.2)
            return [
                Body(cylinder(0.036, 0.085), white, part(move(z=0.0425)), instance=name),
                Body(cylinder(0.0365, 0.02), band, part(move(z=0.05)), instance=name),
                Body(capsule(0.006, 0.04), white, part(move(x=0.046, z=0.045)), instance=name),
            ]
        case 3:
            second = Material((0.9, 0.88, 0.8), _shade(colour, 0.6), "fine_stripes", 0.2)
            return [
                Body(box(0.07, 0.045, 0.03), material, part(move(z=0.015)), instance=name),
                Body(box(0.045, 0.045, 0.04), second, part(move(z=0.05) @ turn("z", 0.5)), instance=name),
            ]
        case _:
            pose = part(move(z=0.022) @ turn("x", math.pi / 2))
            return [Body(capsule(0.022, 0.07), material, pose, instance=name)]
