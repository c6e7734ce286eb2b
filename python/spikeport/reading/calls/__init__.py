"""What is done with each call of a recorded forward, by the name of the function, method or operator."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch._ops import OpOverload

from spikeport.reading.calls import activations, arithmetic, pooling, weights

REARRANGING = frozenset(
    [
        "flatten",
        "view",
        "reshape",
        "permute",
        "transpose",
        "swapaxes",
        "movedim",
        "squeeze",
        "unsqueeze",
        "unflatten",
        "getitem",
        "slice",
        "constant_pad_nd",
        "select",
        "narrow",
        "chunk",
        "split",
        "tensor_split",
        "flip",
        "roll",
        "pad",
        "channel_shuffle",
        "pixel_shuffle",
        "pixel_unshuffle",
        "interpolate",
        "upsample",
        "repeat",
        "repeat_interleave",
        "expand",
        "index_select",
        "native_channel_shuffle",
    ]
)
"""Calls that put values in another order or shape, repeat them, or put zeros beside them."""

COPYING = ("contiguous", "clone", "detach", "to", "float", "double", "half", "bfloat16", "type", "cpu", "cuda", "alias")

CALLS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "linear": weights.linear,
        "matmul": weights.matmul,
        "mm": weights.matmul,
        "conv1d": weights.conv,
        "conv2d": weights.conv,
        "batch_norm": weights.batch_norm,
        "aten_batch_norm": weights.aten_batch_norm,
        "relu": activations.relu,
        "relu6": activations.relu6,
        "hardtanh": activations.hardtanh,
        "clamp": activations.clamp,
        "clip": activations.clamp,
        "clamp_min": activations.clamp,
        "threshold": activations.threshold,
        **dict.fromkeys(
            ["dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout", "feature_dropout"],
            activations.dropout,
        ),
        "add": arithmetic.add,
        "sub": arithmetic.subtract,
        "subtract": arithmetic.subtract,
        "mul": arithmetic.multiply,
        "multiply": arithmetic.multiply,
        "div": arithmetic.divide,
        "truediv": arithmetic.divide,
        "neg": arithmetic.negative,
        "cat": arithmetic.cat,
        "concat": arithmetic.cat,
        "concatenate": arithmetic.cat,
        "mean": pooling.mean,
        "sum": pooling.total,
        "amax": pooling.maximum,
        "max_pool1d": pooling.max_pool,
        "max_pool2d": pooling.max_pool,
        "avg_pool1d": pooling.avg_pool,
        "avg_pool2d": pooling.avg_pool,
        "adaptive_avg_pool1d": pooling.adaptive_avg_pool,
        "adaptive_avg_pool2d": pooling.adaptive_avg_pool,
        "adaptive_max_pool1d": pooling.adaptive_max_pool,
        "adaptive_max_pool2d": pooling.adaptive_max_pool,
        **dict.fromkeys(COPYING, arithmetic.same),
    }
)
"""By name; `name_of` takes off what says that a call is in place."""

IN_PLACE = {getattr(operator, f"i{name}"): name for name in ("add", "sub", "mul", "truediv", "matmul")}


def name_of(target: Any) -> tuple[str, bool]:
    """Return the name of what is called, and whether it writes into its first argument."""
    if target in IN_PLACE:
        return IN_PLACE[target], True
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    if isinstance(target, OpOverload):  # of torch.export: the name, and behind a dot which form of it
        name = "aten_batch_norm" if name == "batch_norm.default" else name.partition(".")[0]
    is_in_place = name.endswith("_") and not name.endswith("__")
    return name.strip("_") if is_in_place else name.lstrip("_"), is_in_place
