"""What an iteration has shown of one connection and of one layer: enough to run both once more."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spikeport.profiling.watching.hooks import KeptTensors
from spikeport.profiling.watching.populations import Population
from spikeport.profiling.watching.replay import Neuron, fit


@dataclass(eq=False)
class Weights:
    """A connection's inputs, and its weights as they were in the first recorded iteration.

    ``is_first`` says that no layer was called before it.
    """

    name: str
    module: nn.Module
    is_first: bool
    inputs: KeptTensors = field(default_factory=lambda: KeptTensors(small=0))
    source: Stage | None = None
    at_first: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.at_first = {name: p.detach().clone() for name, p in self.module.named_parameters()}
        self._bare = _Bare(self.module)

    def after(self, share: float) -> dict[str, Tensor]:
        """Return the weights moved by a share of the way that they have gone since."""
        now = dict(self.module.named_parameters())
        return {name: p + share * (now[name].detach() - p) for name, p in self.at_first.items()}

    def run(self, inputs: list[Tensor], weights: dict[str, Tensor]) -> list[Tensor]:
        """Return the outputs for inputs, call by call; one that comes again is multiplied once."""
        known: dict[tuple[int, tuple[int, ...]], Tensor] = {}
        named, outputs = {f"inner.{name}": p for name, p in weights.items()}, []
        for x in inputs:
            key = (x.data_ptr(), x.stride())
            if key not in known:
                known[key] = functional_call(self._bare, named, (x,))
            outputs.append(known[key])
        return outputs


@dataclass(eq=False)
class Stage:
    """One layer: what it was called with, what it gave, and the neuron that explains it."""

    population: Population
    layout: str
    after_reset: bool
    weights: Weights | None = None
    calls: KeptTensors = field(default_factory=lambda: KeptTensors(small=0))
    given: KeptTensors = field(default_factory=lambda: KeptTensors(small=0))
    currents: list[Tensor] = field(default_factory=list)
    spikes: list[Tensor] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)
    neuron: Neuron | None = None

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.population.name

    def keep_one_sequence(self) -> None:
        """Forget the calls after the first sequence."""
        n = self.population.steps_of_first_sequence() if self.layout == "B" else 1
        self.currents, self.spikes, self.inputs = self.currents[:n], self.spikes[:n], self.inputs[:n]

    def in_time(self, calls: list[Tensor]) -> Tensor:
        """Return calls as one tensor with the steps first."""
        if self.layout == "B":
            return torch.stack(calls)
        return calls[0] if self.layout == "TB" else calls[0].transpose(0, 1)

    def as_calls(self, steps: Tensor) -> list[Tensor]:
        """Return steps as the calls gave them."""
        if self.layout == "B":
            return list(steps)
        return [steps if self.layout == "TB" else steps.transpose(0, 1)]


def neuron_of(stage: Stage) -> Neuron | None:
    """Return the neuron that explains what was recorded of a layer, or None."""
    module, neurons = stage.population.layer.module, stage.population.layer.neurons
    threshold = neurons.threshold(module)
    membranes = stage.population.membranes.seen()
    spikes = stage.in_time(stage.spikes)
    n = spikes.numel()
    flat = torch.cat([m.reshape(-1) for m in membranes])[:n] if membranes else None
    if threshold is None or threshold <= 0 or flat is None or flat.numel() < n:
        return None
    is_by_step = len(membranes) > 1 or stage.layout != "BT"
    v = flat.reshape(spikes.shape) if is_by_step else stage.in_time([flat.reshape(stage.spikes[0].shape)])
    return fit(stage.in_time(stage.currents), v, spikes, threshold, stage.after_reset)


def is_chained(stage: Stage) -> bool:
    """Whether the weights make the currents, and the layer before, if any, the weights' inputs."""
    weights = stage.weights
    if weights is None or len(stage.inputs) != len(stage.currents) or len({x.shape for x in stage.inputs}) != 1:
        return False
    for made, current in zip(weights.run(stage.inputs, weights.at_first), stage.currents, strict=True):
        if made.numel() != current.numel():
            return False
        apart = (made.reshape(current.shape) - current).abs().max()
        if not float(apart) <= 1e-3 * float(current.abs().max()):
            return False
    if weights.source is None:
        return weights.is_first
    given = weights.source.spikes
    return len(given) == len(stage.inputs) and all(
        s.numel() == x.numel() and torch.equal(s.reshape(x.shape), x) for s, x in zip(given, stage.inputs, strict=True)
    )


class _Bare(nn.Module):
    """A module without its hooks."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Return the module's own forward pass."""
        made: Tensor = self.inner.forward(x)
        return made
