"""Models with a peculiarity each, which a watch must not be confused by."""

import dataclasses

import pytest

from spikeport.profiling import LIF

torch = pytest.importorskip("torch")
nn = torch.nn


class Plain(nn.Module):
    """None: two layers of neurons, all steps at once."""

    def __init__(self):
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(8, 16), LIF(threshold=0.1)
        self.fc2, self.lif2 = nn.Linear(16, 5), LIF(threshold=0.1)

    def forward(self, x):
        return self.lif2(self.fc2(self.lif1(self.fc1(x.expand(6, *x.shape))))).mean(0)


class Backwards(Plain):
    """Lists its first layer of neurons after its second."""

    def __init__(self):
        super().__init__()
        first = self.lif1
        del self.lif1
        self.lif1 = first


class Shared(Plain):
    """Calls one module of neurons as two layers of different widths."""

    def __init__(self):
        super().__init__()
        self.lif1 = self.lif2


@dataclasses.dataclass
class Answer:
    logits: object


class Wrapped(Plain):
    """Returns a dataclass, as transformers' models do."""

    def forward(self, x):
        return Answer(super().forward(x))


class Step(nn.Module):
    """A neuron of one step per call, without a membrane."""

    spike_layout = "B"

    def forward(self, x):
        return (x > 0.5) * x


class LoopInside(nn.Module):
    """Calls its neuron five times in a forward pass."""

    def __init__(self):
        super().__init__()
        self.fc, self.neuron = nn.Linear(8, 16), Step()

    def forward(self, x):
        return sum(self.neuron(self.fc(x) + 0.5) for _ in range(5))


class Neuron(nn.Module):
    """Keeps the membranes of all steps in one buffer, and copies of what it showed in ``spikes`` and ``membranes``."""

    spike_layout = "B"

    def __init__(self):
        super().__init__()
        self.v, self.on_membrane, self.spikes, self.membranes = 0.0, None, [], []

    def forward(self, x):
        if not self.membranes:
            self.v = torch.zeros_like(x)
        self.v.mul_(0.9).add_(x)
        self.membranes.append(self.v.clone())
        if self.on_membrane is not None:
            self.on_membrane(self.v)
        spikes = (self.v > 1).to(x.dtype)
        self.spikes.append(spikes.clone())
        self.v -= spikes
        return spikes


class WritesInPlace(nn.Module):
    """Writes into the spikes that its neuron has returned."""

    def __init__(self):
        super().__init__()
        self.neuron = Neuron()

    def forward(self, x):
        for _ in range(4):
            spikes = self.neuron(x)
            spikes.mul_(7)
