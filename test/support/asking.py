"""A node that asks a synthesis server, in a thread of the test's process, and small requests to ask with."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from anyview_ros.nodes.remote_engine import RemoteEngineClient
    from anyview_ros.synthesis import SynthesisRequest

WIDTH, HEIGHT = 48, 32


class Asker:
    """A spinning node with an engine client; use it through :func:`asking`."""

    def __init__(self, node: Any, client: RemoteEngineClient) -> None:
        self.node = node
        self.client = client

    def wait_until(self, condition: Callable[[], Any], what: str, *, timeout_s: float = 20.0) -> None:
        """Return once the condition holds; AssertionError after the time limit."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, (
                f"not in {timeout_s} s: {what}; problem: {self.client.problem()!r}"
            )
            time.sleep(0.02)

    def wait_ready(self, *, timeout_s: float = 30.0) -> None:
        """Return once the server takes work."""
        self.wait_until(lambda: not self.client.problem(), "the server takes work", timeout_s=timeout_s)

    def call(
        self, kind: Any, name: str, request: Any, *, timeout_s: float = 20.0, again_s: float = math.inf
    ) -> Any:
        """Call a service and return its answer. What may be asked twice is asked anew after `again_s`.

        A service that has not found its client yet drops the answer.
        """
        service = self.node.create_client(kind, name)
        futures: list[Any] = []
        began_s = time.monotonic()

        def answered() -> bool:
            if not futures or time.monotonic() - began_s > again_s * len(futures):
                futures.append(service.call_async(request))
            return any(future.done() for future in futures)

        try:
            assert service.wait_for_service(timeout_s), f"no service {name}"
            self.wait_until(answered, f"{name} answers", timeout_s=timeout_s)
            return next(future.result() for future in futures if future.done())
        finally:
            self.node.destroy_client(service)


@contextmanager
def asking(server: str, **options: Any) -> Iterator[Asker]:
    """A node whose client asks the server of a namespace. rclpy must be initialised."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from anyview_ros.nodes.remote_engine import RemoteEngineClient

    node = rclpy.create_node("asker")
    client = RemoteEngineClient(node, server=server, **options)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, name="asker")
    thread.start()
    try:
        yield Asker(node, client)
    finally:
        client.close()
        executor.shutdown()
        thread.join()
        node.destroy_node()


def small_camera(width: int = WIDTH, height: int = HEIGHT) -> Any:
    """A camera of a small picture."""
    from anyview_ros.geometry import PinholeCamera

    return PinholeCamera(40.0, 40.0, (width - 1) / 2, (height - 1) / 2, width, height)


def small_request(
    frames: int = 2, *, seed: int = 0, depth_m: float | None = None, **more: Any
) -> SynthesisRequest:
    """Random frames of a camera that stands still, asked for from its own place."""
    from anyview_ros.clips import PosedClip
    from anyview_ros.geometry import static
    from anyview_ros.synthesis import SynthesisRequest

    camera = small_camera()
    pictures = np.random.default_rng(seed).integers(0, 256, (frames, HEIGHT, WIDTH, 3), dtype=np.uint8)
    clip = PosedClip(
        pictures,
        camera,
        np.tile(np.eye(4), (frames, 1, 1)),
        np.arange(1, frames + 1) * 100_000_000,
        depth=None if depth_m is None else np.full((frames, HEIGHT, WIDTH), depth_m, np.float32),
    )
    return SynthesisRequest((clip,), (static(camera, np.eye(4), frames),), seed=seed, **more)
