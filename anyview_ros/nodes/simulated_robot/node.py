"""The node: a camera, its depth, TF, and the truth about cameras that the robot does not have."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
from rclpy.node import Node
from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

from anyview_ros.errors import ReadError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.camera_parameters import camera_names, camera_table
from anyview_ros.nodes.conversions import ns_to_time
from anyview_ros.nodes.declaring import declare_parameter
from anyview_ros.nodes.parameters import Change
from anyview_ros.nodes.simulated_robot.footage import DepthSensor, Footage, Studio, Viewpoint
from anyview_ros.nodes.simulated_robot.frames import MovingFrames, fixed_messages
from anyview_ros.nodes.simulated_robot.outputs import CameraOutput
from anyview_ros.nodes.simulated_robot.parameters import PARAMETERS, Settings, read_settings
from anyview_ros.nodes.simulated_robot.timeline import Grid, Timeline
from anyview_ros.scenes import MountedCamera, World, simulated_robot

SOURCE = "camera"
"""Name of the real camera: first part of its topics and of its optical frame."""
_TRUTH = "truth_"
_REPORT_S = 5.0


class _Stopped(Exception):
    pass


class SimulatedRobot(Node):
    """Publishes a simulated robot in real time.

    Topics: ``camera/image_raw`` (rgb8), ``camera/camera_info``, ``camera/depth/image_raw``; ``truth/<name>/image``,
    ``truth/<name>/camera_info`` and ``truth/<name>/depth`` (32FC1) of each virtual camera, stamped as the camera's
    image; ``/tf`` and ``/tf_static``: ``world``, ``base_link``, the arm's links, ``tool0``, ``wrist_camera_link``,
    ``camera_optical_frame`` and ``truth_<name>_optical_frame``.

    Parameters are read once, at the start.
    """

    def __init__(self) -> None:
        """Declare the parameters and begin to render.

        Raises:
            InvalidInputError: a parameter out of range, or a virtual camera in a frame that the robot lacks.
        """
        super().__init__("simulated_robot")
        self._settings = settings = self._read()
        self._grid = Grid.of(loop_s=settings.loop_s, rate_hz=settings.rate_hz, tf_rate_hz=settings.tf_rate_hz)
        world = simulated_robot(settings.seed, period_s=settings.loop_s)
        viewpoints = _viewpoints(settings, world)
        for view in viewpoints.values():
            world.frame_to_world(view.mounted.frame, 0.0)
        self._studio = Studio(world, settings.loop_s, self._grid.images, viewpoints, settings.supersampling)
        self._outputs = {name: self._output(name, view) for name, view in viewpoints.items()}
        count = self._grid.images * self._grid.ticks
        self._moving = MovingFrames(world, np.arange(count) * settings.loop_s / count)
        self._tf = TransformBroadcaster(self)
        self._static_tf = StaticTransformBroadcaster(self)
        self._send_fixed_frames(world, viewpoints)
        self._footage: Footage | None = None
        self._failure: Exception | None = None
        self.create_timer(0.5, self._raise_failure)
        self._timeline: Timeline | None = None
        self._pending: tuple[int, int] | None = None  # the newest instant to render, and its stamp
        self._wake = threading.Condition()
        self._ending = False
        self._timer: Any = None
        if settings.mode == "live":
            self._begin()
        self._worker = threading.Thread(target=self._work, name="renderer")
        self._worker.start()

    def close(self) -> None:
        """Stop rendering and publishing."""
        with self._wake:
            self._ending = True
            self._wake.notify_all()
        self._worker.join()
        if self._timer is not None:
            self._timer.cancel()

    def _read(self) -> Settings:
        values = {entry.name: declare_parameter(self, entry.name, entry) for entry in PARAMETERS}
        for name, entry in camera_table(camera_names(values["virtual_cameras"])).items():
            values[name] = declare_parameter(self, name, replace(entry, change=Change.NEVER))
        return read_settings(values)

    def _output(self, name: str, view: Viewpoint) -> CameraOutput:
        if name == SOURCE:
            base, image, depth = SOURCE, "image_raw", "depth/image_raw"
        else:
            base, image, depth = f"truth/{name.removeprefix(_TRUTH)}", "image", "depth"
        return CameraOutput(
            self,
            image=f"{base}/{image}",
            info=f"{base}/camera_info",
            depth=f"{base}/{depth}" if view.depth is not None else None,
            camera=view.mounted.camera,
            frame=_optical_frame(name),
        )

    def _send_fixed_frames(self, world: World, viewpoints: dict[str, Viewpoint]) -> None:
        frames = {name: pose for name, pose in world.fixed.items() if name not in world.hidden_frames}
        for name, view in viewpoints.items():
            frames[_optical_frame(name)] = (view.mounted.frame, view.mounted.optical_to_frame)
        self._static_tf.sendTransform(fixed_messages(frames, self.get_clock().now().to_msg()))

    def _begin(self) -> None:
        """Start the clock of the loop."""
        self._timeline = Timeline(self._grid.step_ns, self.get_clock().now().nanoseconds)
        self._timer = self.create_timer(self._grid.step_ns * 1e-9, self._tick)
        self.get_logger().info(
            f"publishing {', '.join(self._outputs)} at {self._grid.rate_hz:.4g} Hz ({self._settings.mode})"
        )

    def _tick(self) -> None:
        assert self._timeline is not None  # noqa: S101 - for the type checker: _begin() made it
        for tick in self._timeline.due(self.get_clock().now().nanoseconds):
            stamp_ns = self._timeline.stamp_ns(tick)
            stamp = ns_to_time(stamp_ns)
            self._tf.sendTransform(self._moving.messages(tick, stamp))
            if tick % self._grid.ticks == 0:
                self._show(tick // self._grid.ticks, stamp_ns)

    def _show(self, instant: int, stamp_ns: int) -> None:
        if self._footage is not None:
            for name, output in self._outputs.items():
                output.publish(self._footage.shoot(name, instant), ns_to_time(stamp_ns))
        else:
            with self._wake:
                self._pending = (instant, stamp_ns)
                self._wake.notify_all()

    def _work(self) -> None:
        """The renderer's thread: the loop beforehand, or one instant after the other."""
        import torch

        # A picture is thousands of short steps: two threads would wait for each other at every one.
        torch.set_num_threads(1)
        try:
            if self._settings.mode == "replay":
                self._footage = self._prepare()
                self._begin()
            else:
                self._render_live()
        except _Stopped:
            return
        except Exception as error:  # noqa: BLE001 - raised where the node is spun, so that the process ends
            self._failure = error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _prepare(self) -> Footage:
        settings, studio, log = self._settings, self._studio, self.get_logger()
        folder = None
        if settings.cache is not None:
            folder = settings.cache / f"simulated_robot_{studio.fingerprint({'seed': settings.seed})}"
            if folder.is_dir():
                try:
                    footage = Footage.loaded(folder, studio)
                except ReadError as error:
                    log.warning(f"rendering anew: {error}")
                else:
                    log.info(f"replaying what was rendered before: {folder}")
                    return footage
        log.info(f"rendering {studio.instants} instants of {', '.join(studio.viewpoints)} before publishing")
        footage = Footage.rendered(studio, self._progress())
        log.info(f"rendered {studio.instants} instants, {footage.size_bytes / 2**20:.0f} MiB")
        if folder is not None:
            try:
                footage.save(folder)
            except OSError as error:
                log.warning(
                    f"what was rendered could not be kept in {folder} ({error}); the next start renders anew"
                )
        return footage

    def _progress(self) -> Any:
        start = last = time.monotonic()

        def report(done: int, total: int) -> None:
            nonlocal last
            if self._ending:
                raise _Stopped
            now = time.monotonic()
            if now - last >= _REPORT_S:
                last = now
                left = (now - start) / done * (total - done)
                self.get_logger().info(f"rendered {done} of {total} instants, about {left:.0f} s left")

        return report

    def _render_live(self) -> None:
        rendered, since = 0, time.monotonic()
        while True:
            instant, stamp_ns = self._next_instant()
            for name, output in self._outputs.items():
                if name == SOURCE or output.wanted:
                    output.publish(self._studio.shoot(name, instant), ns_to_time(stamp_ns))
            rendered += 1
            elapsed = time.monotonic() - since
            if elapsed >= _REPORT_S:
                self._report_rate(rendered / elapsed)
                rendered, since = 0, time.monotonic()

    def _next_instant(self) -> tuple[int, int]:
        with self._wake:
            while self._pending is None:
                if self._ending:
                    raise _Stopped
                self._wake.wait()
            if self._ending:
                raise _Stopped
            newest, self._pending = self._pending, None
            return newest

    def _report_rate(self, rate_hz: float) -> None:
        if rate_hz < 0.9 * self._grid.rate_hz:
            self.get_logger().warning(
                f"rendering keeps up with {rate_hz:.2g} of {self._grid.rate_hz:.3g} Hz; lower rate_hz, width and "
                "height, or set mode to replay",
                throttle_duration_sec=30.0,
            )


def _optical_frame(name: str) -> str:
    return f"{name}_optical_frame"


def _viewpoints(settings: Settings, world: World) -> dict[str, Viewpoint]:
    place = world.cameras[settings.source_camera]
    fov_deg = settings.horizontal_fov_deg or place.camera.horizontal_fov_deg
    camera = PinholeCamera.from_fov(settings.width, settings.height, horizontal_fov_deg=fov_deg)
    sensor = DepthSensor(settings.depth_noise_m, settings.depth_encoding == "16UC1", settings.seed)
    views = {
        SOURCE: Viewpoint(
            MountedCamera(camera, place.frame, place.optical_to_frame),
            sensor if settings.publish_depth else None,
        )
    }
    for virtual in settings.virtual_cameras:
        mounted = MountedCamera(virtual.camera, virtual.parent_frame, virtual.camera_to_parent)
        views[_TRUTH + virtual.name] = Viewpoint(mounted, DepthSensor())
    return views
