"""ST-BIF: the bipolar neuron with a tracer that settles on its quantiser's value (You et al. 2024, "SpikeZIP-TF").

The paper's neuron, v in units of θ and starting at 1/2, tracer S at 0, x_t what arrives at step t::

    v = v + x_t/θ
    s = +1 where v >= 1 and S < Qp;  -1 where v < 0 and S > Qn;  else 0
    S = S + s;  v = v - s

Since v before the spike is 1/2 + X_t/θ - S with the running total X_t, ``v >= 1`` says that X_t/θ + 1/2 has reached
the next level and ``v < 0`` that it has fallen below this one. With q_t the LSQ level of the running total, that is::

    q_t = clamp(floor(X_t/θ + 1/2), Qn, Qp)
    S_t = clamp(q_t, S_{t-1} - 1, S_{t-1} + 1)      s_t = S_t - S_{t-1}

the tracer goes one level per step towards the level of what has arrived. So once the input has ended it settles on
``LSQInteger`` of the summed input after |q - S| steps, at most Qp - Qn.

Surrogate gradient, for training in the spiking domain: straight through the floor, as in LSQ, and through the clamp
to whichever of q_t and S_{t-1} it chose. Of a settled network it is the gradient of the quantised one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from spikeport.checks import is_whole
from spikeport.roberta.errors import RobertaError
from spikeport.roberta.modules.lsq import LSQInteger, levels, positive
from spikeport.roberta.modules.stream import SpikingModule

Walk = Callable[[Tensor, Tensor, Tensor, int, int], tuple[Tensor, Tensor, Tensor]]


class STBIF(SpikingModule):
    """ST-BIF neurons with one threshold: running totals of current in, running totals of θ·spikes out.

    Attributes
    ----------
    threshold : θ, a parameter of shape (1,); its absolute value is used
    q_min, q_max : bounds of the tracer
    tracer : S after the last step, of the shape of one step, or None before the first
    activity : spikes of the last chunk, summed over the last dimension: shape (steps, …)
    share : which part of the batch is run at once, for a gradient of θ that is the batch's however it is cut
    consumes_input : without gradients, write over the total that is given; a network whose totals go to one neuron
        each sets this and saves a pass over memory
    compiled : without gradients, walk through the steps in one kernel that ``torch.compile`` makes, to the bit the
        same; the first calls take seconds and need a compiler

    Raises
    ------
    RobertaError
        ``level``: bounds that are no whole numbers around 0; ``scale``: a threshold that is not one finite number
        above 0.
    """

    def __init__(self, q_min: int, q_max: int, threshold: Tensor | float = 1.0) -> None:
        super().__init__()
        θ = torch.as_tensor(threshold, dtype=torch.get_default_dtype())
        if not (is_whole(q_min) and is_whole(q_max) and q_min <= 0 < q_max):
            raise RobertaError("level", f"tracer bounds {q_min!r}, {q_max!r}: give whole numbers, q_min <= 0 < q_max")
        if θ.numel() != 1 or not (θ.is_meta or 0 < θ.item() < math.inf):
            raise RobertaError("scale", f"threshold {threshold!r} is not one finite number above 0")
        self.q_min, self.q_max = int(q_min), int(q_max)
        self.threshold = nn.Parameter(θ.reshape(1).clone())
        self.tracer: Tensor | None = None
        self.activity: Tensor | None = None
        self.share = 1.0
        self.consumes_input = self.compiled = False

    @classmethod
    def from_quantiser(cls, quantiser: LSQInteger) -> STBIF:
        """Return the spiking twin: threshold = scale, tracer bounds = level bounds."""
        twin = cls(quantiser.q_min, quantiser.q_max)
        twin.threshold = nn.Parameter(positive(quantiser.scale.detach()).reshape(1))
        return twin

    def reset(self) -> None:
        """Put every tracer to 0."""
        super().reset()
        self.tracer = self.activity = None

    def forward(self, total: Tensor) -> Tensor:
        """Return θ·S_t for every step, shape (steps, …); ``total`` has shape (steps, …) or (1, …)."""
        θ = positive(self.threshold)
        if torch.is_grad_enabled():
            return self._trainable(total, θ)
        if len(total) != self.clock.steps:
            total = total.expand(self.clock.steps, *total.shape[1:]).contiguous()
        elif not self.consumes_input:
            total = total.clone()
        S = torch.zeros_like(total[0]) if self.tracer is None else self.tracer
        # What torch.compile makes is made for a number of dimensions, and for dimensions of 1: one shape for the rest.
        flat = total.reshape(len(total), -1, total.shape[-1])
        if self.compiled and min(flat.shape) > 1:
            out, tracer, activity = _compiled_walk()(flat, S.reshape(flat.shape[1:]), θ, self.q_min, self.q_max)
            self.tracer, self.activity = tracer.view(S.shape), activity.view(total.shape[:-1])
            return out.view(total.shape)
        out, self.tracer, self.activity = _walk(total, S, θ, self.q_min, self.q_max)
        return out

    def _trainable(self, total: Tensor, θ: Tensor) -> Tensor:
        g = math.sqrt(self.share / (self.q_max * total[0].numel()))
        θ = θ.detach() + (θ - θ.detach()) * g  # the value of θ, the gradient of LSQ's scale
        rounded: Tensor = _StraightThroughFloor.apply(total / θ + 0.5)
        clamped = rounded.detach().clamp(self.q_min, self.q_max)
        q = torch.where(rounded == clamped, rounded, clamped)  # at a bound, clamp alone would pass half the gradient
        q = q.expand(self.clock.steps, *q.shape[1:])
        S = torch.zeros_like(q[0]) if self.tracer is None else self.tracer
        before, tracers = S, []
        for level in q:
            S = torch.minimum(torch.maximum(level, S - 1), S + 1)
            tracers.append(S)
        self.tracer = S
        trace = torch.stack(tracers)
        spikes = torch.diff(trace.detach(), dim=0, prepend=before.detach()[None])
        self.activity = spikes.abs().sum(-1)
        return trace * θ

    def extra_repr(self) -> str:
        """Return what ``print(model)`` shows of this module."""
        return f"tracer in [{self.q_min}, {self.q_max}]"


class _StraightThroughFloor(torch.autograd.Function):
    """floor, with the gradient of the identity: ``u + (floor(u) - u)`` would not always be a whole number."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        return u.floor()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return gradients[0]


def _walk(total: Tensor, S: Tensor, θ: Tensor, q_min: int, q_max: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return θ·S_t, written over ``total``, the last tracer, and the spikes summed over the last dimension."""
    q = levels(total, θ, q_min, q_max, in_place=True)
    spikes = torch.empty_like(S)
    rows, ones = spikes.view(-1, q.shape[-1]), q.new_ones(q.shape[-1])
    activity = q.new_empty(q.shape[:-1])
    for level, count in zip(q.unbind(), activity.view(len(q), -1).unbind(), strict=True):
        torch.sub(level, S, out=spikes).clamp_(-1, 1)
        S = torch.add(S, spikes, out=level)
        torch.mv(rows.abs_(), ones, out=count)  # a product with ones: several times faster than a sum or a norm
    tracer = S.clone()
    return q.mul_(θ), tracer, activity


def _fused_walk(total: Tensor, S: Tensor, θ: Tensor, q_min: int, q_max: int) -> tuple[Tensor, Tensor, Tensor]:
    """`_walk` without writing in place, for a compiler to fuse."""
    out, activity = [], []
    for level in levels(total.clone(), θ, q_min, q_max, in_place=True).unbind():
        spikes = (level - S).clamp(-1, 1)
        S = S + spikes
        out.append(S * θ)
        activity.append(spikes.abs().sum(-1))
    return torch.stack(out), S, torch.stack(activity)


@functools.cache
def _compiled_walk() -> Walk:
    return torch.compile(_fused_walk, dynamic=True)
