"""Run in the peers' environment: each tool writes a network of its own as NIR, and runs it.

``main`` takes the folder with the samples (x.npy) and weights (w.npz), where it writes the files, the number of steps,
and a folder with the nir and nirtorch to take before the environment's; it prints counts as JSON.
"""

import contextlib
import io
import json
import sys
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.peers.read_nir import SHOWN, answered

THRESHOLD = 1 + 2.0**-12
"""Which no membrane of multiples of 1/1024 meets: some tools fire at the threshold, where NIR fires above it."""


def filled(modules, weights):
    """Fill in weights and biases, in order."""
    arrays = iter(weights)
    for module in modules:
        if isinstance(module, nn.Linear):
            module.weight.data, module.bias.data = (torch.tensor(next(arrays)) for _ in range(2))
    return modules


def chain(linear, neuron, weights):
    (n_hidden, n_in), n_out = weights[0].shape, len(weights[2])
    return filled([linear(n_in, n_hidden), neuron(n_hidden), linear(n_hidden, n_out), neuron(n_out)], weights)


def norse_if(weights, x, T):
    from norse.torch import IAFCell, IAFParameters, SequentialState
    from norse.torch.utils.export_nir import to_nir

    def neuron(n):
        return IAFCell(IAFParameters(v_th=torch.full((n,), THRESHOLD)), dt=1.0)

    network = SequentialState(*chain(nn.Linear, neuron, weights))
    state, total = None, 0
    for _ in range(T):
        sent, state = network(x, state)
        total = total + sent
    return to_nir(network, x[:1], dt=1.0), total


def spikingjelly_if(weights, x, T):
    from spikingjelly.activation_based import neuron

    return in_spikingjelly(lambda: neuron.IFNode(v_threshold=THRESHOLD, v_reset=0.0), weights, x, T)


def spikingjelly_lif(weights, x, T):
    from spikingjelly.activation_based import neuron

    return in_spikingjelly(
        lambda: neuron.LIFNode(tau=2.0, decay_input=False, v_threshold=THRESHOLD, v_reset=0.0), weights, x, T
    )


def in_spikingjelly(made, weights, x, T):
    from spikingjelly.activation_based import functional, layer
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    network = nn.Sequential(*chain(layer.Linear, lambda n: made(), weights))
    total = sum(network(x) for _ in range(T))
    functional.reset_net(network)
    written = export_to_nir(network, x[:1], dt=1.0)
    return written, total


def sinabs_if(weights, x, T):
    import sinabs.layers as layers
    from sinabs.nir import to_nir

    def neuron(n):
        return layers.IAFSqueeze(batch_size=1, min_v_mem=None, spike_threshold=torch.full((n,), THRESHOLD))

    network = nn.Sequential(*chain(nn.Linear, neuron, weights))
    written = to_nir(network, x[:1])
    network = nn.Sequential(
        *chain(
            nn.Linear,
            lambda n: layers.IAFSqueeze(batch_size=len(x), min_v_mem=None, spike_threshold=torch.full((n,), THRESHOLD)),
            weights,
        )
    )
    return written, network(x.repeat_interleave(T, 0)).reshape(len(x), T, -1).sum(1)


def snntorch_leaky(weights, x, T):
    import snntorch
    from snntorch.export_nir import export_to_nir

    def neuron(n):
        return snntorch.Leaky(
            beta=0.5 * torch.ones(n), threshold=torch.full((n,), THRESHOLD), init_hidden=True, reset_mechanism="zero"
        )

    network = nn.Sequential(*chain(nn.Linear, neuron, weights))
    total = sum(answered(network(x)) for _ in range(T))
    network = nn.Sequential(*chain(nn.Linear, neuron, weights))
    return export_to_nir(network, x[0]), total


WRITERS = {
    "norse": ("IAFCell", norse_if),
    "sinabs": ("IAF", sinabs_if),
    "snntorch": ("Leaky, reset to 0", snntorch_leaky),
    "spikingjelly": ("IFNode, reset to 0", spikingjelly_if),
    "spikingjelly ": ("LIFNode, reset to 0", spikingjelly_lif),
}


def main() -> None:
    folder, T = Path(sys.argv[1]), int(sys.argv[2])
    sys.path.insert(0, sys.argv[3])
    import nir

    x = torch.tensor(np.load(folder / "x.npy"), dtype=torch.float32)
    weights = [array.astype(np.float32) for array in np.load(folder / "w.npz").values()]
    found = []
    for tool, (neurons, write) in WRITERS.items():
        one = {"tool": tool.strip(), "version": metadata.version(tool.strip()), "neurons": neurons}
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            try:
                graph, counts = write(weights, x, T)
                nir.write(str(folder / f"{len(found)}.nir"), graph)
                one |= {"counts": np.asarray(counts, np.float64).tolist()}
            except Exception as error:
                one |= {"error": " ".join(f"{type(error).__name__}: {error}".split())[:SHOWN]}
        found.append(one)
    print(json.dumps(found))
