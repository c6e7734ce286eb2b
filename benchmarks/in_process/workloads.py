"""The calls that are timed: those of ``conformance/SPEC.md``, section "Timing", for a backend in this process."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikeport import LayerNode, SNNGraph
from spikeport.backends import Backend
from spikeport.neuron import Neuron

Call = Callable[[], object]
STEPS = 64


def g(factor: int, count: int) -> np.ndarray:
    """Return ``(factor·i mod 17)/16`` for i = 0 … count - 1."""
    return (factor * np.arange(count)) % 17 / 16


def if_multistep(backend: Backend, n: int) -> Call:
    currents = g(7, STEPS * n).reshape(STEPS, n)
    return lambda: backend.if_multistep(currents)


def if_constant(backend: Backend, n: int) -> Call:
    current = g(1, n)
    return lambda: backend.if_constant(current, timesteps=STEPS)


def st_bif_multistep(backend: Backend, n: int) -> Call:
    currents = (g(5, STEPS * n) - 0.5).reshape(STEPS, n)
    return lambda: backend.st_bif_multistep(currents)


def layer_forward(backend: Backend, n: int) -> Call:
    inputs = np.zeros((16, 1, n))
    inputs.reshape(-1)[::4] = 1.0
    weights = ((g(11, n * n) - 0.5) / 8).reshape(n, n)
    neuron = Neuron("IF", 1.0, 0.5)
    return lambda: backend.layer_forward(inputs, weights, None, neuron)


def network_run(backend: Backend, n: int) -> Call:
    """Three layers of 256 neurons on n samples, 16 steps: a size that people have."""
    graph = SNNGraph(
        [
            LayerNode(f"layer{k}", 256, 256, ((g(11 + k, 65536) - 0.5) / 16).reshape(256, 256), "IF", v_init=0.5)
            for k in range(3)
        ]
    )
    x = g(3, n * 256).reshape(n, 256)
    return lambda: backend.network_run(graph.layers, x, timesteps=16)


def encode_poisson(backend: Backend, n: int) -> Call:
    rates = np.minimum(g(1, n), 1.0)[None]
    return lambda: backend.encode_poisson(rates, timesteps=STEPS, seed=1)


def qcfs(backend: Backend, n: int) -> Call:
    x = g(1, n)
    return lambda: backend.qcfs(x, timesteps=16)


IN_PROCESS: dict[str, Callable[[Backend, int], Call]] = {
    "if.multistep": if_multistep,
    "if.constant": if_constant,
    "st_bif.multistep": st_bif_multistep,
    "layer.forward": layer_forward,
    "network.run": network_run,
    "encode.poisson": encode_poisson,
    "qcfs": qcfs,
}
KERNELS = tuple(IN_PROCESS)
