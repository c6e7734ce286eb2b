"""What puts values into another shape or order, beside one another, or takes some of them; samples never mix."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from spikeport.reading.brought.onnx.call import Call, Operator

MIXES = "it does not keep the batch's axis first, so samples would mix"


def reshape(call: Call) -> nn.Module:
    """Read a reshape: whatever number stands for the batch in it, that of samples takes its place."""
    read = (call.batch, *call.x.shape)
    wanted = call.numbers(1, "shape")
    keeps_zeros = bool(call.attributes.get("allowzero", 0))
    shape = [read[k] if n == 0 and not keeps_zeros and k < len(read) else n for k, n in enumerate(wanted)]
    if -1 in shape:
        known = -math.prod(shape)
        shape[shape.index(-1)] = math.prod(read) // known if known else 0
    if not shape or shape[0] != call.batch or math.prod(shape) != math.prod(read):
        raise call.refuse(f"it makes {tuple(wanted)} of a signal of shape {call.x.shape}: {MIXES}")
    rest = shape[1:]
    return Operator(lambda x: x.reshape(x.shape[0], *rest))


def flatten(call: Call) -> nn.Module:
    """Read a flatten behind the batch."""
    if call.attributes.get("axis", 1) % call.x.value.dim() != 1:
        raise call.refuse(f"it flattens from axis {call.attributes['axis']} on: {MIXES}")
    return nn.Flatten()


def transpose(call: Call) -> nn.Module:
    """Read a permutation of axes behind the batch."""
    order = list(call.attributes.get("perm", range(call.x.value.dim())[::-1]))
    if order[0] != 0:
        raise call.refuse(f"its order of axes is {order}: {MIXES}")
    return Operator(lambda x: x.permute(order))


def squeeze(call: Call) -> nn.Module:
    """Read that axes of one value are left out."""
    axes = call.axes(1, default=None)
    if axes is None:
        axes = [k for k, n in enumerate(call.x.value.shape) if n == 1]
    shape = [n for k, n in enumerate(call.x.value.shape) if k not in axes][1:]
    return Operator(lambda x: x.reshape(x.shape[0], *shape))


def unsqueeze(call: Call) -> nn.Module:
    """Read that axes of one value are put in."""
    shape = list(call.x.value.shape)
    found = call.numbers(1, "axes")
    for axis in sorted(axis % (len(shape) + len(found)) for axis in found):
        if axis == 0:
            raise call.refuse(MIXES)
        shape.insert(axis, 1)
    rest = shape[1:]
    return Operator(lambda x: x.reshape(x.shape[0], *rest))


def pad(call: Call) -> nn.Module:
    """Read zeros put around a signal."""
    mode, value = call.attributes.get("mode", "constant"), call.constant(2, "value", 0)
    if mode != "constant" or float(value) != 0:
        raise call.refuse(f"it pads with {'values other than 0' if mode == 'constant' else mode}: pad with zeros")
    rank, given = call.x.value.dim(), call.numbers(1, "pads")
    axes = call.axes(3, default=list(range(rank)))
    half = len(given) // 2
    pairs = dict(zip(axes, zip(given[:half], given[half:], strict=True), strict=True))
    if pairs.get(0, (0, 0)) != (0, 0):
        raise call.refuse("it puts samples beside those that are there")
    flat = [n for axis in reversed(range(1, rank)) for n in pairs.get(axis, (0, 0))]
    return Operator(lambda x: functional.pad(x, flat))


def concat(call: Call) -> nn.Module:
    """Read signals put one behind the other."""
    axis = call.attributes["axis"] % call.x.value.dim()
    if len(call.wires) < len(call.given):
        raise call.refuse("it puts a constant beside a signal: pad it with zeros instead, or leave it off")
    if axis == 0:
        raise call.refuse("it puts samples beside samples")
    return Operator(lambda *signals: torch.cat(signals, axis))


def take_slice(call: Call) -> nn.Module:
    """Read a part along axes behind the batch."""
    starts, ends = call.numbers(1, "starts"), call.numbers(2, "ends")
    axes = call.axes(3, default=None)
    steps = call.numbers(4, default=[1] * len(starts))
    if axes is None:
        raise call.refuse(MIXES)
    if min(steps) < 1:
        raise call.refuse("it walks backwards: put the weights behind it in the other order")
    parts: list[slice] = [slice(None)] * call.x.value.dim()
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        parts[axis] = slice(start, end, step)
    where = tuple(parts)
    return Operator(lambda x: x[where])


def split(call: Call) -> nn.Module:
    """Read parts along an axis behind the batch, given as one tuple."""
    rank = call.x.value.dim()
    axis = call.attributes.get("axis", 0) % rank
    if axis == 0:
        raise call.refuse(MIXES)
    sizes = call.numbers(1, "split", None)
    n, parts = call.x.value.shape[axis], call.attributes["outputs"]
    size = -(-n // parts)
    lengths: list[int] = sizes or [min(size, n - k * size) for k in range(parts)]

    def divide(x: Tensor) -> Tensor:
        return torch.split(x, lengths, axis)  # type: ignore[return-value]

    return Operator(divide)
