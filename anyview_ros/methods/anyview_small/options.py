"""What a user can ask of the small network."""

from __future__ import annotations

from dataclasses import dataclass

from anyview_ros.errors import InvalidRequestError


@dataclass(frozen=True)
class SmallOptions:
    """Options of the method ``anyview_small``.

    Attributes:
        use_depth: use the source's depth images where there are any; False shows what colour alone gives.
        sharp: take the candidates' colours from the source at its own resolution, so that only depth and mixture
            are as coarse as the network; False shows the network's own small picture, enlarged.

    Raises:
        InvalidRequestError: values that are not True or False.
    """

    use_depth: bool = True
    sharp: bool = True

    def __post_init__(self) -> None:
        for name in ("use_depth", "sharp"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidRequestError(f"{name} is {getattr(self, name)!r}; give True or False")
