"""Procedural worlds with true cameras, depth and motion, and the ray caster that films them.

For demonstrations, tests, training and evaluation. Nothing is downloaded and nothing is shipped: all textures are
computed, or come from pictures that the caller gives. :mod:`~anyview_ros.scenes.tabletops`, which MuJoCo films, reads
the meshes and textures of another package where that is installed.
"""

from anyview_ros.scenes.arm import Arm
from anyview_ros.scenes.material import Light, Material
from anyview_ros.scenes.random_room import random_room
from anyview_ros.scenes.recording import film, render_clip
from anyview_ros.scenes.rendering import Rendering, render
from anyview_ros.scenes.robot_cell import simulated_robot
from anyview_ros.scenes.sampling import clearance, sample_view, view_angle_deg
from anyview_ros.scenes.scene import WORLD, Body, Scene, scene_of
from anyview_ros.scenes.shapes import Shape, ShapeKind, box, capsule, cylinder, plane, sphere
from anyview_ros.scenes.textures import (
    TextureSet,
    photograph_textures,
    procedural_textures,
    sample_photographs,
    square_texture,
)
from anyview_ros.scenes.world import MountedCamera, World, mounted

__all__ = [
    "WORLD",
    "Arm",
    "Body",
    "Light",
    "Material",
    "MountedCamera",
    "Rendering",
    "Scene",
    "Shape",
    "ShapeKind",
    "TextureSet",
    "World",
    "box",
    "capsule",
    "clearance",
    "cylinder",
    "film",
    "mounted",
    "photograph_textures",
    "plane",
    "procedural_textures",
    "random_room",
    "render",
    "render_clip",
    "sample_photographs",
    "sample_view",
    "scene_of",
    "simulated_robot",
    "sphere",
    "square_texture",
    "view_angle_deg",
]
