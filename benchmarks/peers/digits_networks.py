"""Two small spiking networks on the digits, of snnTorch's neurons and of neurons written in plain torch."""

from __future__ import annotations

from functools import cache
from typing import Any

import snntorch
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from spikeport.profiling import Neurons, Recording, SpikeProfiler, register_neuron

torch.set_num_threads(1)


class ArcTangent(torch.autograd.Function):
    """A step, with the derivative of an arc tangent."""

    @staticmethod
    def forward(ctx: Any, distance: Tensor) -> Tensor:
        ctx.save_for_backward(distance)
        return (distance > 0).float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (distance,) = ctx.saved_tensors
        return gradients[0] / (1 + (torch.pi * distance).square())


class Plain(nn.Module):
    """A leaky neuron as one writes it by hand; where it is cut, spikes are a comparison without a surrogate."""

    def __init__(self, threshold: float, is_cut: bool) -> None:
        super().__init__()
        self.threshold, self.is_cut = threshold, is_cut

    def forward(self, currents: Tensor) -> Tensor:
        v = torch.zeros_like(currents[0])
        spikes, membranes = [], []
        for current in currents:
            v = 0.9 * v + current
            membranes.append(v.detach())
            distance = v - self.threshold
            s = (distance > 0).float() if self.is_cut else ArcTangent.apply(distance)
            v = v - self.threshold * s.detach()
            spikes.append(s)
        self.membranes = torch.stack(membranes)
        return torch.stack(spikes)


register_neuron(
    Neurons(
        matches=lambda module: isinstance(module, Plain),
        read=lambda module, inputs, output: Recording(output, "TB", module.membranes),
        threshold=lambda module: module.threshold,
    )
)


class PlainNetwork(nn.Module):
    """All steps of a layer at once; the readout averages over them."""

    def __init__(self, setting: Any, T: int) -> None:
        super().__init__()
        self.T = T
        first, second = setting.thresholds
        self.fc1, self.lif1 = nn.Linear(64, 64), Plain(first, setting.is_cut)
        self.fc2, self.lif2 = nn.Linear(64, 64), Plain(second, setting.is_cut)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        signal = x.expand(self.T, *x.shape)
        return self.head(self.lif2(self.fc2(self.lif1(self.fc1(signal))))).mean(0)


class SnnTorchNetwork(nn.Module):
    """Step by step, as snnTorch's tutorials do; where it is cut, the spikes of the first layer are detached."""

    def __init__(self, setting: Any, T: int) -> None:
        super().__init__()
        self.T, self.is_cut = T, setting.is_cut
        first, second = setting.thresholds
        self.fc1, self.lif1 = nn.Linear(64, 64), snntorch.Leaky(beta=0.9, threshold=first)
        self.fc2, self.lif2 = nn.Linear(64, 64), snntorch.Leaky(beta=0.9, threshold=second)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        v1, v2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        outputs = []
        for _ in range(self.T):
            s1, v1 = self.lif1(self.fc1(x), v1)
            s2, v2 = self.lif2(self.fc2(s1.detach() if self.is_cut else s1), v2)
            outputs.append(self.head(s2))
        return torch.stack(outputs).mean(0)


KINDS = {"snnTorch": SnnTorchNetwork, "plain torch": PlainNetwork}


@cache
def _digits() -> list[Tensor]:
    digits = load_digits()
    parts = train_test_split(digits.data / 16, digits.target, test_size=0.25, random_state=0)
    return [torch.tensor(part, dtype=torch.float32 if part.ndim > 1 else torch.int64) for part in parts]


def train(kind: str, seed: int, setting: Any, epochs: int, batch: int, T: int) -> tuple[float, Any]:
    """Return the accuracy on held-out digits and the report of a training under a watch at its defaults."""
    x_train, x_test, y_train, y_test = _digits()
    torch.manual_seed(seed)
    model = KINDS[kind](setting, T)
    optimiser = torch.optim.Adam(model.parameters(), lr=setting.lr)
    profiler = SpikeProfiler()
    with profiler.watch(model, optimizer=optimiser):
        for _ in range(epochs):
            for rows in torch.randperm(len(x_train)).split(batch):
                loss = nn.functional.cross_entropy(model(setting.scale * x_train[rows]), y_train[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    with torch.no_grad():
        right = model(setting.scale * x_test).argmax(1) == y_test
    return float(right.float().mean()), profiler.report()
