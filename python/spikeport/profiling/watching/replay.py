"""Neurons as a recording knows them: fitted to currents, membranes and spikes, and run with other currents.

    v[t] = β·v[t-1] + g·I[t]
    s[t] = v[t] >= θ
    then v falls by θ before the leak, by θ after it, or to 0

β and g are fitted by least squares where no reset is in between; the reset is the one that gives the recorded spikes.
Neurons of another kind (a synaptic current, adaptation, a leak for each neuron) do not fit, and are not run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

RESETS = ("before the leak", "after the leak", "to zero")

_SAME_SPIKES = 0.99
_SAME_MEMBRANES = 0.01


@dataclass(frozen=True)
class Neuron:
    """The constants of a layer's neurons, as the module's docstring names them."""

    leak: float
    gain: float
    threshold: float
    reset: str = RESETS[0]

    def run(self, currents: Tensor) -> Tensor:
        """Return the spikes that currents of shape (T, …) make from membranes of 0."""
        v = spiked = torch.zeros_like(currents[0])
        spikes = []
        for current in currents:
            v = self.leak * v + self.gain * current
            if self.reset == "after the leak":
                v = v - self.threshold * spiked
            spiked = (v >= self.threshold).to(v.dtype)
            spikes.append(spiked)
            if self.reset == "before the leak":
                v = v - self.threshold * spiked
            elif self.reset == "to zero":
                v = v * (1 - spiked)
        return torch.stack(spikes)

    def at(self, threshold: float) -> Neuron:
        """Return the same neuron with another threshold."""
        return replace(self, threshold=threshold)


def fit(
    currents: Tensor, membranes: Tensor, spikes: Tensor, threshold: float, after_reset: bool = False
) -> Neuron | None:
    """Return the neuron that explains a recording of shape (T, …), or None where none of this kind does.

    ``after_reset`` says that the membranes of neurons that spiked are reset already.
    """
    currents, membranes, spikes = (x.double() for x in (currents, membranes, spikes))
    before = torch.cat([torch.zeros_like(membranes[:1]), membranes[:-1]])
    plain = torch.cat([torch.ones_like(spikes[:1]), 1 - (spikes[:-1] != 0).double()])
    if after_reset:
        plain = plain * (spikes == 0)
    if not plain.any():
        return None
    a, b, y = before * plain, currents * plain, membranes * plain
    aa, ab, bb = (float((p * q).sum()) for p, q in ((a, a), (a, b), (b, b)))
    ay, by = float((a * y).sum()), float((b * y).sum())
    determinant = aa * bb - ab * ab
    if bb == 0:
        return None
    if determinant > 1e-9 * aa * bb:
        leak, gain = (ay * bb - by * ab) / determinant, (by * aa - ay * ab) / determinant
    else:
        leak, gain = 0.0, by / bb
    missed = float((y - leak * a - gain * b).square().sum())
    if not missed <= _SAME_MEMBRANES**2 * float(y.square().sum()):
        return None
    found = [Neuron(leak, gain, threshold, reset) for reset in RESETS]
    same = [float(((neuron.run(currents) != 0) == (spikes != 0)).double().mean()) for neuron in found]
    best = max(range(len(found)), key=same.__getitem__)
    return found[best] if same[best] >= _SAME_SPIKES else None
