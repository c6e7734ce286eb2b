"""Surrogate gradients: what a spike is for the backward pass, where its own derivative is 0 nearly everywhere.

Forward a spike is ``1 if x >= 0 else 0`` of ``x = (v - θ)/θ``, how far the membrane lies above the threshold, in units
of it; backward its derivative by x is taken to be that of a smooth step.

    arctan         σ'(x) = (α/2)/(1 + (π·α·x/2)²)        Fang et al. 2021, "Incorporating learnable membrane time
                                                         constant to enhance learning of spiking neural networks"
    fast sigmoid   σ'(x) = 1/(1 + k·|x|)²                Zenke & Ganguli 2018, "SuperSpike"
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from spikeport.errors import GraphError


def _check_above_0(name: str, value: Any) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise GraphError("surrogate", f"{name} {value!r} is not a number above 0")


class Surrogate(Protocol):
    """What stands in for the derivative of a spike."""

    def derivative(self, x: Tensor) -> Tensor:
        """Return σ'(x), of the shape of ``x``, the membrane above the threshold in units of it."""


@dataclass(frozen=True)
class Arctan:
    """``σ'(x) = (α/2)/(1 + (π·α·x/2)²)``: Fang et al. 2021; a larger α is a narrower step."""

    alpha: float = 2.0

    def __post_init__(self) -> None:
        _check_above_0("alpha", self.alpha)

    def derivative(self, x: Tensor) -> Tensor:
        """Return σ'(x)."""
        slope: Tensor = self.alpha / 2 / (1 + (math.pi * self.alpha / 2 * x) ** 2)
        return slope


@dataclass(frozen=True)
class FastSigmoid:
    """``σ'(x) = 1/(1 + k·|x|)²``: Zenke & Ganguli 2018; a larger slope k is a narrower step."""

    slope: float = 25.0

    def __post_init__(self) -> None:
        _check_above_0("slope", self.slope)

    def derivative(self, x: Tensor) -> Tensor:
        """Return σ'(x)."""
        slope: Tensor = 1 / (1 + self.slope * x.abs()) ** 2
        return slope


SURROGATES: Final[dict[str, Surrogate]] = {"arctan": Arctan(), "fast_sigmoid": FastSigmoid()}


def as_surrogate(given: Any) -> Surrogate:
    """Return a surrogate by its name, or the one that is given; raises `GraphError` ``surrogate``."""
    if isinstance(given, str) and given in SURROGATES:
        return SURROGATES[given]
    if isinstance(given, str | type) or not callable(getattr(given, "derivative", None)):
        raise GraphError(
            "surrogate",
            f"surrogate {given!r} is not one of {', '.join(SURROGATES)}, nor an object with derivative(x), such as "
            "Arctan(2.0) or FastSigmoid(25.0)",
        )
    surrogate: Surrogate = given
    return surrogate


def spikes(x: Tensor, fires: Tensor, surrogate: Surrogate) -> Tensor:
    """Return 1 where ``fires`` and else 0, whose derivative by ``x`` is the surrogate's."""
    spiked: Tensor = _Spikes.apply(x, fires, surrogate)
    return spiked


class _Spikes(torch.autograd.Function):
    """The comparison is made outside, as it stands in the contract; ``x`` is there for the gradient alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, fires: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        return fires.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (x,) = ctx.saved_tensors
        return gradients[0] * ctx.surrogate.derivative(x), None, None
