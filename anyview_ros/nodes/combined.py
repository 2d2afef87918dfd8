"""Both lifecycle nodes in one process: frames go from the camera to the engine without a copy over ROS.

``synthesis_server`` serves other robots all the same. The parameter ``engine`` of ``virtual_camera`` has no say here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from anyview_ros.errors import EngineUnavailableError
from anyview_ros.nodes.running import RunningNode, run
from anyview_ros.synthesis.client import (
    EngineDescription,
    StreamHandle,
    StreamOutcome,
    StreamSpec,
    SynthesisJob,
)
from anyview_ros.synthesis.protocol import Progress
from anyview_ros.synthesis.request import SynthesisRequest

if TYPE_CHECKING:
    from anyview_ros.nodes.synthesis_server.node import SynthesisServer
    from anyview_ros.synthesis.engine import Engine
    from anyview_ros.synthesis.local_client import LocalEngineClient


class HostedEngineClient:
    """An EngineClient of the engine that a ``synthesis_server`` in this process has loaded, whenever it has one."""

    def __init__(self, server: SynthesisServer) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._client: LocalEngineClient | None = None

    def problem(self) -> str:
        """ "" while the server is active, else why it takes no work."""
        client = self._present()
        return self._server.problem or ("" if client is None else client.problem())

    def description(self) -> EngineDescription | None:
        """What the engine says of itself; None while none is loaded."""
        client = self._present()
        return None if client is None else client.description()

    def submit(
        self,
        request: SynthesisRequest,
        *,
        client: str = "",
        timeout_s: float | None = None,
        progress: Progress | None = None,
    ) -> SynthesisJob:
        """Queue a request; see EngineClient."""
        return self._active().submit(request, client=client, timeout_s=timeout_s, progress=progress)

    def open_stream(self, spec: StreamSpec, on_outcome: Callable[[StreamOutcome], None]) -> StreamHandle:
        """Open a live stream; see EngineClient."""
        return self._active().open_stream(spec, on_outcome)

    def close(self) -> None:
        """Cancel what was asked through this client; the engine belongs to the server."""
        if self._client is not None:
            self._client.close()

    def _active(self) -> LocalEngineClient:
        problem = self.problem()
        client = self._present()
        if problem or client is None:
            raise EngineUnavailableError(
                problem or "synthesis_server has no engine; configure and activate it"
            )
        return client

    def _present(self) -> LocalEngineClient | None:
        from anyview_ros.synthesis.local_client import LocalEngineClient

        engine = self._server.engine
        with self._lock:
            if engine is not self._engine:
                self._engine = engine
                self._client = None if engine is None else LocalEngineClient(engine)
            return self._client


def main(args: Sequence[str] | None = None) -> int:
    """Run both nodes until they are told to stop, and return the process's exit code."""
    return run(_start, args)


def _start() -> Sequence[RunningNode]:
    from anyview_ros.nodes.synthesis_server.node import SynthesisServer
    from anyview_ros.nodes.virtual_camera.node import VirtualCameraNode

    server = SynthesisServer()
    camera = VirtualCameraNode(make_client=lambda _node, _settings: HostedEngineClient(server))
    return [camera, server]


if __name__ == "__main__":
    sys.exit(main())
