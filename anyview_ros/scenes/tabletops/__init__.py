"""Robot arms on tables, simulated by MuJoCo with the meshes and textures of robosuite, and filmed through OpenGL.

A second source of training scenes beside the ray caster's rooms. Needs the packages ``mujoco`` and ``robosuite``, whose
files are read but never imported, and OpenGL without a screen; nothing of either is shipped.
"""

from anyview_ros.scenes.tabletops.factory import TabletopFactory
from anyview_ros.scenes.tabletops.filming import film_tabletop
from anyview_ros.scenes.tabletops.tabletop import Tabletop

__all__ = ["Tabletop", "TabletopFactory", "film_tabletop"]
