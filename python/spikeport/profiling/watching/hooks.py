"""What a watch hangs on a model, and how it keeps what the model's forward pass shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

_SMALL = 1 << 20
"""Tensors of at most that many values are copied at once."""


class CopyableHook:
    """A function on a model that copies of the model do without.

    `copy.deepcopy` and `torch.save` of a watched model put a `NoHook` in its place, so that the copy records nothing.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        """Call the function."""
        return self._function(*arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return NoHook, ()


class NoHook:
    """What stands for a `CopyableHook` in a copied model: it does nothing."""

    def __call__(self, *arguments: Any) -> None:
        """Do nothing."""


class KeptTensors:
    """Tensors of a forward pass, in order, until they are taken.

    A network may write into a tensor later on: dropout in place, or one buffer for the membranes of all steps. So small
    tensors are copied. Large ones are kept by reference; where one was written to, all are lost that once, and from
    then on large ones are copied too.

    Parameters
    ----------
    small : number of values up to which a tensor is copied at once
    source : where tensors that are moved here come from; both learn from one that was written to
    """

    def __init__(self, small: int = _SMALL, source: KeptTensors | None = None) -> None:
        self._small: list[float] = [small] if source is None else source._small
        self._tensors: list[tuple[Tensor, int]] = []

    def __len__(self) -> int:
        return len(self._tensors)

    def add(self, tensor: Tensor) -> None:
        """Keep a tensor, detached."""
        tensor = tensor.detach()
        if tensor.numel() <= self._small[0] or tensor.is_inference():
            tensor = tensor.clone()
        self._tensors.append((tensor, _version(tensor)))

    def move(self, source: KeptTensors) -> None:
        """Move what another one keeps here."""
        self._tensors += source._tensors
        source._tensors = []

    def take(self) -> list[Tensor]:
        """Return the tensors and forget them; nothing where the network wrote into one of them."""
        seen, kept, self._tensors = self.seen(), self._tensors, []
        if kept and not seen:
            self._small[0] = float("inf")
        return seen

    def seen(self) -> list[Tensor]:
        """Return the tensors, which stay; nothing where the network wrote into one of them."""
        if any(_version(tensor) != version for tensor, version in self._tensors):
            return []
        return [tensor for tensor, _ in self._tensors]


def hook_gradient(spikes: Tensor, output: Any, function: Callable[[Tensor], None]) -> None:
    """Call ``function`` with the gradient at ``spikes``: at the tensor of ``output`` that they are or are a view of."""
    storage = spikes.untyped_storage().data_ptr()
    parts = list(tensors_with_gradient(output))
    found = next((part for part in parts if part is spikes), None)
    if found is None:
        found = next((part for part in parts if part.untyped_storage().data_ptr() == storage), spikes)
    _register(found, function)


def hook_backward(output: Any, function: Callable[[Tensor], None]) -> bool:
    """Call ``function`` when a backward pass reaches ``output``; return whether one can."""
    tensors = list(tensors_with_gradient(output))
    for tensor in tensors:
        _register(tensor, function)
    return bool(tensors)


def tensors_with_gradient(output: Any) -> Iterator[Tensor]:
    """Yield the tensors in an output (tensor, tuple, list, mapping, dataclass) that a backward pass can reach."""
    if isinstance(output, Tensor):
        if output.requires_grad:
            yield output
    elif isinstance(output, dict):
        for part in output.values():
            yield from tensors_with_gradient(part)
    elif isinstance(output, list | tuple):
        for part in output:
            yield from tensors_with_gradient(part)
    elif hasattr(output, "__dataclass_fields__"):
        yield from tensors_with_gradient([getattr(output, name) for name in output.__dataclass_fields__])


def _register(tensor: Any, function: Callable[[Tensor], None]) -> None:
    tensor.register_hook(function)


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version
