"""Nodes with weights: products with a matrix, convolutions, batch normalisation, scikit-learn's Scaler."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from spikeport.reading.brought.onnx.call import Call, Operator
from spikeport.reading.brought.onnx.operators.windows import Window, window_of
from spikeport.reading.refusals import ATTENTION, BATCH_STATISTICS, OTHER_SUM


class PaddedConv(nn.Module):
    """A convolution with other padding before than after."""

    def __init__(self, weight: Tensor, bias: Tensor | None, window: Window, groups: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.window, self.groups = window, groups

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of ``x``, zeros put around it."""
        convolve = functional.conv1d if self.weight.dim() == 3 else functional.conv2d
        x = functional.pad(x, self.window.pads)
        return convolve(x, self.weight, self.bias, self.window.stride, 0, self.window.dilation, self.groups)


def linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """Return the layer with these weights, (out, in) and (out,)."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, dtype=weight.dtype)
    _fill(layer.weight, weight)
    if bias is not None:
        _fill(layer.bias, bias)
    return layer


def gemm(call: Call) -> nn.Module:
    """Read ``Gemm``: alpha·A·B + beta·C."""
    if call.attributes.get("transA", 0) or len(call.x.shape) != 1:
        raise call.refuse("its first matrix is turned, or has other axes than samples and values: samples would mix")
    B, C = call.tensor(1), call.tensor(2, default=np.zeros(1))
    weight = call.attributes.get("alpha", 1.0) * (B if call.attributes.get("transB", 0) else B.T)
    bias = call.attributes.get("beta", 1.0) * C
    if bias.dim() > 2 or (bias.dim() == 2 and bias.shape[0] != 1):
        raise call.refuse(f"what it adds has shape {tuple(bias.shape)}, other numbers for each sample")
    return linear(weight, bias.reshape(-1).expand(len(weight)))


def matmul(call: Call) -> nn.Module:
    """Read a product with a constant matrix at the right."""
    if len(call.wires) != 1 or call.given[0] is not call.wires[0]:
        raise call.refuse(f"only a signal times a constant matrix is a layer: {ATTENTION}")
    weight = call.tensor(1)
    if weight.dim() != 2:
        raise call.refuse(f"its constant has shape {tuple(weight.shape)}, and only a matrix is a layer")
    return linear(weight.T)


def conv(call: Call) -> nn.Module:
    """Read a convolution over one or two axes."""
    weight, bias = call.tensor(1), None if call.constant(2, default=None) is None else call.tensor(2)
    if weight.dim() not in (3, 4):
        raise call.refuse(OTHER_SUM)
    window, groups = window_of(call, tuple(weight.shape[2:])), call.attributes.get("group", 1)
    if not window.is_even:
        return PaddedConv(weight, bias, window, groups)
    kind = nn.Conv1d if weight.dim() == 3 else nn.Conv2d
    layer = kind(
        weight.shape[1] * groups,
        weight.shape[0],
        window.kernel,  # type: ignore[arg-type]
        window.stride,  # type: ignore[arg-type]
        window.before,  # type: ignore[arg-type]
        window.dilation,  # type: ignore[arg-type]
        groups,
        bias is not None,
        dtype=weight.dtype,
    )
    _fill(layer.weight, weight)
    if bias is not None and layer.bias is not None:
        _fill(layer.bias, bias)
    return layer


def batch_normalization(call: Call) -> nn.Module:
    """Read batch normalisation with the statistics that it learnt."""
    if call.attributes.get("training_mode", 0):
        raise call.refuse(BATCH_STATISTICS)
    if not call.attributes.get("spatial", 1):
        raise call.refuse("it has statistics for each pixel (spatial=0): export it with a newer opset")
    scale, shift, mean, var = (call.tensor(index) for index in range(1, 5))
    kind = nn.BatchNorm2d if len(call.x.shape) == 3 else nn.BatchNorm1d
    layer = kind(len(scale), eps=call.attributes.get("epsilon", 1e-5), dtype=scale.dtype)
    assert layer.running_mean is not None and layer.running_var is not None
    for own, values in (
        (layer.weight, scale),
        (layer.bias, shift),
        (layer.running_mean, mean),
        (layer.running_var, var),
    ):
        _fill(own, values)
    return layer


def scaler(call: Call) -> nn.Module:
    """Read scikit-learn's scalers as skl2onnx writes them: (x - offset)·scale."""
    n = call.x.value.shape[-1]
    offset, scale = (
        torch.tensor(call.attributes.get(name, [default] * n), dtype=call.dtype)
        for name, default in (("offset", 0.0), ("scale", 1.0))
    )
    return Operator(lambda x: (x - offset) * scale)


def _fill(own: Tensor, values: Tensor) -> None:
    with torch.no_grad():
        own.copy_(values)
