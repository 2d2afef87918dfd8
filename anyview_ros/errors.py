"""The one error hierarchy. Every message names the thing, its value and the remedy."""

from __future__ import annotations


class AnyViewError(Exception):
    """Base of every error that anyview_ros raises on purpose."""


class InvalidInputError(AnyViewError, ValueError):
    """Something handed in cannot be used: the message names it, its value and what would do."""


class InvalidCameraError(InvalidInputError):
    """Intrinsics or distortion that no camera can have, or that do not fit the image they came with."""


class InvalidPoseError(InvalidInputError):
    """A matrix or quaternion that is not a finite rigid transform."""


class InvalidClipError(InvalidInputError):
    """Frames, poses, stamps or depth of a clip that do not fit each other."""


class InvalidRequestError(InvalidInputError):
    """A request that the chosen method cannot serve: too few frames, too many sources, unknown options."""


class UnknownMethodError(AnyViewError, LookupError):
    """No method of that name is registered."""


class MissingDependencyError(AnyViewError, ImportError):
    """An optional package is needed; the message gives the command that installs it."""


class WeightsError(AnyViewError):
    """Weights that are absent, truncated, of another model, or that fail their checksum."""


class SceneFileError(AnyViewError):
    """A fitted scene that is absent, damaged, no scene, or of another method or version."""


class ReadError(AnyViewError):
    """A recording, a video or a dataset that cannot be read."""


class WriteError(AnyViewError):
    """An output that cannot be written: no room, another run at work there, or files that are in the way."""


class FilmingTimeout(AnyViewError, TimeoutError):
    """Time was up before all that a training run needs was filmed; what was filmed is kept."""


class ClipNotReadyError(AnyViewError):
    """The sliding window cannot give a clip yet; the message says what it still waits for."""


class WindowClosedError(ClipNotReadyError):
    """The sliding window has been closed; it will never give a clip again."""


class SynthesisError(AnyViewError):
    """The method failed while it worked."""


class SynthesisCancelled(SynthesisError):
    """The work was cancelled between two steps."""


class SynthesisTimeout(SynthesisError, TimeoutError):
    """The work exceeded its time limit and was stopped."""


class EngineBusyError(SynthesisError):
    """The engine's bounded queue is full; try again later or ask for less."""


class EngineClosedError(SynthesisError):
    """The engine or the stream has been closed."""


class EngineUnavailableError(SynthesisError):
    """No engine answers: the synthesis server is away, not active, or lost its link."""
