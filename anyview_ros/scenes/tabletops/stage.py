"""A model that holds all that a tabletop may show: an arm, things with meshes, plain shapes, walls, lamps, textures.

Compiling meshes takes a second and sending them to OpenGL another, so one model serves all scenes of a robot: each
scene is a copy in which sizes, looks and places are others, and what it does not show is hidden.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyview_ros.errors import MissingDependencyError
from anyview_ros.scenes.tabletops.assets import Assets, Robot

OPENGL = "apt install libegl1 libgl1-mesa-dri, or libosmesa6 and set MUJOCO_GL=osmesa"
"""How OpenGL is had on a machine without a screen."""
LOOKS = 20
"""Textures for shapes, each a cube whose six sides are alike."""
PAPERS = 6
"""Textures for floor, ceiling and walls, which repeat."""
TEXTURE_SIDE = 128
LAMPS = 3
SHOWN_GROUP, HIDDEN_GROUP = 1, 5
_COPIES_OF_THINGS = 3
_SHAPES = {"box": 26, "cylinder": 8, "sphere": 5, "capsule": 5, "ellipsoid": 4}


@dataclass(frozen=True, eq=False)
class Stage:
    """A compiled model, and where in it is what.

    Attributes:
        model: ``mujoco.MjModel``; not to be changed, but copied.
        robot: on it.
        base: number of the mocap body that carries the robot.
        joints: where the arm's joints are in qpos.
        robot_geoms: geoms of the arm and its gripper that are seen.
        shapes: kind → numbers of the mocap bodies that carry one such geom each.
        things: numbers of the mocap bodies that carry things with meshes.
        walls: geoms of floor, ceiling and four walls.
        looks, papers: materials.
    """

    model: Any
    robot: Robot
    base: int
    joints: tuple[int, ...]
    robot_geoms: tuple[int, ...]
    shapes: dict[str, tuple[int, ...]]
    things: tuple[int, ...]
    walls: tuple[int, ...]
    looks: tuple[int, ...]
    papers: tuple[int, ...]


def mujoco_without_screen() -> Any:
    """The package ``mujoco``, set to draw by EGL unless MUJOCO_GL says otherwise.

    Raises:
        MissingDependencyError: it is not installed, or finds no OpenGL.
    """
    os.environ.setdefault("MUJOCO_GL", "egl")
    try:
        import mujoco
    except (ImportError, AttributeError) as error:  # PyOpenGL raises the latter where there is no EGL
        raise MissingDependencyError(
            f"tabletops need MuJoCo and OpenGL without a screen ({error}): pip install mujoco==3.3.7, and {OPENGL}"
        ) from error
    return mujoco


def compiled_stage(assets: Assets, robot: Robot, things: Sequence[str]) -> Stage:
    """Compile the stage of a robot.

    Args:
        assets: where the meshes are.
        robot: to stand on it.
        things: names of the things that may lie there, three of each.

    Raises:
        MissingDependencyError: MuJoCo or a file of the assets is missing.
    """
    mujoco = mujoco_without_screen()
    spec = mujoco.MjSpec()
    spec.stat.extent, spec.stat.center = 3.0, (0.0, 0.0, 1.0)
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 1024, 0
    looks = [_textured(mujoco, spec, f"look_{i}", repeated=False) for i in range(LOOKS)]
    papers = [_textured(mujoco, spec, f"paper_{i}", repeated=True) for i in range(PAPERS)]
    for index in range(PAPERS):
        spec.worldbody.add_geom(
            name=f"wall_{index}", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(5.0, 5.0, 0.1), group=SHOWN_GROUP
        )
    for index in range(LAMPS):
        spec.worldbody.add_light(name=f"lamp_{index}", pos=(0.0, 0.0, 2.0), castshadow=index == 0)
    shapes = {
        kind: [_shape(mujoco, spec, kind, number) for number in range(count)]
        for kind, count in _SHAPES.items()
    }
    lying = [
        _attached(mujoco, spec, assets.thing(name), f"{name}_{copy}")
        for name in things
        for copy in range(_COPIES_OF_THINGS)
    ]
    base = _attached(mujoco, spec, assets.robot(robot), "robot")
    gripper = _read(mujoco, assets.gripper(robot))
    spec.body("robot_right_hand").add_frame().attach_body(gripper.worldbody.first_body(), "gripper_", "")
    model = spec.compile()

    def numbers(names: Sequence[str]) -> tuple[int, ...]:
        return tuple(model.body(name).mocapid[0] for name in names)

    of_robot = tuple(
        geom
        for geom in range(model.ngeom)
        if model.body_rootid[model.geom_bodyid[geom]] == model.body(base).id
        and model.geom_group[geom] == SHOWN_GROUP
    )
    arm = [
        int(model.jnt_qposadr[joint])
        for joint in range(model.njnt)
        if not model.joint(joint).name.startswith("gripper_")
    ]
    return Stage(
        model,
        robot,
        numbers([base])[0],
        tuple(arm[: len(robot.posture)]),
        of_robot,
        {kind: numbers(names) for kind, names in shapes.items()},
        numbers(lying),
        tuple(model.geom(f"wall_{index}").id for index in range(PAPERS)),
        tuple(model.material(name).id for name in looks),
        tuple(model.material(name).id for name in papers),
    )


def _textured(mujoco: Any, spec: Any, name: str, *, repeated: bool) -> str:
    """A material with a texture of its own, which each scene fills; returns its name."""
    kinds = mujoco.mjtTexture
    spec.add_texture(
        name=name,
        type=kinds.mjTEXTURE_2D if repeated else kinds.mjTEXTURE_CUBE,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        width=TEXTURE_SIDE,
        height=TEXTURE_SIDE,
    )
    material = spec.add_material(name=name, texuniform=repeated, texrepeat=(1.0, 1.0))
    textures = list(material.textures)
    textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    material.textures = textures
    return name


def _shape(mujoco: Any, spec: Any, kind: str, number: int) -> str:
    body = spec.worldbody.add_body(name=f"{kind}_{number}", mocap=True)
    body.add_geom(
        type=getattr(mujoco.mjtGeom, f"mjGEOM_{kind.upper()}"), size=(0.1, 0.1, 0.1), group=HIDDEN_GROUP
    )
    return str(body.name)


def _read(mujoco: Any, path: Path) -> Any:
    """A model whose files are named by their whole paths, so that it can be attached to another."""
    try:
        spec = mujoco.MjSpec.from_file(str(path))
    except ValueError as error:
        raise MissingDependencyError(
            f"{path} of robosuite's assets cannot be read ({error}); install the version that is tested, 1.5.2"
        ) from error
    for texture in spec.textures:
        if texture.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX:  # the bottle's, which would be all scenes' sky
            texture.type = mujoco.mjtTexture.mjTEXTURE_CUBE
    for file in (*spec.meshes, *spec.textures):
        if file.file:
            file.file = str((path.parent / file.file).resolve())
    return spec


def _attached(mujoco: Any, spec: Any, path: Path, name: str) -> str:
    """Attach a model's body to a mocap body that carries it; returns the latter's name."""
    carrier = spec.worldbody.add_body(name=name, mocap=True)
    model = _read(mujoco, path)
    root = model.body("object") if "objects" in path.parts else model.worldbody.first_body()
    carrier.add_frame().attach_body(root, f"{name}_", "")
    return name
