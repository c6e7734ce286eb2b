"""A leaky integrate-and-fire layer for torch, trained by a surrogate gradient.

    v = β·v + I[t]
    s = v >= θ                        backward: ds/dv = 1/(1 + slope·|v - θ|)²
    v = v - θ·s                       (the reset passes no gradient)

The surrogate is the fast sigmoid of Zenke and Ganguli (2018), "SuperSpike". It exists so that a spiking network can be
trained and profiled with torch alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spikeport.errors import MissingExtra

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("torch", "torch", "a spiking layer for torch") from None


class _FastSigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, distance: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(distance)
        ctx.slope = slope
        return (distance >= 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (distance,) = ctx.saved_tensors
        return gradients[0] / (1 + ctx.slope * distance.abs()).square(), None


class LIF(nn.Module):
    """Leaky integrate-and-fire neurons over all steps: currents of shape (T, batch, …) in, spikes of that shape out.

    Parameters
    ----------
    beta : share of the membrane that one step keeps
    threshold : θ
    slope : steepness of the surrogate; the higher, the fewer membranes pass a gradient
    """

    spike_layout = "TB"

    def __init__(self, beta: float = 0.9, threshold: float = 1.0, slope: float = 5.0) -> None:
        super().__init__()
        self.beta, self.threshold, self.slope = beta, threshold, slope
        self.on_membrane: Callable[[Tensor], None] | None = None

    def forward(self, currents: Tensor) -> Tensor:
        """Return the spikes."""
        v = torch.zeros_like(currents[0])
        spikes = []
        for current in currents:
            v = self.beta * v + current
            if self.on_membrane is not None:
                self.on_membrane(v)
            s = _FastSigmoid.apply(v - self.threshold, self.slope)
            v = v - self.threshold * s.detach()
            spikes.append(s)
        return torch.stack(spikes)

    def surrogate_derivative(self, membranes: Tensor) -> Tensor:
        """Return ds/dv at the membranes."""
        return 1 / (1 + self.slope * (membranes - self.threshold).abs()).square()

    def extra_repr(self) -> str:
        """Return the parameters as torch shows them."""
        return f"beta={self.beta}, threshold={self.threshold}, slope={self.slope}"
