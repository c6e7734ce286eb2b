"""The neurons over many steps, with gradients: the equations of `spikeport.kernels`, each operation rounded by itself.

IF, LIF: v = β·v + I[t];   s = how many m in 1, …, max_spikes have v >= m·θ;   v = v - s·θ, or v_reset where s > 0
ST-BIF:  v = v + I[t]/θ;   s = +1 if v >= 1 and S < tracer_max, -1 if v < 0 and S > tracer_min;   S = S + s;   v = v - s
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from spikeport.interop.torch.surrogate import Surrogate, spikes


class Firing(NamedTuple):
    """How a layer fires: the parameters as they meet one step of its currents, and what a gradient takes.

    Attributes
    ----------
    threshold, v_init : θ, and the start in units of it
    v_reset : or None for soft reset
    beta : or None where nothing leaks
    max_spikes : the most spikes in one step
    surrogate : of a spike
    detach_reset : whether no gradient passes through what a spike takes away (Zenke & Vogels 2021)
    on_membrane : called with v of each step before its spike, in units of the currents, or None
    """

    threshold: Tensor
    v_init: Tensor
    v_reset: Tensor | None
    beta: Tensor | None
    max_spikes: int
    surrogate: Surrogate
    detach_reset: bool
    on_membrane: Callable[[Tensor], None] | None = None

    def watch(self, v: Tensor) -> None:
        """Show the membrane to who watches."""
        if self.on_membrane is not None:
            self.on_membrane(v)


def integrate_and_fire(I: Tensor, firing: Firing) -> tuple[Tensor, Tensor]:
    """Return the spikes (T, batch, …) of IF or LIF neurons for such currents, and their membranes at the end."""
    θ = firing.threshold
    v = (firing.v_init * θ).expand(I.shape[1:])
    sent = []
    for current in I:
        v = v + current if firing.beta is None else firing.beta * v + current
        firing.watch(v)
        levels = [m * θ for m in range(1, firing.max_spikes + 1)]
        s = sum((spikes((v - level) / θ, v >= level, firing.surrogate) for level in levels), torch.zeros_like(v))
        taken = s.detach() if firing.detach_reset else s
        if firing.v_reset is None:
            v = v - taken * θ
        elif firing.detach_reset:
            v = torch.where(s > 0, firing.v_reset, v)
        else:
            v = v * (1 - taken) + firing.v_reset * taken  # one of the two is 0, so nothing is rounded
        sent.append(s)
    return _stacked(sent, I), v


def st_bif(I: Tensor, firing: Firing, tracer_min: int, tracer_max: int) -> tuple[Tensor, Tensor]:
    """Return the same of ST-BIF neurons; membranes are in units of θ."""
    v = firing.v_init.expand(I.shape[1:])
    S = torch.zeros_like(I[0] if len(I) else v)
    sent = []
    for current in I:
        v = v + current / firing.threshold
        firing.watch(v * firing.threshold)
        may_rise, may_fall = S < tracer_max, S > tracer_min
        up = spikes(v - 1, v >= 1, firing.surrogate) * may_rise
        down = spikes(-v, v < 0, firing.surrogate) * may_fall
        s = up - down
        S = S + s.detach()
        v = v - (s.detach() if firing.detach_reset else s)
        sent.append(s)
    return _stacked(sent, I), v


def summed(signal: Tensor) -> Tensor:
    """Return ``Σ_t signal[t]``, added step by step from +0."""
    total = torch.zeros(signal.shape[1:], dtype=signal.dtype, device=signal.device)
    for values in signal:
        total = total + values
    return total


def _stacked(sent: list[Tensor], like: Tensor) -> Tensor:
    return torch.stack(sent) if sent else torch.zeros_like(like)
