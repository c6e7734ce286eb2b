"""The neurons on tensors, one text for floats and for integers; each operation is rounded by itself.

IF:      v = β·v + I[t];   s = how many m in 1, …, max_spikes have v >= m·θ;   v = v - s·θ, or v_reset where s > 0
ST-BIF:  v = v + I[t]/θ;   s = +1 if v >= 1 and S < tracer_max, -1 if v < 0 and S > tracer_min;   S = S + s;   v = v - s

and of integers, which are not divided, ``v = v + I[t]``, ``v >= θ`` and ``v = v - s·θ``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Signal(NamedTuple):
    """What a node passes on: (T, batch, …), or, where every step is the same, (batch, …) and ``steady``."""

    values: Tensor
    steady: bool

    def at(self, t: int) -> Tensor:
        """Return the values of one step."""
        return self.values if self.steady else self.values[t]

    def steps(self, timesteps: int) -> Tensor:
        """Return the values of every step; a steady signal is not copied."""
        return self.values.expand(timesteps, *self.values.shape) if self.steady else self.values

    @property
    def shape(self) -> torch.Size:
        """Of one step: (batch, …)."""
        return self.values.shape if self.steady else self.values.shape[1:]


class Traced(NamedTuple):
    """What the neurons of a node did: see `spikeport.kernels.Trace`."""

    spikes: Tensor
    membrane: Tensor
    counts: Tensor


def integrate_and_fire(
    I: Signal, timesteps: int, θ: Tensor, start: Tensor, reset: Tensor | None, β: Tensor | None, max_spikes: int
) -> Traced:
    """Run IF or LIF neurons; parameters are of the currents' type and broadcast to one step of them, β None for 1."""
    levels = [θ * m for m in range(1, max_spikes + 1)]
    v = start.expand(I.shape).clone()
    spikes = torch.empty((timesteps, *I.shape), dtype=torch.int8, device=v.device)
    for t in range(timesteps):
        v = v + I.at(t) if β is None else β * v + I.at(t)
        s = (v >= levels[0]).to(torch.int8)
        for level in levels[1:]:
            s += v >= level
        v = v - s.to(v.dtype) * θ if reset is None else torch.where(s > 0, reset, v)
        spikes[t] = s
    return Traced(spikes, v, spikes.sum(dim=0, dtype=torch.int64))


def st_bif(I: Signal, timesteps: int, θ: Tensor, start: Tensor, tracer_min: int, tracer_max: int) -> Traced:
    """Run ST-BIF neurons; ``start`` is v before the first step, in units of θ or, of integers, of the currents."""
    divided = I.values.is_floating_point()
    unit = torch.ones_like(θ) if divided else θ
    v = start.expand(I.shape).clone()
    S = torch.zeros(I.shape, dtype=torch.int64, device=v.device)
    spikes = torch.empty((timesteps, *I.shape), dtype=torch.int8, device=v.device)
    for t in range(timesteps):
        v = v + (I.at(t) / θ if divided else I.at(t))
        s = ((v >= unit) & (S < tracer_max)).to(torch.int8) - ((v < 0) & (S > tracer_min)).to(torch.int8)
        S = S + s
        v = v - s.to(v.dtype) * unit
        spikes[t] = s
    return Traced(spikes, v, S)


def passed_on(I: Signal, timesteps: int) -> Traced:
    """Return what ``identity`` passes on: the currents themselves, their sum step by step as counts."""
    total = summed(I, timesteps)
    counts = total if total.is_floating_point() else total.to(torch.int64)
    return Traced(I.steps(timesteps), torch.zeros_like(total), counts)


def summed(I: Signal, timesteps: int) -> Tensor:
    """Return ``Σ_t I[t]``, added step by step from +0."""
    total = torch.zeros(I.shape, dtype=I.values.dtype, device=I.values.device)
    for t in range(timesteps):
        total = total + I.at(t)
    return total
