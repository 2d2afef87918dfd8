"""Pictures and depth of tabletops by OpenGL, through any pinhole camera."""

from __future__ import annotations

import atexit
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, MissingDependencyError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.scenes.tabletops.stage import OPENGL, SHOWN_GROUP, Stage, mujoco_without_screen
from anyview_ros.scenes.tabletops.tabletop import Tabletop

_NEAR_M, _FAR_M = 0.02, 30.0
_MOST_GEOMS = 1000


def film_tabletop(
    tabletop: Tabletop,
    camera: PinholeCamera,
    camera_to_world: NDArray[np.float64],
    times_s: NDArray[np.float64],
    *,
    supersampling: int = 3,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return what a camera sees of a tabletop.

    Args:
        tabletop: the scene.
        camera: intrinsics.
        camera_to_world: (T, 4, 4), metres, OpenCV axes.
        times_s: (T,), seconds.
        supersampling: samples per pixel are its square; odd, so that one is at the pixel's centre, where depth is.

    Returns:
        uint8 (T, H, W, 3), RGB; float32 (T, H, W), metres along the optical axis, 0 where nothing is.

    Raises:
        InvalidInputError: an even number of samples.
        MissingDependencyError: MuJoCo or OpenGL is missing.
    """
    if supersampling % 2 == 0:
        raise InvalidInputError(
            f"supersampling is {supersampling}; give an odd number, so that depth is at the pixel's centre"
        )
    fine = camera.resized(camera.width * supersampling, camera.height * supersampling)
    painter = _painter(tabletop.stage)
    painter.show(tabletop, fine.width, fine.height)
    shots = [
        painter.shot(tabletop, tabletop.posed(float(time)), fine, pose)
        for pose, time in zip(camera_to_world, times_s, strict=True)
    ]
    s, middle = supersampling, supersampling // 2
    colours = np.stack([colour for colour, _ in shots])
    blocks = colours.reshape(len(shots), camera.height, s, camera.width, s, 3).astype(np.float32)
    depth = np.stack([depth[middle::s, middle::s] for _, depth in shots])
    return np.asarray(blocks.mean((2, 4)).round(), np.uint8), depth


class _Painter:
    """OpenGL, with the meshes of a stage in it."""

    def __init__(self, stage: Stage) -> None:
        mujoco = mujoco_without_screen()
        self._mujoco = mujoco
        try:
            self._gl = mujoco.GLContext(1, 1)  # pictures are drawn beside its own
            self._gl.make_current()
        except (ImportError, RuntimeError) as error:
            raise MissingDependencyError(f"no OpenGL without a screen ({error}): {OPENGL}") from error
        self._context = mujoco.MjrContext(stage.model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._scene = mujoco.MjvScene(stage.model, _MOST_GEOMS)
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[SHOWN_GROUP] = 1
        self._option.sitegroup[:] = 0  # marks of grippers
        self._textures = [
            int(stage.model.mat_texid[material].max()) for material in (*stage.looks, *stage.papers)
        ]
        self._shown: Tabletop | None = None
        atexit.register(self._close)  # later, MuJoCo's own clean-up finds half of Python gone, and complains

    def _close(self) -> None:
        self._gl.make_current()
        self._context.free()
        self._gl.free()

    def show(self, tabletop: Tabletop, width: int, height: int) -> None:
        """Make room for pictures of a size, and take over the textures of a scene."""
        self._gl.make_current()
        context = self._context
        if width > context.offWidth or height > context.offHeight:
            self._mujoco.mjr_resizeOffscreen(
                max(width, context.offWidth), max(height, context.offHeight), context
            )
        if self._shown is not tabletop:
            for texture in self._textures:
                self._mujoco.mjr_uploadTexture(tabletop.model, context, texture)
            self._shown = tabletop

    def shot(
        self, tabletop: Tabletop, data: Any, camera: PinholeCamera, pose: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """One picture (H, W, 3) and its depth (H, W)."""
        mujoco = self._mujoco
        mujoco.mjv_updateScene(
            tabletop.model,
            data,
            self._option,
            None,
            mujoco.MjvCamera(),
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )
        for eye in self._scene.camera:
            _aim(eye, camera, pose)
        viewport = mujoco.MjrRect(0, 0, camera.width, camera.height)
        mujoco.mjr_render(viewport, self._scene, self._context)
        colour = np.empty((camera.height, camera.width, 3), np.uint8)
        window = np.empty((camera.height, camera.width), np.float32)
        mujoco.mjr_readPixels(colour, window, viewport, self._context)
        if self._context.readDepthMap == mujoco.mjtDepthMap.mjDEPTH_ZEROFAR:
            window = 1 - window
        depth = _NEAR_M / (1 - window.astype(np.float64) * (1 - _NEAR_M / _FAR_M))
        depth[window >= 1] = 0  # nothing is there
        return colour[::-1], np.asarray(depth[::-1], np.float32)


@cache
def _painter(stage: Stage) -> _Painter:
    """One for each stage in this process: sending meshes to OpenGL takes a second."""
    return _Painter(stage)


def _aim(eye: Any, camera: PinholeCamera, pose: NDArray[np.float64]) -> None:
    """Set one of OpenGL's cameras: its place, and the window in its near plane."""
    eye.pos, eye.forward, eye.up = pose[:3, 3], pose[:3, 2], -pose[:3, 1]
    left = (-0.5 - camera.cx) / camera.fx * _NEAR_M
    right = (camera.width - 0.5 - camera.cx) / camera.fx * _NEAR_M
    eye.frustum_center, eye.frustum_width = (left + right) / 2, (right - left) / 2
    eye.frustum_top = (camera.cy + 0.5) / camera.fy * _NEAR_M
    eye.frustum_bottom = (camera.cy + 0.5 - camera.height) / camera.fy * _NEAR_M
    eye.frustum_near, eye.frustum_far = _NEAR_M, _FAR_M
    eye.orthographic = 0
