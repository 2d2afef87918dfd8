"""Drive and watch a lifecycle node from a test."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rclpy.node import Node

STATES = {1: "unconfigured", 2: "inactive", 3: "active", 4: "finalized"}
_ASKED_ANEW_S = 5.0
TRANSITIONS = {"configure": 1, "cleanup": 2, "activate": 3, "deactivate": 4}


class LifecycleTimeoutError(AssertionError):
    """A lifecycle node did not answer, or did not reach a state, in time."""


class LifecycleDriver:
    """Calls the lifecycle services of one node. `node` is the test's own and must be in no executor."""

    def __init__(self, node: Node, target: str) -> None:
        from lifecycle_msgs.srv import ChangeState, GetState

        self.target = target
        self._node = node
        # In this order: endpoints are told in the order they are made, so what answers the second knows the first.
        self._change = node.create_client(ChangeState, f"{target}/change_state")
        self._get = node.create_client(GetState, f"{target}/get_state")

    def state(self, *, timeout_s: float = 30.0) -> str:
        """`unconfigured`, `inactive`, `active`, `finalized`, or `transition` while it is between two."""
        response = self.ask(self._get, self._get.srv_type.Request(), timeout_s)
        return STATES.get(response.current_state.id, "transition")

    def ask(self, client: Any, request: Any, timeout_s: float) -> Any:
        """The answer to what may be asked twice: it is asked anew now and then.

        A service that has not found its client yet drops the answer, and says so.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = deadline - time.monotonic()
            try:
                return self._call(client, request, min(left_s, _ASKED_ANEW_S))
            except LifecycleTimeoutError:
                if left_s <= _ASKED_ANEW_S:
                    raise

    def transition(self, name: str, *, timeout_s: float = 60.0) -> bool:
        """Ask for `configure`, `activate`, `deactivate` or `cleanup`; True if the node says it succeeded."""
        self.state(timeout_s=timeout_s)  # so that the answer, which comes but once, is not dropped
        request = self._change.srv_type.Request()
        request.transition.id = TRANSITIONS[name]
        return bool(self._call(self._change, request, timeout_s).success)

    def wait_for(self, state: str, *, timeout_s: float = 60.0) -> None:
        """Return once the node is in that state."""
        deadline = time.monotonic() + timeout_s
        current = "absent"
        while time.monotonic() < deadline:
            current = self.state(timeout_s=max(deadline - time.monotonic(), 0.1))
            if current == state:
                return
            time.sleep(0.1)
        message = f"{self.target} is {current}, not {state}, after {timeout_s} s"
        raise LifecycleTimeoutError(message)

    def _call(self, client: Any, request: Any, timeout_s: float) -> Any:
        import rclpy

        deadline = time.monotonic() + timeout_s
        if not client.wait_for_service(timeout_s):
            message = f"no service {client.srv_name} in {timeout_s:.1f} s"
            raise LifecycleTimeoutError(message)
        future = client.call_async(request)
        left_s = max(deadline - time.monotonic(), 0.1)
        rclpy.spin_until_future_complete(self._node, future, timeout_sec=left_s)
        if not future.done():
            client.remove_pending_request(future)
            message = f"{client.srv_name} did not answer in {timeout_s:.1f} s"
            raise LifecycleTimeoutError(message)
        return future.result()
