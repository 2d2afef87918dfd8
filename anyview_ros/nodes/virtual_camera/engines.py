"""The engine that the parameters name, and the local one that stands in for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from anyview_ros.errors import AnyViewError, InvalidInputError
from anyview_ros.nodes.virtual_camera.parameters import EngineSettings
from anyview_ros.synthesis.client import EngineClient
from anyview_ros.synthesis.request import resolve_options

if TYPE_CHECKING:
    from rclpy.node import Node


def make_engine_client(node: Node, settings: EngineSettings) -> EngineClient:
    """The way to the engine: a synthesis server over ROS, or a method loaded into this process.

    Raises:
        AnyViewError: the local method cannot be loaded or does not take the options, or the server's namespace is none.
    """
    if settings.engine == "remote":
        return _remote_client(node, settings)
    client = load_local_engine(
        settings.method or None,
        device=settings.device or None,
        weights=settings.weights or None,
        scene=settings.scene or None,
    )
    try:
        _check_options(settings, client)
    except AnyViewError:
        client.close()
        raise
    return client


def _check_options(settings: EngineSettings, client: EngineClient) -> None:
    described = client.description()
    if described is not None:
        resolve_options(settings.options, described.method.options_type, described.method.name)


def _remote_client(node: Node, settings: EngineSettings) -> EngineClient:
    from rclpy.exceptions import NameValidationException

    from anyview_ros.nodes.remote_engine import RemoteEngineClient

    try:
        return RemoteEngineClient(
            node,
            server=settings.server,
            server_timeout_s=settings.server_timeout_s,
            default_timeout_s=settings.capture_timeout_s,
        )
    except NameValidationException as error:
        raise InvalidInputError(
            f"server is '{settings.server}', which is no namespace ({error}); give one such as /anyview"
        ) from error


def make_fallback_client(settings: EngineSettings) -> EngineClient | None:
    """The local engine of the fallback, or None if there is to be none."""
    return load_local_engine("reprojection") if settings.fallback == "reprojection" else None


def load_local_engine(
    method: str | None, *, device: str | None = None, weights: str | None = None, scene: str | None = None
) -> EngineClient:
    """Load a method into this process; closing the client frees it.

    Raises:
        AnyViewError: the method cannot be loaded.
    """
    from anyview_ros.synthesis import load_synthesizer
    from anyview_ros.synthesis.engine import Engine
    from anyview_ros.synthesis.local_client import LocalEngineClient

    engine = Engine(
        partial(load_synthesizer, method, device=device, weights=weights, scene=scene), device=device
    )
    try:
        engine.start()
    except AnyViewError:
        engine.close()
        raise
    return LocalEngineClient(engine, owns_engine=True)
