"""Which robots, things and textures of robosuite there are, where they lie, and which are kept for tests."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from anyview_ros.errors import MissingDependencyError

_INSTALL = "pip install mujoco==3.3.7 && pip install --no-deps robosuite==1.5.2"


@dataclass(frozen=True)
class Robot:
    """An arm of robosuite, and how it stands in its demonstrations.

    Attributes:
        name: of its folder.
        gripper: name of the gripper's file.
        posture: joint angles, radians.
    """

    name: str
    gripper: str
    posture: tuple[float, ...]


TRAINING_ROBOTS = (
    Robot("panda", "panda_gripper", (0.0, 0.196, 0.0, -2.618, 0.0, 2.942, 0.785)),
    Robot("sawyer", "rethink_gripper", (0.0, -1.18, 0.0, 2.18, 0.0, 0.57, -1.57)),
    Robot("ur5e", "rethink_gripper", (-0.47, -1.735, 2.48, -2.275, -1.59, -1.991)),
    Robot("kinova3", "panda_gripper", (0.0, 0.65, 0.0, 1.89, 0.0, 0.6, -1.571)),
)
HELD_OUT_ROBOTS = (
    Robot("iiwa", "panda_gripper", (0.0, 0.65, 0.0, -1.89, 0.0, 0.6, 0.0)),
    Robot("jaco", "jaco_three_finger_gripper", (3.192, 3.68, 0.0, 1.17, 0.05, 3.76, 3.142)),
)
"""Robots that appear in held-out scenes only."""
TRAINING_THINGS = ("bottle", "bread", "can", "milk")
HELD_OUT_THINGS = ("cereal", "lemon")
"""Things that appear in held-out scenes only."""
HELD_OUT_TEXTURES = frozenset(
    {
        "brass-ambra",
        "cream-plaster",
        "dark-wood",
        "gray-felt",
        "steel-scratched",
        "white-bricks",
        "wood-tiles",
    }
    | set(HELD_OUT_THINGS)
)
"""Textures that appear in held-out scenes only."""


@dataclass(frozen=True)
class Assets:
    """The folder of robosuite's assets.

    Attributes:
        folder: holds ``robots``, ``grippers``, ``objects`` and ``textures``.

    Raises:
        MissingDependencyError: it is not there.
    """

    folder: Path

    def __post_init__(self) -> None:
        if not (self.folder / "robots").is_dir():
            raise MissingDependencyError(
                f"tabletops need the assets of robosuite, but {self.folder} has no robots: {_INSTALL}"
            )

    @classmethod
    def installed(cls) -> Assets:
        """Those of the installed package, which is not imported: it would want much that is not needed here.

        Raises:
            MissingDependencyError: robosuite is not installed.
        """
        found = find_spec("robosuite")
        if found is None or not found.submodule_search_locations:
            raise MissingDependencyError(f"tabletops need the assets of robosuite: {_INSTALL}")
        return cls(Path(found.submodule_search_locations[0]) / "models" / "assets")

    def robot(self, robot: Robot) -> Path:
        """The model of an arm."""
        return self.folder / "robots" / robot.name / "robot.xml"

    def gripper(self, robot: Robot) -> Path:
        """The model of its gripper."""
        return self.folder / "grippers" / f"{robot.gripper}.xml"

    def thing(self, name: str) -> Path:
        """The model of a thing."""
        return self.folder / "objects" / f"{name}.xml"

    def textures(self, *, held_out: bool) -> list[Path]:
        """The pictures that a split may show."""
        paths = sorted((self.folder / "textures").glob("*.png"))
        return [path for path in paths if (path.stem in HELD_OUT_TEXTURES) == held_out]
