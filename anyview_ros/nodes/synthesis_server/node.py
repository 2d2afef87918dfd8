"""The lifecycle node ``synthesis_server``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node

from anyview_ros.errors import AnyViewError
from anyview_ros.nodes.executor import SlowCallbackGroup
from anyview_ros.nodes.synthesis_server import parameters
from anyview_ros.nodes.synthesis_server.clips import ClipAction
from anyview_ros.nodes.synthesis_server.diagnostics import Diagnostics
from anyview_ros.nodes.synthesis_server.gate import Gate
from anyview_ros.nodes.synthesis_server.loading import load_method
from anyview_ros.nodes.synthesis_server.services import Services
from anyview_ros.nodes.synthesis_server.streams import Streams
from anyview_ros.nodes.transitions import logged, start_by_itself
from anyview_ros.synthesis.engine import Engine
from anyview_ros.synthesis.local_client import LocalEngineClient
from anyview_ros.synthesis.registry import default_method

_UNCONFIGURED = "synthesis_server is not configured; configure and activate it, or start it with autostart"
_INACTIVE = "synthesis_server is inactive; activate it"
_LOADING = "synthesis_server is loading its method"
_DOWN = "synthesis_server is being shut down"


class SynthesisServer(LifecycleNodeMixin, Node):
    """Owns one engine: loads it in configure, lets work through while active, frees it in cleanup.

    Transitions run in a callback group of their own, so that under a :class:`PatientExecutor` ``describe`` answers
    while a model is loaded.
    """

    def __init__(self, **kwargs: Any) -> None:
        Node.__init__(self, "synthesis_server", **kwargs)
        slow = SlowCallbackGroup()
        LifecycleNodeMixin.__init__(self, callback_group=slow)
        self._engine: Engine | None = None
        self._loading = False
        parameters.declare(self)
        self._gate = Gate(parameters.read(self), _UNCONFIGURED)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)
        Services(self, self._gate)
        self._clip_action = ClipAction(self, self._gate)
        self._live_streams = Streams(self, self._gate)
        Diagnostics(self, self._gate, lambda: self._engine, self._live_streams.clients)
        if self._gate.settings.autostart:
            start_by_itself(self, slow)
        else:
            self.get_logger().info(_UNCONFIGURED)

    @property
    def engine(self) -> Engine | None:
        """The engine, for nodes in the same process; None while none is loaded."""
        return self._engine

    @property
    def problem(self) -> str:
        """Why no work is taken, with the remedy; "" while active."""
        return self._gate.problem

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the method; FAILURE, with the reason in the log and in ``describe``, if it cannot be loaded."""
        self._loading = True  # from here on, what loading reads does not change
        method = self._gate.settings.method or default_method()
        self._gate.shut(_LOADING)
        self.get_logger().info(f"loading method '{method}'")
        try:
            self._engine = self._load(method)
        except AnyViewError as error:
            problem = f"method '{method}' could not be loaded: {error}"
            self._gate.shut(f"synthesis_server is not configured; {problem}")
            self.get_logger().error(problem)
            return TransitionCallbackReturn.FAILURE
        finally:
            self._loading = False
        self._gate.shut(_INACTIVE)
        self.get_logger().info(f"method '{method}' is loaded")
        return super().on_configure(state)

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take work."""
        if self._engine is None:
            self.get_logger().error("no method is loaded; configure synthesis_server first")
            return TransitionCallbackReturn.FAILURE
        self._gate.open(LocalEngineClient(self._engine))
        self.get_logger().info(f"active: serving under {self.get_namespace()}")
        return super().on_activate(state)

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take no more work; cancel what waits or runs, and end all streams."""
        self._stop_work(_INACTIVE)
        return super().on_deactivate(state)

    @logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the device."""
        self._free(_UNCONFIGURED)
        return super().on_cleanup(state)

    @logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state."""
        self._free(_DOWN)
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything after a transition that raised, and be unconfigured again."""
        self.get_logger().error("a transition failed unexpectedly; the server is unconfigured again")
        self._free(_UNCONFIGURED)
        return TransitionCallbackReturn.SUCCESS

    def close(self) -> None:
        """Free everything before the node is destroyed."""
        self._free(_DOWN)
        self._clip_action.destroy()

    def _load(self, method: str) -> Engine:
        settings = self._gate.settings
        engine = Engine(
            partial(load_method, method, settings),
            name=self.get_fully_qualified_name(),
            max_queue=settings.max_queue,
            max_batch=settings.max_batch,
            max_streams=settings.max_streams,
            default_timeout_s=settings.default_timeout_s,
        )
        try:
            engine.start()
        except AnyViewError:
            engine.close()
            raise
        return engine

    def _stop_work(self, problem: str) -> None:
        client = self._gate.shut(problem)
        self._live_streams.close_all(problem)
        if client is not None:
            client.close()

    def _free(self, problem: str) -> None:
        self._stop_work(problem)
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _check_parameters(self, changes: Sequence[Any]) -> SetParametersResult:
        return parameters.check_change(changes, loaded=self._loading or self._engine is not None)

    def _apply_parameters(self, _changes: Sequence[Any]) -> None:
        self._gate.settings = parameters.read(self)
