"""The lifecycle node: parameters, transitions and services around the rig."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from diagnostic_updater import Updater
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter
from std_msgs.msg import Header

from anyview_ros.errors import AnyViewError, InvalidInputError
from anyview_ros.msg import Status
from anyview_ros.nodes.conversions import pose_to_matrix
from anyview_ros.nodes.executor import SlowCallbackGroup
from anyview_ros.nodes.qos import SERVICE_QOS, latched_qos
from anyview_ros.nodes.transitions import logged, start_by_itself
from anyview_ros.nodes.virtual_camera.declare import NodeParameters
from anyview_ros.nodes.virtual_camera.engines import make_engine_client, make_fallback_client
from anyview_ros.nodes.virtual_camera.ledger import Ledger
from anyview_ros.nodes.virtual_camera.parameters import EngineSettings, Settings
from anyview_ros.nodes.virtual_camera.planner import capture_view
from anyview_ros.nodes.virtual_camera.poses import TfFollower
from anyview_ros.nodes.virtual_camera.rig import Rig
from anyview_ros.nodes.virtual_camera.status import diagnose, make_status
from anyview_ros.srv import CaptureView, SetVirtualCamera
from anyview_ros.synthesis.client import EngineClient

_UNCONFIGURED = "unconfigured: configure and activate the node, or start it with autostart"
_INACTIVE = "inactive: activate the node"
_FAILED = "a transition failed unexpectedly; the node's log tells how"
_FIGURES = re.compile(r"[0-9]+")  # a sentence in which only figures differ is not logged again
_BACKWARD_JUMP = Duration(seconds=-0.1)

MakeClient = Callable[["VirtualCameraNode", EngineSettings], EngineClient]


class VirtualCameraNode(LifecycleNodeMixin, Node):
    """Watches one real camera and TF, and publishes what virtual cameras would see.

    Transitions run in a callback group of their own: under a :class:`PatientExecutor` the node says what it does while
    it loads a method.

    Args:
        make_client: gives the engine at each configuration; the parameters choose it by default.
        **kwargs: as for ``rclpy.node.Node``.
    """

    def __init__(self, *, make_client: MakeClient = make_engine_client, **kwargs: Any) -> None:
        Node.__init__(self, "virtual_camera", **kwargs)
        slow = SlowCallbackGroup()
        LifecycleNodeMixin.__init__(self, callback_group=slow)
        self._make_client = make_client
        self._rig: Rig | None = None
        self._lifecycle = _UNCONFIGURED
        self._configuring = False
        self._said = ""
        self._ledger = Ledger()
        self._settings = NodeParameters(
            self, is_configured=lambda: self._configuring or self._rig is not None, on_change=self._change
        )
        self._tf = TfFollower(self, cache_s=float(self._settings.value("tf_cache_s")), on_news=self._wake)
        self._jump = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=_BACKWARD_JUMP), post_callback=self._clock_jumped
        )
        self._status_publisher = self.create_publisher(Status, "status", latched_qos())
        self._updater = Updater(self)
        self._updater.setHardwareID("virtual camera")
        self._updater.add("virtual cameras", self._diagnose)
        reentrant = ReentrantCallbackGroup()
        self._served = [
            self.create_service(kind, name, answer, qos_profile=SERVICE_QOS, callback_group=reentrant)
            for kind, name, answer in (
                (SetVirtualCamera, "set_virtual_camera", self._set_virtual_camera),
                (CaptureView, "capture_view", self._capture_view),
            )
        ]
        self._watch = self.create_timer(
            float(self._settings.value("status_period_s")),
            self._report,
            callback_group=MutuallyExclusiveCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )
        if self._settings.value("autostart"):
            start_by_itself(self, slow)
        else:
            self.get_logger().info(_UNCONFIGURED)

    # --- transitions

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters, reach for the engine, make the publishers."""
        self._lifecycle = "being configured"
        self._report()
        self._configuring = True
        try:
            self._rig = self._make_rig(self._settings.settings())
            self._settings.hand_on()  # what was set in the meantime, which may have been long
        except AnyViewError as error:
            self._lifecycle = f"cannot be configured: {error}"
            self.get_logger().error(self._lifecycle)
            self._report()
            return TransitionCallbackReturn.FAILURE
        finally:
            self._configuring = False
        self._lifecycle = _INACTIVE
        self._report()
        return super().on_configure(state)

    def _make_rig(self, settings: Settings) -> Rig:
        fallback = make_fallback_client(settings.engine)
        client: EngineClient | None = None
        try:
            client = self._make_client(self, settings.engine)
            return Rig(self, settings, client=client, fallback=fallback, tf=self._tf, ledger=self._ledger)
        except Exception:
            for made in (client, fallback):
                if made is not None:
                    made.close()
            raise

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and begin to work."""
        if self._rig is None:
            return TransitionCallbackReturn.FAILURE
        result = super().on_activate(state)
        self._rig.start()
        self._lifecycle = ""
        self._report()
        return result

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End subscriptions and work."""
        if self._rig is not None:
            self._rig.stop()
        self._lifecycle = _INACTIVE
        self._report()
        return super().on_deactivate(state)

    @logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the engine and the publishers."""
        self._free()
        return super().on_cleanup(state)

    @logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        self._free()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, so that the node can be configured anew."""
        self._free()
        self._lifecycle = f"{_UNCONFIGURED} ({_FAILED})"
        return TransitionCallbackReturn.SUCCESS

    def _free(self) -> None:
        rig, self._rig = self._rig, None
        if rig is not None:
            rig.close()
        self._lifecycle = _UNCONFIGURED

    def close(self) -> None:
        """Free everything before the node is destroyed; closing twice is harmless."""
        self._free()
        self._jump.unregister()
        self._tf.close()

    # --- news

    def _wake(self) -> None:
        rig = self._rig
        if rig is not None:
            rig.wake()

    def _change(self, settings: Settings) -> None:
        if self._rig is not None:
            self._rig.change(settings)

    def _clock_jumped(self, _: Any) -> None:
        rig = self._rig
        if rig is not None:
            rig.rewind()

    # --- services

    def _set_virtual_camera(self, request: Any, response: Any) -> Any:
        try:
            changes = self._changes(request)
        except InvalidInputError as error:
            response.error = str(error)
            return response
        result = self.set_parameters_atomically(changes)
        response.success = bool(result.successful)
        response.error = "" if result.successful else result.reason
        return response

    def _changes(self, request: Any) -> list[RosParameter]:
        """The parameters that a request to set a virtual camera changes."""
        rig = self._rig
        if rig is None:
            raise InvalidInputError(f"the node is {_UNCONFIGURED}")
        name = request.name
        if name not in rig.cameras:
            declared = ", ".join(rig.cameras) or "none"
            raise InvalidInputError(
                f"no virtual camera is named '{name}'; declared in virtual_cameras: {declared}"
            )
        values: dict[str, Any] = {}
        if request.parent_frame:
            values["parent_frame"] = request.parent_frame
        if request.set_pose:
            pose, place, turn = request.pose, request.pose.position, request.pose.orientation
            pose_to_matrix(pose, name=f"pose of {name}")
            values["position"] = [place.x, place.y, place.z]
            values["orientation"] = [turn.x, turn.y, turn.z, turn.w]
            values["look_at"] = [float("nan")] * 3
        if request.set_intrinsics:
            for field in ("fx", "fy", "cx", "cy", "width", "height"):
                values[field] = getattr(request.intrinsics, field)
            if not values["fx"] > 0 or not values["fy"] > 0:
                raise InvalidInputError(
                    f"intrinsics of {name} have focal lengths {values['fx']:g} and {values['fy']:g}; "
                    "give positive pixels"
                )
        if request.rate_hz != 0:
            values["rate_hz"] = request.rate_hz
        return [RosParameter(f"{name}.{field}", value=value) for field, value in values.items()]

    async def _capture_view(self, request: Any, response: Any) -> Any:
        rig = self._rig
        if rig is None or self._lifecycle:
            response.error = f"the node is {self._lifecycle or _UNCONFIGURED}"
            response.error_type = "EngineUnavailableError"
            return response
        return await capture_view(self, rig, self._tf, request, response)

    # --- reports

    def _make_status(self) -> Status:
        rig = self._rig
        header = Header(stamp=self.get_clock().now().to_msg())
        if rig is not None:
            header.frame_id = rig.settings.fixed_frame
        return make_status(header, self._lifecycle, rig, self._ledger)

    def _report(self) -> None:
        if not self.context.ok():
            return
        rig = self._rig
        if rig is not None and not self._lifecycle:
            rig.watch()
        status = self._make_status()
        self._status_publisher.publish(status)
        said = _FIGURES.sub("", status.summary)
        if said != self._said and not self._lifecycle:
            self.get_logger().info(status.summary)
        self._said = said

    def _diagnose(self, stat: Any) -> Any:
        return diagnose(stat, self._make_status(), self._rig, self._ledger.read())
