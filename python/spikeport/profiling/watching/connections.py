"""Synaptic operations of torch's linear and convolutional layers.

With the fan-out of an input (weights that are not 0 and meet it), the effective operations of a batch are the sum over
all inputs that are not 0 of their fan-outs. The fan-out of a convolution is the gradient of its summed output with
respect to its input, all weights being 1 where they are not 0: padding, stride, dilation and groups are all in it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from spikeport.profiling.recording.reductions import VALUES_AT_ONCE
from spikeport.profiling.recording.synaptic import Operations
from spikeport.profiling.watching.hooks import KeptTensors

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def is_connection(module: nn.Module) -> bool:
    """Whether a module is a linear or convolutional layer."""
    return isinstance(module, (nn.Linear, *_CONVOLUTIONS))


class Connection:
    """One layer of weights, and the inputs that the iteration has shown of it so far."""

    def __init__(self, name: str, module: nn.Module) -> None:
        self.name = name or type(module).__name__
        self.module: Any = module
        self.inputs = KeptTensors(small=0)

    def record(self, operations: Operations, n_samples: int) -> None:
        """Add the operations of the inputs seen, which belong to ``n_samples`` samples, and forget the inputs."""
        inputs = self.inputs.take()
        if not inputs or not n_samples:
            return
        weight = self.module.weight.detach()
        with torch.autocast(weight.device.type, enabled=False):  # it would count in half precision
            self._add(operations, n_samples, inputs, weight.float() if weight.element_size() < 4 else weight)

    def _add(self, operations: Operations, n_samples: int, inputs: list[Tensor], weight: Tensor) -> None:
        present = _magnitude(weight).sign()  # no bool: on a CPU torch is several times slower with it
        axes = 1 if isinstance(self.module, nn.Linear) else weight.ndim - 1
        shape = inputs[0].shape[-axes:]
        fan_out = self._fan_out(present, shape).reshape(-1)
        dense = _total(self._fan_out(torch.ones_like(weight), shape))
        effective, rows, binary = 0.0, 0, True
        for x, times in _distinct(inputs):
            if x.shape[-axes:] != shape:
                continue
            x, repeats = _once(x, x.ndim - axes)
            times *= repeats
            magnitude = _magnitude(x.to(weight.dtype))
            active = magnitude.sign()
            binary = binary and not (magnitude - active).abs_().sum().item()
            active = active.reshape(-1, fan_out.numel())
            effective += times * _sum_of_products(active, fan_out, dense)
            rows += times * len(active)
        operations.add(self.name, effective, dense * rows, binary, n_samples)
        n_present = int(_total(present.flatten(1).sum(1)))
        operations.set_weights(self.name, weight.numel() - n_present, weight.numel())

    def _fan_out(self, weight: Tensor, shape: torch.Size) -> Tensor:
        if isinstance(self.module, nn.Linear):
            return weight.sum(0)
        with torch.inference_mode(False), torch.enable_grad():
            probe = torch.zeros((1, *shape), dtype=weight.dtype, device=weight.device, requires_grad=True)
            convolve = _by_base(self.module)
            m = self.module
            padding = m.padding if m.padding_mode == "zeros" else 0
            total = convolve(probe, weight.clone(), None, m.stride, padding, m.dilation, m.groups).sum()
            (fan_out,) = torch.autograd.grad(total, probe)
        return fan_out[0]


def _magnitude(values: Tensor) -> Tensor:
    """Return absolute values, and 2 for NaN: not 0, and no spike."""
    return values.abs().nan_to_num_(nan=2.0)


def _total(counts: Tensor) -> float:
    """Return the sum in double precision, which a device may lack (MPS)."""
    counts = counts.cpu() if counts.device.type == "mps" else counts
    return float(counts.double().sum())


def _sum_of_products(active: Tensor, fan_out: Tensor, largest: float) -> float:
    """Return ``Σ active @ fan_out`` for entries of 0 and 1 and whole numbers, no row of which exceeds ``largest``.

    Whole numbers below 2^24 are exact in single precision, in any order; beyond that, rows are counted in double.
    """
    if largest < 2**24:
        return _total(active @ fan_out)
    if active.device.type == "mps":  # which has no double precision
        active, fan_out = active.cpu(), fan_out.cpu()
    at_once, wide = max(1, VALUES_AT_ONCE // max(1, fan_out.numel())), fan_out.double()
    return sum(_total(rows.double() @ wide) for rows in torch.split(active, at_once))


def _by_base(module: nn.Module) -> Any:
    base = next(kind for kind in _CONVOLUTIONS if isinstance(module, kind))
    return getattr(functional, base.__name__.lower())


def _once(x: Tensor, n_leading: int) -> tuple[Tensor, int]:
    """Return ``x`` without the repetitions that ``expand`` made along its leading axes, and their number."""
    repeats = 1
    for axis in range(n_leading):
        if x.stride(axis) == 0:
            repeats *= x.shape[axis]
            x = x.narrow(axis, 0, 1)
    return x, repeats


def _distinct(inputs: list[Tensor]) -> list[tuple[Tensor, int]]:
    """Return the inputs and how often each came: one image is often shown at every step."""
    found: dict[tuple[Any, ...], tuple[Tensor, int]] = {}
    for x in inputs:
        version = 0 if x.is_inference() else x._version
        key = (x.data_ptr(), x.shape, x.stride(), version)
        found[key] = (x, found[key][1] + 1 if key in found else 1)
    return list(found.values())
