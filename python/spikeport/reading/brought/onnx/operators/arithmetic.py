"""Activations, sums, products with constants, and what changes no value."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

from spikeport.reading.brought.onnx.call import Call, Operator, Wire
from spikeport.reading.brought.onnx.present import onnx_part
from spikeport.reading.refusals import CURVED, DROPS, GATE

ENDLESS = 1e38
"""What exporters write where a bound is none."""


def relu(call: Call) -> nn.Module:
    """Read a ReLU."""
    return nn.ReLU()


def clip(call: Call) -> nn.Module:
    """Read what clips from 0 on, or to [0, c]."""
    low, high = (
        default if (value := call.constant(index, name, None)) is None else float(np.asarray(value))
        for index, name, default in ((1, "min", -math.inf), (2, "max", math.inf))
    )
    if low < -ENDLESS and high > ENDLESS:
        return nn.Identity()
    if low != 0:
        raise call.refuse(f"it clips from {low:g} on, and only values from 0 on are spike rates: {CURVED}")
    return nn.ReLU() if high > ENDLESS else nn.Hardtanh(0.0, high)


def add(call: Call) -> nn.Module:
    """Read a sum of signals and constants."""
    return _combined(call, operator.add)


def subtract(call: Call) -> nn.Module:
    """Read a difference."""
    return _combined(call, operator.sub)


def multiply(call: Call) -> nn.Module:
    """Read a product with a constant."""
    if len(call.wires) > 1:
        raise call.refuse(GATE)
    return _combined(call, operator.mul)


def divide(call: Call) -> nn.Module:
    """Read a quotient by a constant."""
    if not isinstance(call.given[0], Wire) or len(call.wires) > 1:
        raise call.refuse("it divides by a signal: only a division by a constant is one with weights")
    return _combined(call, operator.truediv)


def negative(call: Call) -> nn.Module:
    """Read ``-x``."""
    return Operator(operator.neg)


def same(call: Call) -> nn.Module:
    """Read what passes its input on."""
    return nn.Identity()


def dropout(call: Call) -> nn.Module:
    """Read dropout, which is nothing in a network that is no longer trained."""
    training = call.constant(2, default=None)
    if training is not None and bool(np.asarray(training)):
        raise call.refuse(DROPS.partition(":")[0] + ": export the model in eval mode")
    return nn.Identity()


def cast(call: Call) -> nn.Module:
    """Read another type of the same real numbers."""
    if not is_real(call):
        raise call.refuse("it rounds its input to whole numbers, and a signal is a real one")
    return nn.Identity()


def is_real(call: Call) -> bool:
    """Whether a ``Cast`` gives real numbers."""
    return onnx_part().TensorProto.DataType.Name(call.attributes["to"]) in ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16")


def _combined(call: Call, function: Callable[[Any, Any], Any]) -> nn.Module:
    terms = [None if isinstance(given, Wire) else call.as_weights(given) for given in call.given]

    def combine(*signals: Tensor) -> Tensor:
        waiting = iter(signals)
        total: Tensor = functools.reduce(function, [next(waiting) if term is None else term for term in terms])
        return total

    return Operator(combine)
