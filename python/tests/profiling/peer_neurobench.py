"""Run by the peers' interpreter: synaptic operations and sparsity beside NeuroBench's own. Prints one line of JSON."""

import contextlib
import io
import json

import snntorch
import torch
from neurobench.benchmarks import Benchmark
from neurobench.metrics.static import ConnectionSparsity
from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
from neurobench.models import TorchModel
from torch import nn

from spikeport.profiling import SpikeProfiler


class Network(nn.Module):
    """A convolution and two linear layers of snnTorch's neurons; input of shape (batch, steps, 1, 8, 8)."""

    def __init__(self):
        super().__init__()
        self.conv, self.first = nn.Conv2d(1, 4, 3, padding=1, stride=2), snntorch.Leaky(beta=0.9, threshold=0.2)
        self.fc, self.second = nn.Linear(64, 20), snntorch.Leaky(beta=0.9, threshold=0.3)
        self.out, self.last = nn.Linear(20, 5), snntorch.Leaky(beta=0.9)
        with torch.no_grad():
            self.fc.weight[self.fc.weight.abs() < 0.05] = 0

    def forward(self, x):
        u, v, w = self.first.reset_mem(), self.second.reset_mem(), self.last.reset_mem()
        out = []
        for step in x.unbind(1):
            s, u = self.first(self.conv(step), u)
            s, v = self.second(self.fc(s.flatten(1)), v)
            s, w = self.last(self.out(s), w)
            out.append(s)
        return torch.stack(out, 1)


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network, x = Network(), (torch.rand(6, 10, 1, 8, 8) < 0.4).float()
    profiler = SpikeProfiler()
    with profiler.watch(network, every=1), torch.no_grad():
        network(x)
    model = TorchModel(network)
    model.add_activation_module(snntorch.SpikingNeuron)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, torch.zeros(6)), batch_size=6)
    metrics = [[ConnectionSparsity], [SynapticOperations, ActivationSparsity]]
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = Benchmark(model, data, [], [], metrics).run()
    print(json.dumps({"ours": profiler.report().activity.to_dict(), "theirs": theirs}))
