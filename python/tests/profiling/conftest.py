"""A small spiking network, and its training by a surrogate gradient on the digits, with a profiler on it."""

from collections import OrderedDict
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def spiking(torch, digits):
    """A namespace: ``network(depth, T, **lif)`` and ``train(model, …) -> (accuracy, report)``."""
    from spikeport.profiling import LIF, SpikeProfiler

    nn = torch.nn
    x_train, x_test, y_train, y_test = (torch.from_numpy(array) for array in digits)

    class Network(nn.Module):
        """64 pixels, ``depth`` hidden layers of 64 neurons, a readout that averages over ``T`` steps."""

        def __init__(self, depth=2, T=8, **lif):
            super().__init__()
            self.T = T
            layers = []
            for i in range(1, depth + 1):
                layers += [(f"fc{i}", nn.Linear(64, 64)), (f"lif{i}", LIF(**lif))]
            self.body = nn.Sequential(OrderedDict(layers))
            self.head = nn.Linear(64, 10)

        def forward(self, x):
            signal = x.expand(self.T, *x.shape)
            self.rates = {}
            for name, layer in self.body.named_children():
                signal = layer(signal)
                if isinstance(layer, LIF):
                    self.rates[name] = signal.mean((0, 1))
            return self.head(signal).mean(0)

    def network(depth=2, T=8, seed=0, **lif):
        torch.manual_seed(seed)
        return Network(depth, T, **lif)

    def train(model, *, scale=1.0, lr=2e-3, epochs=8, optimiser=torch.optim.Adam, penalty=None, weight=None, seed=0):
        """``penalty(rates)`` is added to the loss; ``weight(step)`` multiplies it."""
        torch.manual_seed(seed)
        steps = optimiser(model.parameters(), lr=lr)
        profiler, done = SpikeProfiler(), 0
        with profiler.watch(model, every=1):
            for _ in range(epochs):
                for rows in torch.randperm(len(x_train)).split(64)[:-1]:
                    loss = nn.functional.cross_entropy(model(scale * x_train[rows]), y_train[rows])
                    if penalty is not None:
                        loss = loss + penalty(model.rates)
                    if weight is not None:
                        loss = loss * weight(done)
                    steps.zero_grad()
                    loss.backward()
                    steps.step()
                    done += 1
        with torch.no_grad():
            accuracy = float((model(scale * x_test).argmax(1) == y_test).float().mean())
        return accuracy, profiler.report()

    return SimpleNamespace(network=network, train=train, nn=nn, torch=torch)


@pytest.fixture(scope="session")
def healthy(spiking):
    """Accuracy and report of a training that is well, for five seeds."""
    return [spiking.train(spiking.network(seed=seed), seed=seed) for seed in range(5)]
