"""What an operation gives in torch: by torch's own functions, on its own device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, Operation, Pool, Weighted

Array = npt.NDArray[Any]


def compute(operation: Operation, signals: list[Tensor], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return what ``operation`` gives for signals (batch, …), by torch's own functions."""
    x = signals[0]
    if isinstance(operation, Weighted):
        weight = torch.from_numpy(operation.weight).to(device, dtype)
        bias = None if operation.bias is None else torch.from_numpy(operation.bias).to(device, dtype)
        if isinstance(operation, Linear):
            return functional.linear(x.flatten(1) if x.dim() > 2 else x, weight, bias)
        assert isinstance(operation, Conv)
        conv: Any = functional.conv2d if operation.weight.ndim == 4 else functional.conv1d
        result: Tensor = conv(
            x, weight, bias, operation.stride, operation.padding, operation.dilation, operation.groups
        )
        return result
    if isinstance(operation, Pool):
        window, two = operation.window, len(operation.window.kernel) == 2
        if isinstance(operation, MaxPool):
            return (functional.max_pool2d if two else functional.max_pool1d)(
                x, window.kernel, window.stride, window.padding
            )
        pooled: Tensor = (functional.avg_pool2d if two else functional.avg_pool1d)(
            x, window.kernel, window.stride, window.padding
        )
        return pooled if isinstance(operation, AvgPool) else pooled * math.prod(window.kernel)
    if isinstance(operation, Concat):
        return torch.cat(signals, 1)
    assert isinstance(operation, Add)
    total = x
    for signal in signals[1:]:
        total = total + signal
    return total


def as_copy(tensor: Tensor) -> Array:
    """Return a tensor's values as an array of its own: float64, or float32 for all others."""
    values = tensor.detach().cpu()
    return np.array(values.to(torch.float64 if values.dtype == torch.float64 else torch.float32).numpy())
