"""The way to the engine of a synthesis_server, in this process or on another machine."""

from anyview_ros.nodes.remote_engine.client import RemoteEngineClient

__all__ = ["RemoteEngineClient"]
