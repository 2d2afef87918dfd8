"""Settings of a training run of the small network, from a YAML file."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.training.batches import BatchPlan

DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True)
class RoomsConfig:
    """What is filmed before training begins.

    Attributes:
        count: rooms.
        parallel: rooms filmed once more by cameras side by side, as stereo heads see them.
        side: pixels.
        instants: per room.
        workers: processes that film.
        device: where the ray caster computes.
    """

    count: int = 3000
    parallel: int = 0
    side: int = 64
    instants: int = 2
    workers: int = 2
    device: str = "cpu"


@dataclass(frozen=True)
class OptimiserConfig:
    """How weights move.

    Attributes:
        rate: learning rate after the warm-up.
        warm_up: steps until then.
        decay_share: share of the steps, at the end, over which the rate falls to zero.
        weight_decay: of matrices and convolutions.
        muon: optimise the matrices by Muon (torch 2.9 or later) and the rest by AdamW; otherwise all by AdamW.
        clip: largest norm of the gradient.
        ema: decay of the average of the weights, which is what is shipped.
    """

    rate: float = 1.5e-3
    warm_up: int = 50
    decay_share: float = 0.3
    weight_decay: float = 0.01
    muon: bool = True
    clip: float = 1.0
    ema: float = 0.995


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts of the loss."""

    absolute: float = 1.0
    squared: float = 4.0
    gradient: float = 0.3
    planes: float = 0.05
    depth: float = 0.1
    source_planes: float = 0.03
    error: float = 0.02
    flow: float = 1.0


@dataclass(frozen=True)
class SmallTrainingConfig:
    """A training run; see docs/methods/anyview_small.md.

    Attributes:
        steps: in all.
        seed: of weights and samples.
        device: where training computes; "auto" takes CUDA where there is one.
        threads: of torch on a CPU; 0 leaves the choice to torch.
        loaders: processes that make batches; 0 makes them in between.
        mixed_precision: compute in bfloat16 on CUDA.
        checkpoint_steps: steps between checkpoints.
        checkpoint_dtype: how averages and optimiser states are kept in checkpoints; after each checkpoint the run goes
            on with what was written, so that a resumed run equals one that was never interrupted.
        start_from: weights to begin with: a path, "shipped" for those of the package, "" for random ones. They need no
            flow head; all else must be as in ``network``.
        only_flow: fit the flow head and leave all else as it is.
        kept_batches: with ``only_flow``, run so many batches through the rest once and keep its answers, in half
            precision; each time round they get other noise. 0: none, every step has a batch of its own.
        log_steps, sheet_steps: steps between lines of the log, and between sheets of sample pictures.
        network, batches, rooms, optimiser, loss: the parts.
    """

    steps: int = 2000
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    loaders: int = 0
    mixed_precision: bool = True
    checkpoint_steps: int = 250
    checkpoint_dtype: str = "float32"
    start_from: str = ""
    only_flow: bool = False
    kept_batches: int = 0
    log_steps: int = 20
    sheet_steps: int = 250
    network: SmallConfig = field(default_factory=SmallConfig)
    batches: BatchPlan = field(default_factory=BatchPlan)
    rooms: RoomsConfig = field(default_factory=RoomsConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        for name in ("steps", "checkpoint_steps", "log_steps", "sheet_steps"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; give 1 or more")
        if self.checkpoint_dtype not in DTYPES:
            raise InvalidInputError(
                f"checkpoint_dtype is {self.checkpoint_dtype!r}; choose one of {', '.join(DTYPES)}"
            )
        if self.only_flow and not self.network.flow:
            raise InvalidInputError("only_flow is set but network.flow is 0; give the flow head channels")
        if self.kept_batches < 0 or (self.kept_batches and not self.only_flow):
            raise InvalidInputError(
                f"kept_batches is {self.kept_batches} and only_flow {self.only_flow}; give 0 or more, and only_flow too"
            )
        if self.rooms.side != self.network.side:
            raise InvalidInputError(
                f"rooms.side is {self.rooms.side} but network.side is {self.network.side}; give both the same"
            )
        shares = self.batches.view_change_shares
        if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
            raise InvalidInputError(f"view_change_shares is {shares}; give three shares that add up to 1")


def read_config(name: str) -> SmallTrainingConfig:
    """Read settings from a YAML file, or from one of ours by its name ("cpu.yaml").

    Raises:
        InvalidInputError: no such file, no YAML, a setting there is not, or one out of range.
    """
    path = Path(name)
    shipped = resources.files("anyview_ros.training") / "configs"
    if not path.is_file():
        candidate = Path(str(shipped)) / name
        if not candidate.is_file():
            ours = ", ".join(
                sorted(entry.name for entry in shipped.iterdir() if entry.name.endswith(".yaml"))
            )
            raise InvalidInputError(
                f"no configuration {name!r}; give the path of a YAML file, or one of {ours}"
            )
        path = candidate
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read as YAML: {error}") from error
    config: SmallTrainingConfig = _filled(SmallTrainingConfig, values, str(path))
    return config


def _filled(kind: Any, values: Any, where: str) -> Any:
    """An instance of the dataclass ``kind`` with these values; what is left out keeps its default."""
    if not isinstance(values, dict):
        raise InvalidInputError(f"{where} is {values!r}; give settings by name")
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InvalidInputError(
            f"{where}: unknown setting {', '.join(map(repr, unknown))}; it knows {', '.join(sorted(known))}"
        )
    default = kind()
    given = {}
    for name, value in values.items():
        present = getattr(default, name)
        if is_dataclass(present):
            given[name] = _filled(type(present), value, f"{where}: {name}")
        elif isinstance(present, tuple):
            given[name] = tuple(value) if isinstance(value, list) else value
        elif isinstance(present, float) and isinstance(value, int) and not isinstance(value, bool):
            given[name] = float(value)
        else:
            given[name] = value
        if not is_dataclass(present) and type(given[name]) is not type(present):
            raise InvalidInputError(f"{where}: {name} is {value!r}; give a {type(present).__name__}")
    return kind(**given)
