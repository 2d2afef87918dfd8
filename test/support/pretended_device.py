"""A device that is none: no GPU can be had where the tests run, and what it would refuse should be found all the same.

Tensors on ``DEVICE`` hold their numbers in main memory, and operations give the same numbers as on a CPU. What PyTorch
refuses on a GPU is refused here: tensors of two devices in one operation (but for single numbers, and for indices that
lie in main memory), a generator of another device, and NumPy arrays of what lies elsewhere. What only a GPU can show is
not shown: kernels, memory, speed, and automatic mixed precision, which is switched off.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar
from unittest import mock

import safetensors.torch
import torch
from torch.optim import adam, adamw, optimizer
from torch.overrides import TorchFunctionMode
from torch.utils import _foreach_utils as foreach_utils
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

DEVICE = "lazy"
"""Of the names that PyTorch knows, one whose gradients are computed on the calling thread, and that we do not name."""

_aten = torch.ops.aten
_INDEXING = {
    _aten.index.Tensor,
    _aten.index_put.default,
    _aten.index_put_.default,
    _aten._index_put_impl_.default,
    _aten._unsafe_index.Tensor,
}
_GENERATOR = torch.Generator
_MAKES_TENSORS = {torch.tensor, torch.as_tensor, torch.asarray}


class MixedDevicesError(RuntimeError):
    """An operation that a GPU would refuse."""


class ElsewhereTensor(torch.Tensor):
    """A tensor on ``DEVICE``; ``held`` has its numbers."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> ElsewhereTensor:
        with torch.inference_mode(False):  # whose tensors cannot be wrapped
            made = torch.Tensor._make_wrapper_subclass(
                cls,
                held.size(),
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                device=torch.device(DEVICE),
                requires_grad=held.requires_grad,
            )
        made.held = held
        return made

    def tolist(self) -> Any:
        return self.held.tolist()

    def __repr__(self, **_formats: Any) -> str:
        return f"ElsewhereTensor({self.held!r})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _dispatched(func, args, kwargs or {})


class ElsewhereGenerator(torch.Generator):
    """A generator that says of which device it is; the numbers are a CPU's."""

    elsewhere: ClassVar[set[int]] = set()
    """Addresses of those on ``DEVICE``: on its way through PyTorch a generator loses its class."""

    def __new__(cls, device: Any = "cpu") -> ElsewhereGenerator:
        made = super().__new__(cls, "cpu")
        made.place = torch.device(device)
        (cls.elsewhere.add if _is_elsewhere(device) else cls.elsewhere.discard)(made._cdata)
        return made

    @property
    def device(self) -> torch.device:
        return self.place


def _is_elsewhere(device: Any) -> bool:
    return device is not None and torch.device(device).type == DEVICE


def _dispatched(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    leaves = tree_leaves((args, kwargs))
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    elsewhere = [tensor for tensor in tensors if isinstance(tensor, ElsewhereTensor)]
    device = kwargs.get("device")
    goes_there = _is_elsewhere(device) if device is not None else bool(elsewhere)
    if func not in (_aten._to_copy.default, _aten.copy_.default):
        _check_tensors(func, tensors, any_elsewhere=bool(elsewhere))
    for leaf in leaves:
        if isinstance(leaf, _GENERATOR) and (leaf._cdata in ElsewhereGenerator.elsewhere) != goes_there:
            raise MixedDevicesError(f"{func}: the generator is of another device")
    args, kwargs = tree_map(_here, (args, kwargs))
    kwargs.pop("pin_memory", None)
    result = func(*args, **kwargs)
    if not goes_there:
        return result
    known = {id(tensor.held): tensor for tensor in elsewhere}
    return tree_map(lambda leaf: _there(leaf, known), result)


def _check_tensors(func: Any, tensors: list[torch.Tensor], *, any_elsewhere: bool) -> None:
    if not any_elsewhere:
        return
    indexing = func in _INDEXING and isinstance(tensors[0], ElsewhereTensor)
    for number, tensor in enumerate(tensors):
        is_index = indexing and number > 0 and not tensor.is_floating_point()
        if not isinstance(tensor, ElsewhereTensor) and tensor.dim() and not is_index:
            shapes = [(tuple(each.shape), str(each.device)) for each in tensors]
            raise MixedDevicesError(f"{func} is given tensors of two devices: {shapes}")


def _here(leaf: Any) -> Any:
    if isinstance(leaf, ElsewhereTensor):
        return leaf.held
    return torch.device("cpu") if isinstance(leaf, torch.device) and _is_elsewhere(leaf) else leaf


def _there(leaf: Any, known: dict[int, ElsewhereTensor]) -> Any:
    if not isinstance(leaf, torch.Tensor) or isinstance(leaf, ElsewhereTensor):
        return leaf
    return known[id(leaf)] if id(leaf) in known else ElsewhereTensor(leaf)


class _Dispatch(TorchDispatchMode):
    """For what is made from no tensor, such as zeros."""

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _dispatched(func, args, kwargs or {})


def _is_list(node: Any) -> bool:
    return isinstance(node, list)


class _Functions(TorchFunctionMode):
    """For what PyTorch makes of Python's numbers, past any dispatch."""

    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in _MAKES_TENSORS and _is_elsewhere(kwargs.get("device")):
            del kwargs["device"]
            return func(*args, **kwargs).to(DEVICE)
        if args and isinstance(args[0], ElsewhereTensor):
            if func is torch.Tensor.new_tensor:
                return args[0].held.new_tensor(*args[1:], **kwargs).to(DEVICE)
            if func is torch.Tensor.__getitem__:
                return func(args[0], tree_map_only(list, torch.tensor, args[1], is_leaf=_is_list))
        return func(*args, **kwargs)


@contextlib.contextmanager
def pretended_device() -> Iterator[str]:
    """On this thread, ``DEVICE`` can be computed on; gives its name."""
    autocast, load_file = torch.autocast, safetensors.torch.load_file
    fused = foreach_utils._get_fused_kernels_supported_devices()

    def mixed(device_type: str, *args: Any, **kwargs: Any) -> Any:
        return contextlib.nullcontext() if device_type == DEVICE else autocast(device_type, *args, **kwargs)

    def loaded(path: Any, device: str = "cpu") -> dict[str, torch.Tensor]:
        tensors = load_file(path)
        return {name: tensor.to(DEVICE) for name, tensor in tensors.items()} if device == DEVICE else tensors

    with contextlib.ExitStack() as stack:
        for owner, name, value in (
            (torch, "Generator", ElsewhereGenerator),
            (torch, "autocast", mixed),
            (safetensors.torch, "load_file", loaded),
        ):
            stack.enter_context(mock.patch.object(owner, name, value))
        stack.enter_context(mock.patch.object(torch, DEVICE, torch.cpu, create=True))
        name = "_get_fused_kernels_supported_devices"
        for module in (foreach_utils, optimizer, adam, adamw):
            if hasattr(module, name):
                stack.enter_context(mock.patch.object(module, name, return_value=[*fused, DEVICE]))
        stack.enter_context(_Functions())
        stack.enter_context(_Dispatch())
        yield DEVICE
