"""The choice of an attention kernel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from diffusers.models.attention_dispatch import AttentionBackendName, attention_backend

from anyview_ros.errors import InvalidRequestError

_DOWNLOADED = "_hub"  # kernels that diffusers would fetch from the network


@contextmanager
def attention_kernel(name: str) -> Iterator[None]:
    """Use one of diffusers' attention backends for the time being.

    Raises:
        InvalidRequestError: no such backend, or one that is not installed here.
    """
    known = sorted(kind.value for kind in AttentionBackendName if not kind.value.endswith(_DOWNLOADED))
    if name not in known:
        raise InvalidRequestError(f"attention_backend is {name!r}; choose one of {', '.join(known)}")
    with ExitStack() as stack:
        try:
            stack.enter_context(attention_backend(name))
        except (ImportError, RuntimeError, ValueError) as err:
            raise InvalidRequestError(
                f"attention_backend '{name}' does not work here ({err}); choose another, such as 'native'"
            ) from err
        yield
