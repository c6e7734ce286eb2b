"""How a signal in time flows through a spiking transformer: as running totals.

Every module of the spiking network is a causal map of streams. SpikeZIP-TF (You et al. 2024) writes it for one
step's change: ``X += x_t; y_t = f(X) - f(X_before)``. Summed over the steps so far, that is the same as::

    Y_t = f(X_t)        X_t = x_0 + … + x_t,  Y_t = y_0 + … + y_t

So the network is run here on the totals X, many steps in one call: a linear layer is one product over steps ×
tokens, softmax and LayerNorm act on every step at once, and nothing drifts, since differences are never added up
again. Only the ST-BIF neuron has to walk through the steps. The changes come back as ``X_t - X_{t-1}``; of an
ST-BIF neuron they are its spikes times its threshold.

Shapes: a total is ``(steps, …)``, or ``(1, …)`` where it stands still for the whole chunk of steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Clock:
    """Which steps a chunk covers: ``start`` up to, not including, ``start + steps``. Shared by a network's modules."""

    def __init__(self) -> None:
        self.start, self.steps = 0, 0

    def reset(self) -> None:
        """Go back to before step 0."""
        self.start, self.steps = 0, 0

    def advance(self, steps: int) -> None:
        """Go on to the next ``steps`` steps."""
        self.start, self.steps = self.start + self.steps, steps


class SpikingModule(nn.Module):
    """A module of the spiking network: ``forward`` maps running totals, `changes` maps steps.

    A subclass writes ``forward(*totals)``. It reads ``self.clock`` where it depends on the step, keeps what it
    must remember between chunks in attributes that `reset` clears, and does not advance the clock: who runs the
    network does, once a chunk.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self._before: tuple[list[Tensor], Tensor] | None = None

    def reset(self) -> None:
        """Forget everything that was seen: the next step is step 0."""
        self.clock.reset()
        self._before = None

    def changes(self, *inputs: Tensor) -> Tensor:
        """Run the module alone on the changes of its inputs, as the paper writes it.

        Each input has shape (steps, …) and holds what arrives at each step; so does the result. State is kept
        between calls, so a stream may be given in pieces, down to single steps of shape (1, …).
        """
        steps = max(len(x) for x in inputs)
        self.clock.advance(steps)
        totals = [x.cumsum(0) for x in inputs]
        if self._before is not None:
            totals = [total + before for total, before in zip(totals, self._before[0], strict=True)]
        out: Tensor = self(*totals)
        out = out.expand(steps, *out.shape[1:])
        before = torch.zeros_like(out[0]) if self._before is None else self._before[1]
        self._before = [total[-1] for total in totals], out[-1]
        return torch.diff(out, dim=0, prepend=before[None])
