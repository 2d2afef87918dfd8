"""Assets in the layout of robosuite's: real ones take 157 MB of download, which a test run does not ask of anyone.

What is made up: arms are chains of boxes, things are wedges. What is real: MuJoCo, OpenGL, and all of our code.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from anyview_ros.errors import MissingDependencyError
from anyview_ros.scenes.tabletops.assets import (
    HELD_OUT_ROBOTS,
    HELD_OUT_THINGS,
    TRAINING_ROBOTS,
    TRAINING_THINGS,
    Assets,
)
from anyview_ros.scenes.tabletops.stage import mujoco_without_screen

WEDGE = "v -1 -1 -1\nv 1 -1 -1\nv 0 1 -1\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n"


def arm(joints: int) -> str:
    """A chain of boxes, each link turned a little from the one before."""
    text = '<body name="base"><geom type="box" size=".05 .05 .05" pos="0 0 .05" group="1"/>'
    for index in range(joints):
        axis = "0 0 1" if index % 2 == 0 else "0 1 0"
        text += f'<body pos="0 0 .12"><joint name="joint{index}" axis="{axis}"/>'
        text += '<inertial pos="0 0 0" mass="1" diaginertia=".1 .1 .1"/>'
        text += '<geom type="box" size=".03 .03 .06" pos="0 0 .06" group="1" material="paint"/>'
    text += (
        '<body name="right_hand" pos="0 0 .12"><inertial pos="0 0 0" mass="1" diaginertia=".1 .1 .1"/></body>'
    )
    text += "</body>" * (joints + 1)
    return (
        '<mujoco><compiler angle="radian"/><asset><material name="paint" rgba=".9 .4 .1 1"/></asset>'
        f"<worldbody>{text}</worldbody></mujoco>"
    )


def gripper() -> str:
    finger = '<body name="{0}" pos="0 {1} .05"><joint name="{0}" type="slide" axis="0 1 0"/>'
    finger += '<geom type="box" size=".01 .01 .04" group="1"/><geom type="box" size=".02 .02 .05" group="0"/></body>'
    both = finger.format("left", 0.03) + finger.format("right", -0.03)
    return (
        '<mujoco><worldbody><body name="hand"><geom type="box" size=".04 .06 .02" group="1"/>'
        f'<site name="mark" size=".005 5" type="cylinder" rgba="0 1 0 .3" group="1"/>{both}</body></worldbody></mujoco>'
    )


def thing(name: str) -> str:
    kind = "skybox" if name == "bottle" else "2d"  # as robosuite's bottle has it
    return (
        f'<mujoco><asset><mesh name="{name}_mesh" file="meshes/{name}.obj" scale=".05 .05 .08"/>'
        f'<texture name="t" type="{kind}" file="../textures/{name}.png"/><material name="m" texture="t"/></asset>'
        '<worldbody><body><body name="object">'
        f'<geom type="mesh" mesh="{name}_mesh" material="m" group="0"/></body></body></worldbody></mujoco>'
    )


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    folder = tmp_path_factory.mktemp("assets")
    for name in ("grippers", "objects/meshes", "textures"):
        (folder / name).mkdir(parents=True)
    for robot in (*TRAINING_ROBOTS, *HELD_OUT_ROBOTS):
        (folder / "robots" / robot.name).mkdir(parents=True)
        (folder / "robots" / robot.name / "robot.xml").write_text(arm(len(robot.posture)))
        (folder / "grippers" / f"{robot.gripper}.xml").write_text(gripper())
    rng = np.random.default_rng(0)
    things = (*TRAINING_THINGS, *HELD_OUT_THINGS)
    for name in things:
        (folder / "objects" / f"{name}.xml").write_text(thing(name))
        (folder / "objects" / "meshes" / f"{name}.obj").write_text(WEDGE)
    for name in (*things, "dark-wood", "metal"):
        cv2.imwrite(str(folder / "textures" / f"{name}.png"), rng.integers(0, 255, (64, 64, 3), np.uint8))
    return Assets(folder)


@pytest.fixture(scope="session")
def opengl() -> None:
    try:
        context = mujoco_without_screen().GLContext(16, 16)
        context.make_current()
        context.free()
    except (MissingDependencyError, ImportError, RuntimeError) as error:
        pytest.skip(f"no OpenGL without a screen: {error}")
