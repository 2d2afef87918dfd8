"""The method that shows, or guesses the depth of, what no camera tells; and what it is asked with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from anyview_ros.errors import InvalidRequestError, WeightsError
from anyview_ros.methods.any4d.options import Any4DOptions
from anyview_ros.synthesis.protocol import Synthesizer
from anyview_ros.synthesis.registry import load_synthesizer


@dataclass(frozen=True)
class Generator:
    """A method that generates views.

    Attributes:
        name: of the method.
        options: its own, by name; None for its defaults.
        prompt: text for a method whose options have ``prompt``; None gives none.
        weights: of the method; None for those it finds itself.
    """

    name: str = "anyview_small"
    options: Mapping[str, Any] | None = None
    prompt: str | None = None
    weights: Path | None = None

    @classmethod
    def of(cls, options: Any4DOptions) -> Generator | None:
        """The one that a request names; None if it names none."""
        if options.generator is None:
            return None
        return cls(options.generator, options.generator_options, options.prompt, options.generator_weights)

    def load(self, device: str | None) -> Synthesizer:
        """Load the method; see :func:`load_synthesizer`.

        Raises:
            UnknownMethodError: no such method.
            WeightsError: its weights are missing or unfit.
        """
        weights = None if self.weights is None else str(self.weights)
        try:
            return load_synthesizer(self.name, device=device, weights=weights)
        except WeightsError as error:
            raise WeightsError(f"{error} (any4d has its generator's as generator_weights)") from error

    def options_for(self, loaded: Synthesizer) -> dict[str, Any] | None:
        """What a request or stream of the loaded method is given as options.

        Raises:
            InvalidRequestError: a prompt for a method that takes none.
        """
        chosen = dict(self.options or {})
        if self.prompt is None:
            return chosen or None
        kind = loaded.describe().options_type
        known = {field.name for field in fields(kind)} if kind is not None and is_dataclass(kind) else set()
        if "prompt" not in known:
            raise InvalidRequestError(
                f"prompt is {self.prompt!r} but generator '{self.name}' takes no text; leave it out, or "
                "name a generator whose options have a prompt"
            )
        return {**chosen, "prompt": self.prompt}
