"""Integer networks beside the float spiking networks that they are made of: accuracy, agreement, drive, bytes, speed.

``python -m benchmarks.bench_integers [--only NAME …] [--images N] [--steps T …]``: one result for each data set. The
networks are those of `benchmarks.bench_conversion`: trained here on the digits and on MNIST
(``$SPIKEPORT_DATA/mnist``), and a public ResNet-20 for CIFAR-10. Each is converted once, at T = 32 with the 99.9th
percentile, and quantised by 512 calibration samples for runs of up to 256 steps; test samples were seen by nothing
before. Of the ResNet-20, which is large, no more than 300 images are run, for no more than 64 steps.
"""

from __future__ import annotations

import argparse
import time
import warnings
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.bench_conversion.networks import BUILD
from benchmarks.bench_conversion.trained import trained
from benchmarks.result import Measurement, alternate, write_result
from spikeport.backends import Network, get_backend
from spikeport.backends.rust import RustNetwork
from spikeport.conversion import ConversionWarning, convert
from spikeport.graph import SNNGraph
from spikeport.integers import IntegerNetwork, quantize

Array = npt.NDArray[Any]

STEPS = (8, 32, 64, 256)
LARGE = "ResNet-20"
LARGE_STEPS, LARGE_IMAGES = 64, 300
AT_ONCE = 50
CONVERTED_FOR = 32
LONGEST = 256
"""Steps that no integer network may overflow in."""


def drive(graph: SNNGraph, x: Array, T: int) -> Array:
    """Return what the output receives in a step, a mean, in parts of a bounded size."""
    parts = [graph.run(x[k : k + AT_ONCE], T=T).drive for k in range(0, len(x), AT_ONCE)]
    return np.concatenate(parts).reshape(len(x), -1) / T


def weight_bytes(graph: SNNGraph) -> int:
    """Return how many bytes weights and biases take."""
    return sum(array.nbytes for layer in graph for array in layer.operation.arrays().values())


def speeds(name: str, floats: SNNGraph, made: dict[int, IntegerNetwork], x: Array) -> list[Measurement]:
    """Run the float network, in both its types, and the integer ones in turn, on one thread, prepared and fed."""
    graphs = {"float32": as_type(floats, np.float32), "float64": as_type(floats, np.float64)}
    fed: dict[str, tuple[SNNGraph, Array]] = {who: (graph, x) for who, graph in graphs.items()}
    fed |= {f"int{bits}": (network.graph, network.whole(x)) for bits, network in made.items()}
    calls = [partial(on_one_thread(graph).run, whole, timesteps=CONVERTED_FOR) for graph, whole in fed.values()]
    params = {"T": CONVERTED_FOR, "samples": len(x), "backend": get_backend("auto").name, "threads": 1}
    return [
        Measurement(f"{name}: a run", who, seconds, params=params)
        for who, seconds in zip(fed, alternate(calls, repeats=5), strict=True)
    ]


def on_one_thread(graph: SNNGraph) -> Network:
    """Return the graph laid out for running, on one thread where the backend has several."""
    network = graph.network()
    if isinstance(network, RustNetwork):
        network.threads = 1
    return network


def as_type(graph: SNNGraph, dtype: type) -> SNNGraph:
    """Return the graph with arrays of another type of floats."""
    new = graph.copy()
    for layer in new:
        arrays = {key: array.astype(dtype) for key, array in layer.operation.arrays().items()}
        layer.operation = layer.operation.with_arrays(arrays)
    return new


def measured(name: str, images: int, steps: tuple[int, ...]) -> tuple[dict[str, Any], list[Measurement]]:
    """Convert a network, quantise it, and run both on test images."""
    given = trained(name, 0, 1000, images)
    x, y = given.x, given.y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConversionWarning)  # of few steps; what they give is what is measured here
        graph = convert(given.model, given.calibration, T=CONVERTED_FOR, percentile=99.9).graph
    facts: dict[str, Any] = {"images": len(x), "trained": given.accuracy, "bytes float": weight_bytes(graph)}
    taken, made = [], dict[int, IntegerNetwork]()
    for bits in (8, 16):
        start = time.perf_counter()
        made[bits] = quantize(graph, bits, given.calibration[:512], LONGEST)
        spent, what = time.perf_counter() - start, f"{name}: quantising"
        taken.append(Measurement(what, "spikeport", [spent], params={"bits": bits}))
        facts[f"bytes int{bits}"] = weight_bytes(made[bits].graph)
    taken += speeds(name, graph, made, x[: 16 if name == LARGE else 100])
    for T in steps:
        real = drive(graph, x, T)
        found = {"float": float((real.argmax(1) == y).mean())}
        for bits, network in made.items():
            whole = drive(network.graph, network.whole(x), T) * network.units.drive_step
            found |= {
                f"int{bits}": float((whole.argmax(1) == y).mean()),
                f"int{bits} agrees": float((whole.argmax(1) == real.argmax(1)).mean()),
                f"int{bits} drive": float(np.abs(whole - real).mean() / real.std()),
            }
        facts[f"T={T}:"] = {key: round(value, 4) for key, value in found.items()}
        print(name, T, facts[f"T={T}:"], flush=True)
    return facts, taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=list(BUILD), default=list(BUILD))
    parser.add_argument("--images", type=int, default=2000, help="test images of each network")
    parser.add_argument("--steps", nargs="+", type=int, default=list(STEPS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for data in ("digits", "MNIST", LARGE):
        results = dict[str, tuple[dict[str, Any], list[Measurement]]]()
        for name in [name for name in options.only if name.startswith(data)]:
            images, steps = options.images, options.steps
            if name == LARGE:
                images, steps = min(images, LARGE_IMAGES), [T for T in steps if T <= LARGE_STEPS]
            results[name] = measured(name, images, tuple(steps))
            only = " ".join(f'"{one}"' if " " in one else one for one in results)
            path = write_result(
                f"integers_{data.lower().replace('-', '')}",
                title=f"Integer networks beside the float spiking networks that they are made of: {data}",
                command=f"python -m benchmarks.bench_integers --only {only} --images {options.images}",
                measurements=[measurement for _, taken in results.values() for measurement in taken],
                facts={"run by": get_backend("auto").name} | {name: facts for name, (facts, _) in results.items()},
            )
            print(path.name)
    return 0
