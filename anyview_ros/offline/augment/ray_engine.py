"""Jobs done by a pool of Ray actors, each of which holds the method, here or on a cluster that runs already.

All machines must see the inputs and the output under the same paths. Actors ask for a quarter of a CPU, so that a small
machine's last CPUs are left for whatever else the cluster does: what they compute with is ``threads``, the same as
here, and with it the output's bytes.
"""

from __future__ import annotations

import importlib
import signal
import socket
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyview_ros.errors import (
    InvalidInputError,
    MissingDependencyError,
    SynthesisCancelled,
    SynthesisError,
    WriteError,
)
from anyview_ros.offline.augment.engines import (
    EngineSettings,
    Outcome,
    check_cancelled,
    do_job,
    load_method,
    opened_job,
)
from anyview_ros.offline.augment.events import Event, Report
from anyview_ros.offline.augment.formats import open_format
from anyview_ros.offline.augment.job_key import settings_digest
from anyview_ros.offline.augment.planning import PlannedEpisode, plan_episodes
from anyview_ros.offline.augment.run_place import RunPlace
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.sources import open_episodes
from anyview_ros.synthesis import CancelToken

_CPUS_PER_ACTOR = 0.25
_LOOK_S = 0.5
_ANSWER_S = 10.0
_RESTARTS = 2
_CONCURRENT_CALLS = 3  # a job, its cancellation, and its events


@dataclass(frozen=True)
class _Answer:
    """What an actor says of a job: its outcome, or why the whole run ends."""

    outcome: Outcome | None = None
    disk_full: str = ""


class Worker:
    """What an actor is: a loaded method, and the run's episodes."""

    def __init__(self, inputs: Sequence[Path], settings: AugmentSettings, engine: EngineSettings) -> None:
        self._settings = settings
        self._synthesizer = load_method(settings, engine)
        self._format = open_format(settings)
        self._episodes = {each.name: each for each in plan_episodes(open_episodes(inputs, settings))}
        self._cancel = threading.Event()
        self._events: deque[Event] = deque()

    def digest(self) -> str:
        """Of settings, version and weights."""
        return settings_digest(self._settings, str(getattr(self._synthesizer, "weights_hash", "")))

    def do(self, episode: str, output: Path) -> _Answer:
        """Do an episode's job; no outcome if it was cancelled."""
        place = RunPlace(output)
        try:
            job = opened_job(self._episodes[episode], self.digest(), self._settings, self._format, place)
            if isinstance(job, Outcome):
                return _Answer(job)
            return _Answer(do_job(job, self._synthesizer, self._events.append, self._cancel))
        except SynthesisCancelled:
            return _Answer()
        except WriteError as error:
            return _Answer(disk_full=str(error))

    def take_events(self) -> list[Event]:
        """What happened since the last call."""
        return [self._events.popleft() for _ in range(len(self._events))]

    def cancel(self) -> None:
        """End the job under way between two steps."""
        self._cancel.set()


class RayEngine:
    """The actors of a run.

    Args:
        inputs: of the run, absolute.
        settings: of the run.
        engine: the cluster's address, how many actors, and what each computes with.

    Raises:
        MissingDependencyError: Ray is not installed.
        InvalidInputError: no cluster at that address, or fewer GPUs than it takes.
        SynthesisError: the actors could not load the method, or see other inputs.
    """

    def __init__(self, inputs: Sequence[Path], settings: AugmentSettings, engine: EngineSettings) -> None:
        self._ray = _import_ray()
        threads = engine.pinned_threads()
        _connect(self._ray, engine.ray_address, threads)
        try:
            count, gpus = _shares(self._ray, engine)
            pinned = EngineSettings(engine.device, threads)
            actor = self._ray.remote(
                num_cpus=_CPUS_PER_ACTOR,
                num_gpus=gpus,
                max_restarts=_RESTARTS,
                max_task_retries=_RESTARTS,
                max_concurrency=_CONCURRENT_CALLS,
            )(Worker)
            self._actors = [actor.remote(list(inputs), settings, pinned) for _ in range(count)]
            self.digest = self._common_digest()
        except BaseException:
            self.close()
            raise

    def run(
        self, episodes: Iterable[PlannedEpisode], place: RunPlace, report: Report, cancel: CancelToken
    ) -> Iterator[Outcome]:
        """As :meth:`Engine.run`; jobs under way when the rest is cancelled end between two steps."""
        waiting = deque(each.name for each in episodes)
        output = place.output.absolute()
        free = list(self._actors)
        busy: dict[Any, Any] = {}
        told_to_end = False
        full = ""
        while busy or (waiting and not told_to_end):
            while waiting and free and not told_to_end:
                actor = free.pop()
                busy[actor.do.remote(waiting.popleft(), output)] = actor
            done, _ = self._ray.wait(list(busy), timeout=_LOOK_S)
            for event in self._events(list(busy.values())):
                report(event)
            for reference in done:
                free.append(busy.pop(reference))
                answer: _Answer = self._get(reference)
                full = full or answer.disk_full
                if answer.outcome is not None:
                    yield answer.outcome
            if (cancel.is_set() or full) and not told_to_end:
                told_to_end = True
                for actor in self._actors:
                    actor.cancel.remote()
        if full:
            raise WriteError(full)
        check_cancelled(cancel)

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self._ray.shutdown()

    def _common_digest(self) -> str:
        digests = {self._get(actor.digest.remote()) for actor in self._actors}
        if len(digests) > 1:
            raise SynthesisError(
                "the machines of the Ray cluster have different files, weights or versions; make them the same"
            )
        return str(digests.pop())

    def _events(self, actors: Sequence[Any]) -> list[Event]:
        found = [self._get(actor.take_events.remote()) for actor in actors]
        return [event for events in found for event in events]

    def _get(self, reference: Any) -> Any:
        """What an actor answered.

        Raises:
            SynthesisError: it failed or died, again and again.
        """
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            raise SynthesisError(f"a Ray actor failed: {error}") from error


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise MissingDependencyError(
            "--engine ray needs Ray; run `pip install 'anyview_ros[ray]'`, or use --engine local with --shard"
        ) from error


def _connect(ray: Any, address: str, threads: int) -> None:
    """Join a cluster or start one; Ray takes SIGTERM for itself, which is given back to whoever had it."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        _check_answers(address)
        ray.init(
            address=address or "local",
            include_dashboard=None if address else False,
            runtime_env={"env_vars": {"OMP_NUM_THREADS": str(threads)}},
            log_to_driver=False,
        )
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"no Ray cluster at {address!r}: {error}; start one with `ray start --head`, or give no address"
        ) from error
    except Exception as error:  # Ray raises no other kind when a process of its own does not come up in time
        raise SynthesisError(f"Ray could not be started: {error}") from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def _check_answers(address: str) -> None:
    """See that something listens at HOST:PORT; Ray itself would try for minutes.

    Raises:
        OSError: nothing does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()


def _shares(ray: Any, engine: EngineSettings) -> tuple[int, float]:
    """How many actors, and of how much of a GPU each."""
    gpus = 0 if engine.device.startswith("cpu") else int(ray.cluster_resources().get("GPU", 0))
    count = engine.actors or max(1, gpus)
    if gpus == 0:
        return count, 0
    return count, 1.0 if count <= gpus else int(gpus / count * 1000) / 1000
