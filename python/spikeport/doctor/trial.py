"""One backend on tiny cases: a golden vector with its answer written down, and two networks beside the reference's.

Every value is dyadic, so that no sum rounds and every backend must give the same bits. It runs in a process of its own
(`spikeport.doctor.trying`), which prints one line of JSON: a backend that crashes takes only that process with it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from spikeport.backends import Backend, get_backend
from spikeport.errors import BackendError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron
from spikeport.operations import Linear

CURRENTS = [0.75, 0.75, 0.75, 0.75, -1.0]
SPIKES = [1, 1, 0, 1, 0]
MEMBRANE = -0.5
"""Of one IF neuron, v = 1/2 at first, θ = 1: v is 1.25, 1, 0.75, 1.5, -0.5 before the soft reset."""
TIMESTEPS = 8


def main(name: str) -> None:
    """Print the answer of `answer`, as JSON on a line of its own."""
    print("\n" + json.dumps(answer(name)))


def answer(name: str) -> dict[str, Any]:
    """Return what is ``wrong`` with a backend, None where nothing is, whether it is ``absent``, and its ``devices``."""
    try:
        backend = get_backend(name)
    except BackendError as error:
        return {"wrong": str(error), "absent": error.code == "backend_unavailable", "devices": []}
    return {"wrong": differing(backend), "absent": False, "devices": devices() if name == "torch" else []}


def differing(backend: Backend) -> str | None:
    """Return in words where a backend's answers differ from the ones it must give, or None."""
    trace = backend.if_multistep(np.array(CURRENTS)[:, None])
    if trace.spikes[:, 0].tolist() != SPIKES or trace.membrane.tolist() != [MEMBRANE]:
        return (
            f"the golden vector of IF has spikes {SPIKES} and the membrane {MEMBRANE}, and {backend.name} gives "
            f"{trace.spikes[:, 0].tolist()} and {trace.membrane.tolist()}"
        )
    for kind, graph, x in networks():
        want = graph.run(x, T=TIMESTEPS, backend="reference")
        got = graph.run(x, T=TIMESTEPS, backend=backend.name)
        pairs = [*zip(want.counts + want.membrane, got.counts + got.membrane, strict=True), (want.drive, got.drive)]
        if not all(np.array_equal(expected, given) for expected, given in pairs):
            return f"a network of {kind} has other spikes or membranes on {backend.name} than on the reference"
    return None


def networks() -> list[tuple[str, SNNGraph, np.ndarray[Any, Any]]]:
    """Return a network of floats and one of integers, with two samples each."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(-8, 9, (6, 8)), rng.integers(-8, 9, (3, 6))
    pixels = rng.integers(0, 9, (2, 8))
    floats = [
        LayerNode.of("hidden", Linear((first / 8).astype(np.float32)), Neuron("IF", v_init=0.5)),
        LayerNode.of("out", Linear((second / 8).astype(np.float32)), Neuron("IF", v_init=0.5)),
    ]
    integers = [
        LayerNode.of("hidden", Linear(first.astype(np.int8)), Neuron("IF", threshold=64, v_init=0.5)),
        LayerNode.of("out", Linear(second.astype(np.int8)), Neuron("IF", threshold=8, v_init=0.5)),
    ]
    return [("floats", SNNGraph(floats), pixels / 8), ("integers", SNNGraph(integers), pixels)]


def devices() -> list[str]:
    """Return the names of the GPUs that torch can run on."""
    cuda = sys.modules["torch"].cuda
    return [cuda.get_device_name(index) for index in range(cuda.device_count())] if cuda.is_available() else []
