"""What profiling costs a training step: spikeport's watch, sc-neurocore's SpikeProfiler, snnTorch's monitor.

    python -m benchmarks.bench_profiling [--blocks 40] [--quick]

One network of snnTorch's neurons (784-256-256-10, T = 16, batch 64, surrogate gradient, Adam), random data of the
size of MNIST, one thread. A sample is a block of 20 training steps, so that the default sampling of one step in 20 is
in every block; the sides take turns in one process. The overhead is the median over the blocks of a side's time over
that of the unprofiled block of the same turn, less 1.

- ``spikeport, default``: spikes, membranes, surrogate, gradients, intervals, raster, synaptic operations; one step
  in 20
- ``spikeport, every step``: the same at every step
- ``sc-neurocore``: `record_step` with spikes and voltages of every layer at each of the T steps, and the weights'
  gradients once a training step, as its documentation shows
- ``snnTorch``: `OutputMonitor` on the neurons, cleared after every training step: it keeps outputs, no statistics

Runs in the interpreter that has the peers; started by another one, it looks for ``.venv-peers``.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STEPS, T, BATCH = 20, 16, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--quick", action="store_true", help="two blocks, and no file is written")
    options = parser.parse_args()
    if importlib.util.find_spec("snntorch") is None:
        use_peers()
    run(2 if options.quick else options.blocks, write=not options.quick)


def use_peers() -> None:
    """Begin again in the interpreter of the peers."""
    python = ROOT / ".venv-peers" / "bin" / "python"
    if not python.exists():
        sys.exit("snntorch is not installed here, and there is no .venv-peers: see benchmarks/peers.txt")
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'python'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    os.execve(python, [str(python), "-W", "ignore", "-m", "benchmarks.bench_profiling", *sys.argv[1:]], environment)


def run(blocks: int, write: bool) -> None:
    import numpy as np
    import torch

    from benchmarks.result import Measurement, write_result

    torch.set_num_threads(1)
    x = torch.rand(STEPS, BATCH, 784)
    y = torch.randint(0, 10, (STEPS, BATCH))
    sides = {name: make(x, y) for name, make in SIDES.items()}
    taken: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for block in range(blocks + 1):
        # Who goes first changes from turn to turn, so that none always follows the same neighbour.
        for name in names[block % len(names) :] + names[: block % len(names)]:
            start = time.perf_counter()
            sides[name]()
            if block:
                taken[name].append(time.perf_counter() - start)
    plain = taken["unprofiled"]
    facts: dict[str, Any] = {}
    for name, seconds in taken.items():
        ratios = [mine / base - 1 for mine, base in zip(seconds, plain, strict=True)]
        step = statistics.median(seconds) / STEPS
        print(f"{name:24} {step * 1e3:8.2f} ms per step   overhead {statistics.median(ratios):+7.1%}")
        if name != "unprofiled":
            facts[f"overhead {name}"] = statistics.median(ratios)
            facts[f"overhead {name}, quartiles"] = [float(q) for q in np.quantile(ratios, [0.25, 0.75])]
    if write:
        versions = {name: metadata.version(name) for name in ("snntorch", "sc-neurocore")}
        params = {"T": T, "batch": BATCH, "network": "784-256-256-10", "steps a sample": STEPS}
        path = write_result(
            "profiling",
            title="What profiling costs a training step at T = 16",
            command="python -m benchmarks.bench_profiling",
            measurements=[Measurement(f"{STEPS} training steps", name, s, params=params) for name, s in taken.items()],
            versions=versions,
            facts=facts,
        )
        print(f"wrote {path.relative_to(ROOT)}")


def network() -> Any:
    """Return a spiking MLP that keeps the spikes and membranes of its last call, as a user would to look at them."""
    import snntorch
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.fc1, self.lif1 = torch.nn.Linear(784, 256), snntorch.Leaky(beta=0.9)
            self.fc2, self.lif2 = torch.nn.Linear(256, 256), snntorch.Leaky(beta=0.9)
            self.fc3, self.lif3 = torch.nn.Linear(256, 10), snntorch.Leaky(beta=0.9)

        def forward(self, x: Any) -> Any:
            v1, v2, v3 = self.lif1.reset_mem(), self.lif2.reset_mem(), self.lif3.reset_mem()
            self.kept: list[list[Any]] = [[], [], []]
            for _ in range(T):
                s1, v1 = self.lif1(self.fc1(x), v1)
                s2, v2 = self.lif2(self.fc2(s1), v2)
                s3, v3 = self.lif3(self.fc3(s2), v3)
                for kept, pair in zip(self.kept, ((s1, v1), (s2, v2), (s3, v3)), strict=True):
                    kept.append(pair)
            return torch.stack([v for _, v in self.kept[2]]).mean(0)

    return Network()


def training(net: Any, x: Any, y: Any, after: Callable[[], None] | None = None) -> Callable[[], None]:
    """Return a block of training steps; ``after`` is called at the end of each."""
    import torch

    optimiser = torch.optim.Adam(net.parameters(), lr=1e-4)

    def block() -> None:
        for inputs, labels in zip(x, y, strict=True):
            loss = torch.nn.functional.cross_entropy(net(inputs), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if after is not None:
                after()

    return block


def unprofiled(x: Any, y: Any) -> Callable[[], None]:
    return training(network(), x, y)


def watched(every: int | None) -> Callable[[Any, Any], Callable[[], None]]:
    def make(x: Any, y: Any) -> Callable[[], None]:
        from spikeport.profiling import SpikeProfiler

        net = network()
        SpikeProfiler().watch(net, every)
        return training(net, x, y)

    return make


def sc_neurocore(x: Any, y: Any) -> Callable[[], None]:
    from sc_neurocore.profiling import SpikeProfiler

    net, profiler = network(), SpikeProfiler()
    layers = [("lif1", net.fc1), ("lif2", net.fc2), ("lif3", net.fc3)]

    def record() -> None:
        for (name, fc), kept in zip(layers, net.kept, strict=True):
            for spikes, voltages in kept[:-1]:
                profiler.record_step(name, spikes.detach().numpy(), voltages=voltages.detach().numpy())
            spikes, voltages = kept[-1]
            gradients = fc.weight.grad.numpy()
            profiler.record_step(name, spikes.detach().numpy(), voltages.detach().numpy(), gradients)

    return training(net, x, y, record)


def snntorch_monitor(x: Any, y: Any) -> Callable[[], None]:
    import snntorch
    from snntorch.functional import probe

    net = network()
    monitor = probe.OutputMonitor(net, instance=snntorch.Leaky)
    return training(net, x, y, monitor.clear_recorded_data)


SIDES: dict[str, Callable[[Any, Any], Callable[[], None]]] = {
    "unprofiled": unprofiled,
    "spikeport, default": watched(None),
    "spikeport, every step": watched(1),
    "sc-neurocore": sc_neurocore,
    "snnTorch monitor": snntorch_monitor,
}


if __name__ == "__main__":
    main()
