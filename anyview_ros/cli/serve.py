"""``anyview serve``: a method as a service over HTTP, by one replica or by many on Ray Serve."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from anyview_ros.cli.arguments import HelpFormatter, add_method

_EPILOG = """\
examples:
  anyview serve --method anyview_small
  anyview serve --replicas 2 --most 8 --gpus 1 --token-file token.txt --certificate cert.pem --key key.pem

docs/serving.md tells more.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "serve",
        help="serve a method over HTTP, with one replica or many",
        description="Serve a method over HTTP. One replica runs in this process; several run on Ray Serve, on this "
        "machine or on a cluster. A synthesis_server forwards to the service with its parameter `service`.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    add_method(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8000, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--replicas",
        type=int,
        default=1,
        metavar="N",
        help="fewest replicas; more than one take Ray Serve (default: %(default)s)",
    )
    parser.add_argument(
        "--most",
        type=int,
        metavar="N",
        help="most replicas; as many as the load wants run (default: the fewest)",
    )
    parser.add_argument("--ray", action="store_true", help="use Ray Serve for a single replica too")
    parser.add_argument(
        "--ray-address", default="", metavar="ADDRESS", help="Ray cluster to run on (default: begin one here)"
    )
    parser.add_argument(
        "--cpus", type=float, help="with Ray: cores that it counts per replica (default: 0.25)"
    )
    parser.add_argument(
        "--gpus", type=float, help="with Ray: GPUs, or shares of one, per replica (default: none)"
    )
    parser.add_argument(
        "--queue", type=int, default=8, help="requests that may wait per replica (default: %(default)s)"
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=4,
        help="waiting requests that a replica serves together, where the method can (default: %(default)s)",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with the token that callers must present (default: none is asked for)",
    )
    parser.add_argument(
        "--certificate", default="", metavar="FILE", help="PEM file, for HTTPS (default: HTTP)"
    )
    parser.add_argument("--key", default="", metavar="FILE", help="PEM file with the certificate's key")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        InvalidInputError: numbers that exclude each other, or that nobody would look at.
        ReadError: a token file that cannot be read, or is empty.
    """
    from anyview_ros.serving.tokens import read_token

    most = arguments.replicas if arguments.most is None else arguments.most
    on_ray = arguments.ray or bool(arguments.ray_address) or most > 1
    _check_replicas(arguments, most, on_ray)
    token = read_token(arguments.token_file)
    if not token and arguments.host not in ("127.0.0.1", "localhost", "::1"):
        print(
            f"anyview serve: {arguments.host} can be reached from outside and no token is asked for; anybody there may "
            "use this service. Give --token-file.",
            file=sys.stderr,
        )
    if on_ray:
        return _serve_on_ray(arguments, token, most)
    return _serve_here(arguments, token)


def _check_replicas(arguments: argparse.Namespace, most: int, on_ray: bool) -> None:
    from anyview_ros.errors import InvalidInputError

    if not 1 <= arguments.replicas <= most:
        raise InvalidInputError(
            f"--replicas is {arguments.replicas} and --most is {most}; give 1 or more replicas, and no fewer as "
            "most"
        )
    for name in ("cpus", "gpus"):
        share = getattr(arguments, name)
        if share is not None and not on_ray:
            raise InvalidInputError(
                f"--{name} is {share:g}, but a single replica runs without Ray, which counts them; add --ray, or leave "
                "it out and choose with --device"
            )


def _serve_here(arguments: argparse.Namespace, token: str) -> int:
    from anyview_ros.serving.plain_host import PlainHost
    from anyview_ros.serving.service import Service
    from anyview_ros.synthesis import load_synthesizer
    from anyview_ros.synthesis.engine import Engine

    with Engine(
        lambda: load_synthesizer(arguments.method, device=arguments.device, weights=arguments.weights),
        name=arguments.host,
        max_queue=arguments.queue,
        max_queue_per_client=arguments.queue,  # callers over HTTP are not told apart
        max_batch=arguments.batch,
    ) as engine:
        host = PlainHost(
            Service(engine, token=token),
            arguments.host,
            arguments.port,
            certificate=arguments.certificate,
            key=arguments.key,
        )
        with host:
            thread = threading.Thread(target=host.serve_forever, name="http")
            thread.start()
            _announce(arguments, host.server_address[1])
            _wait_for_signal()
            host.shutdown()
            thread.join()
    return 0


def _serve_on_ray(arguments: argparse.Namespace, token: str, most: int) -> int:
    from anyview_ros.serving.ray_host import RaySettings, start, stop

    start(
        RaySettings(
            method=arguments.method or "",
            device=arguments.device or "",
            weights=arguments.weights or "",
            least=arguments.replicas,
            most=most,
            **{name: share for name in ("cpus", "gpus") if (share := getattr(arguments, name)) is not None},
            queue=arguments.queue,
            batch=arguments.batch,
            token=token,
            host=arguments.host,
            port=arguments.port,
            certificate=arguments.certificate,
            key=arguments.key,
        ),
        address=arguments.ray_address,
    )
    _announce(arguments, arguments.port)
    _wait_for_signal()
    stop()
    return 0


def _announce(arguments: argparse.Namespace, port: int) -> None:
    scheme = "https" if arguments.certificate else "http"
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    print(f"serving at {scheme}://{host}:{port}; Ctrl-C ends it", flush=True)


def _wait_for_signal() -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(1.0):
        pass
