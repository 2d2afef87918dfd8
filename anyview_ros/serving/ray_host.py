"""Replicas on Ray Serve: each holds the method, the free ones get the requests, and the load says how many there are.

Ray is an optional package: ``pip install 'anyview_ros[serve]'``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from anyview_ros.errors import InvalidInputError, MissingDependencyError
from anyview_ros.serving.service import Service, ServiceLimits
from anyview_ros.synthesis.engine import Engine
from anyview_ros.synthesis.registry import load_synthesizer

APPLICATION = "anyview"


@dataclass(frozen=True)
class RaySettings:
    """How replicas are run.

    Attributes:
        method, device, weights: as in ``load_synthesizer``; "" for the default.
        least, most: replicas; as many as the load wants between them.
        cpus, gpus: that each replica takes from Ray; a replica on a GPU wants 1, or a share.
        queue: requests that wait in a replica; Ray holds back what is more.
        batch: of these, how many are served together where the method can.
        token: as in ``Service``.
        host, port: of the HTTP proxy.
        certificate, key: PEM files for HTTPS; "" for HTTP.
        limits: what may be asked.

    Raises:
        InvalidInputError: numbers that no replica could run with, or a certificate without its key.
    """

    method: str = ""
    device: str = ""
    weights: str = ""
    least: int = 1
    most: int = 1
    cpus: float = 0.25
    gpus: float = 0.0
    queue: int = 8
    batch: int = 4
    token: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    certificate: str = ""
    key: str = ""
    limits: ServiceLimits = field(default_factory=ServiceLimits)

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise InvalidInputError(f"replicas are {self.least} to {self.most}; give 1 <= least <= most")
        for name in ("queue", "batch"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; give 1 or more")
        if bool(self.certificate) != bool(self.key):
            raise InvalidInputError("HTTPS needs both a certificate and its key; give both, or none")


class Replica:
    """One engine, behind Ray Serve's HTTP proxy."""

    def __init__(self, settings: RaySettings) -> None:
        """Load the method."""
        self._engine = Engine(
            lambda: load_synthesizer(
                settings.method or None, device=settings.device or None, weights=settings.weights or None
            ),
            name="ray",
            max_queue=settings.queue,
            max_queue_per_client=settings.queue,  # callers over HTTP are not told apart
            max_batch=settings.batch,
        )
        self._engine.start()
        self._service = Service(self._engine, token=settings.token, limits=settings.limits)

    async def __call__(self, request: Any) -> Any:
        """Answer a starlette Request."""
        from starlette.responses import Response

        answer = self._service.refusal(request.method, request.headers)
        if answer is None:
            body = await request.body()
            path = request.url.path.removeprefix(request.scope.get("root_path", ""))
            answer = await asyncio.to_thread(self._service.answer, request.method, path, body)
        return Response(answer.body, answer.status, media_type=answer.content_type)

    def check_health(self) -> None:
        """Raise if the engine is gone, so that Ray begins another replica."""
        problem = self._engine.problem()
        if problem:
            raise RuntimeError(problem)


def start(settings: RaySettings, *, address: str = "") -> None:
    """Start the replicas on a Ray cluster, or on one begun here, and return when they answer.

    Args:
        settings: of the replicas.
        address: of a cluster that runs; "" begins one.

    Raises:
        MissingDependencyError: Ray Serve is not installed.
    """
    try:
        import ray
        from ray import serve
        from ray.serve.config import AutoscalingConfig, HTTPOptions
    except ImportError as error:
        raise MissingDependencyError(
            f"replicas need Ray Serve ({error}): pip install 'anyview_ros[serve]', or serve one replica without it"
        ) from error
    ray.init(address=address or None, ignore_reinit_error=True, log_to_driver=False)
    secured = (
        {"ssl_certfile": settings.certificate, "ssl_keyfile": settings.key} if settings.certificate else {}
    )
    serve.start(http_options=HTTPOptions(host=settings.host, port=settings.port, **secured))
    scaling = (
        {"num_replicas": settings.least}
        if settings.least == settings.most
        else {
            "autoscaling_config": AutoscalingConfig(min_replicas=settings.least, max_replicas=settings.most)
        }
    )
    deployment = serve.deployment(
        Replica,
        name="replica",
        ray_actor_options={"num_cpus": settings.cpus, "num_gpus": settings.gpus},
        max_ongoing_requests=settings.queue,
        max_queued_requests=settings.queue * settings.most,
        **scaling,
    )
    serve.run(deployment.bind(settings), name=APPLICATION, route_prefix="/")


def stop() -> None:
    """End the replicas, and Ray if it was begun here."""
    import ray
    from ray import serve

    serve.delete(APPLICATION)
    ray.shutdown()
