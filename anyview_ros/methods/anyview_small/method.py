"""The small network as a method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from anyview_ros.diffusion.noise import check_seed as check_seed_of_noise
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.anyview_small.options import SmallOptions
from anyview_ros.methods.anyview_small.stream import SmallStream
from anyview_ros.methods.anyview_small.weights import SHIPPED, LoadedWeights, load_weights
from anyview_ros.methods.closing import closed_error
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.network_files import weights_path
from anyview_ros.methods.pictures import Picture, source_frame, views_of
from anyview_ros.methods.pushed_stream import check_opening
from anyview_ros.methods.steps import StepCount
from anyview_ros.synthesis.description import LONGEST_CLIP, MethodDescription
from anyview_ros.synthesis.instants import nearest_frame, request_instants
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest, check_request, resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult

_NAME = "anyview_small"


class AnyViewSmall:
    """Views by a small network that mixes what the source shows, moved by depth that it predicts or is given.

    One step, the default, gives the expected picture: what was not seen is a blur. More steps draw a picture that could
    be there, by rectified flow, where the confidence is low; another seed draws another.

    Views depend on the source frames of their instant and the few before, never on later ones. ``confidence`` is the
    share of a pixel that the source shows, times the probability that it is right, as the network expects it
    (calibrated on held-out scenes). ``depth`` is the given one where the source saw it, else the network's guess.

    Args:
        device: torch device; None takes CUDA where there is one.
        weights: path of the weights, or of the folder that holds ``anyview_small.safetensors``; None for those that
            are shipped.

    Raises:
        WeightsError: weights that are missing or unfit.
        MissingDependencyError: PyTorch or safetensors is not installed.
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """

    load_arguments = frozenset({"device", "weights"})

    def __init__(self, *, device: str | None = None, weights: str | None = None) -> None:
        """Load the network."""
        self.device = torch_device(device)
        self._weights: LoadedWeights | None = load_weights(weights_path(weights, SHIPPED), self.device)
        self.weights_hash = self._weights.sha256
        self._side = self._weights.network.config.side
        self._uses_depth = self._weights.network.config.depth_hint
        self._samples = self._weights.network.config.flow > 0

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        unseen = "a blurred guess"
        if self._samples:
            unseen += " with one step and an invention with more (4 to 8 do)"
        return MethodDescription(
            name=_NAME,
            summary="A small network that moves what the source shows by seen or guessed depth, and guesses the rest.",
            generative=True,
            source_count=(1, 1),
            clip_frames=(1, LONGEST_CLIP),
            uses_depth=self._uses_depth,
            streams=True,
            default_steps=1 if self._samples else 0,
            options_type=SmallOptions,
            limits=(
                f"Depth and mixture are guessed at {self._side} pixels; thin things are lost without depth images.",
                "Without depth images a view is the mean of what may be there, a blur; one_depth is sharp, but bent.",
                f"What the source does not see is {unseen}; look at the confidence before you act on it.",
                "Trained on computed rooms of 3 to 7 m with things 0.3 to 8 m away; not for larger or open places.",
            ),
        )

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Synthesise every target; progress counts the pictures of all targets.

        Raises:
            InvalidRequestError: the method cannot serve this request.
            InvalidInputError: a seed that the noise of more than one step cannot have.
            SynthesisCancelled: ``cancel`` was set; checked before each picture and each sampling step.
            EngineClosedError: the method has been closed.
        """
        weights = self._opened()
        check_request(request, self.describe())
        options = resolve_options(request.options, SmallOptions, _NAME)
        source = request.sources[0]
        instants = request_instants(request)
        asked: dict[int, list[tuple[int, int]]] = {}  # source frame -> (target, pose) in order
        for number, stamps_ns in enumerate(instants):
            for index, stamp_ns in enumerate(stamps_ns):
                asked.setdefault(nearest_frame(source.stamps_ns, int(stamp_ns)), []).append((number, index))
        steps = self._steps(request.steps)
        count = StepCount(_NAME, sum(map(len, request.targets)), progress, cancel)
        session = self._session(weights, options, steps, request.seed, count.check)
        memories = [session.target_memory() for _ in request.targets]
        pictures: list[dict[int, Picture]] = [{} for _ in request.targets]
        for frame in range(self._first_frame(weights, min(asked)), max(asked) + 1):
            count.check()
            session.push(source_frame(source, frame))
            for number, index in asked.get(frame, []):
                count.check()
                target = request.targets[number]
                pictures[number][index] = session.view(
                    memories[number], target.camera, target.camera_to_world[index]
                )
                count.count()
        in_order = [[made[index] for index in sorted(made)] for made in pictures]
        views = views_of(in_order, request.targets, instants)
        return SynthesisResult(views, self._provenance(request.seed, steps))

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> SmallStream:
        """Open a stream from one source camera to virtual cameras with these intrinsics.

        Raises:
            InvalidRequestError: no target, steps that the weights do not have, a seed out of range, or unknown options.
            InvalidInputError: a seed that the noise of more than one step cannot have.
            EngineClosedError: the method has been closed.
        """
        weights = self._opened()
        check_opening(self.describe(), targets, steps, seed)
        done = self._steps(steps)
        resolved = resolve_options(options, SmallOptions, _NAME)
        session = self._session(weights, resolved, done, seed)
        return SmallStream(session, source, targets, self._provenance(seed, done))

    def close(self) -> None:
        """Free the network. Closing twice is harmless."""
        self._weights = None

    def _opened(self) -> LoadedWeights:
        if self._weights is None:
            raise closed_error(_NAME)
        return self._weights

    def _session(
        self,
        weights: LoadedWeights,
        options: SmallOptions,
        steps: int,
        seed: int,
        check: Callable[[], None] | None = None,
    ) -> Any:
        import torch

        from anyview_ros.methods.anyview_small.session import Sampling, Session

        if steps > 1:
            check_seed_of_noise(seed)
        sampling = Sampling(max(steps, 1), seed, check)
        return Session(weights, torch.device(self.device), options, sampling)

    def _steps(self, asked: int | None) -> int:
        """Steps that are done: 0 for weights that do not sample."""
        default = self.describe().default_steps
        return (asked or default) if default else 0

    def _provenance(self, seed: int, steps: int) -> Provenance:
        return Provenance(_NAME, self.weights_hash, seed, steps)

    @staticmethod
    def _first_frame(weights: LoadedWeights, needed: int) -> int:
        """The earliest source frame that ``needed`` depends on: the memory reaches further back in each block."""
        config: SmallConfig = weights.network.config
        return max(0, needed - (config.memory_frames - 1) * (config.layers + 1))
