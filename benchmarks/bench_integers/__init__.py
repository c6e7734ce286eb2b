"""Integer networks beside the float spiking networks that they are made of: accuracy, agreement, drive, bytes, speed.

``python -m benchmarks.bench_integers [--only NAME …] [--images N] [--steps T …]``: one result for each data set. The
networks are those of `benchmarks.bench_conversion`: trained here on the digits and on MNIST
(``$SPIKEPORT_DATA/mnist``), and a public ResNet-20 for CIFAR-10. Each is converted once, at T = 32 with the 99.9th
percentile, and quantised by 512 calibration samples for runs of up to 256 steps; test samples were seen by nothing
before. The ResNet-20, which is large, is run for no more than 64 steps (``--large-steps``).

Accuracies differ by how often one network is right and the other wrong on the same image, so the difference stands with
its paired standard error. Beside it stands what arithmetic alone does to a spiking network: the same float network with
its weights in the other precision.

``--speed-only`` leaves accuracies as they were found before, and times again: runs from Python, and in each language.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.bench_conversion.networks import BUILD
from benchmarks.bench_conversion.trained import Trained, trained
from benchmarks.bench_integers.paired import said
from benchmarks.bench_integers.runners import timed_in_runners
from benchmarks.result import RESULTS, Measurement, alternate, write_result
from spikeport.backends import Network, get_backend
from spikeport.backends.rust import RustNetwork
from spikeport.conversion import ConversionWarning, convert
from spikeport.graph import SNNGraph
from spikeport.integers import IntegerNetwork, quantize
from spikeport.interop import to_c

Array = npt.NDArray[Any]

STEPS = (8, 32, 64, 256)
LARGE = "ResNet-20"
LARGE_STEPS = 64
AT_ONCE = 50
CONVERTED_FOR = 32
LONGEST = 256
"""Steps that no integer network may overflow in."""


def drive(graph: SNNGraph, x: Array, T: int) -> Array:
    """Return what the output receives in a step, a mean, in parts of a bounded size."""
    network = on_one_thread(graph)
    parts = [network.run(x[k : k + AT_ONCE], timesteps=T).drive for k in range(0, len(x), AT_ONCE)]
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


def prepared(name: str, images: int) -> tuple[Trained, SNNGraph, dict[int, IntegerNetwork], list[Measurement]]:
    """Return a trained network with its data, its float spiking graph, its integer networks, and what these took."""
    given = trained(name, 0, 1000, images)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConversionWarning)  # of few steps; what they give is what is measured here
        graph = convert(given.model, given.calibration, T=CONVERTED_FOR, percentile=99.9).graph
    taken, made = [], dict[int, IntegerNetwork]()
    for bits in (8, 16):
        start = time.perf_counter()
        made[bits] = quantize(graph, bits, given.calibration[:512], LONGEST)
        spent, what = time.perf_counter() - start, f"{name}: quantising"
        taken.append(Measurement(what, "spikeport", [spent], params={"bits": bits}))
    return given, graph, made, taken


def sizes(graph: SNNGraph, made: dict[int, IntegerNetwork]) -> dict[str, Any]:
    """Return bytes, the step of the input, and the most steps for which no run can overflow."""
    facts: dict[str, Any] = {"bytes float": weight_bytes(graph)}
    for bits, network in made.items():
        facts[f"bytes int{bits}"] = weight_bytes(network.graph)
        largest = network.units.input.largest
        facts[f"int{bits} never overflows up to T"] = to_c(network.graph, largest_input=largest).T_max
    inputs = next(iter(made.values())).units.input
    return facts | {"input": ("exact, " if inputs.exact else "rounded, ") + inputs.said}


def measured(
    given: Trained, graph: SNNGraph, made: dict[int, IntegerNetwork], steps: tuple[int, ...]
) -> dict[str, dict[str, Any]]:
    """Run the float network and the integer ones on test images, for each number of steps."""
    x, y, facts = given.x, given.y, dict[str, dict[str, Any]]()
    other = np.float64 if next(iter(graph[0].operation.arrays().values())).dtype == np.float32 else np.float32
    for T in steps:
        real = drive(graph, x, T)
        found: dict[str, Any] = {"float": float((real.argmax(1) == y).mean())}
        compared = {f"int{bits}": network for bits, network in made.items()}
        for who, network in {**compared, np.dtype(other).name: None}.items():
            if network is None:
                whole = drive(as_type(graph, other), x, T)
            else:
                whole = drive(network.graph, network.whole(x), T) * network.units.drive_step
            answers, beside = whole.argmax(1), real.argmax(1)
            found |= {
                who: float((answers == y).mean()),
                f"{who} points off": said(answers, beside, y),
                f"{who} agrees": float((answers == beside).mean()),
                f"{who} drive": float(np.abs(whole - real).mean() / real.std()),
            }
        facts[f"T={T}:"] = {key: round(v, 4) if isinstance(v, float) else v for key, v in found.items()}
        print(T, facts[f"T={T}:"], flush=True)
    return facts


def earlier(path: Path, name: str) -> dict[str, Any]:
    """Return what was found of a network's accuracy when it was last measured."""
    facts = json.loads(path.read_text("utf-8"))["facts"][name] if path.exists() else {}
    return {key: value for key, value in facts.items() if key.startswith("T=") or key == "images"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=list(BUILD), default=list(BUILD))
    parser.add_argument("--images", type=int, default=2000, help="test images of each network")
    parser.add_argument("--steps", nargs="+", type=int, default=list(STEPS))
    parser.add_argument("--large-steps", type=int, default=LARGE_STEPS, help="no more for the ResNet-20")
    parser.add_argument("--speed-only", action="store_true", help="keep accuracies that were measured before")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for data in ("digits", "MNIST", LARGE):
        names, results, taken = [name for name in options.only if name.startswith(data)], dict[str, Any](), []
        versions = dict[str, str]()
        for name in names:
            is_large, slug = name == LARGE, f"integers_{data.lower().replace('-', '')}"
            print(name, flush=True)
            given, graph, made, spent = prepared(name, options.images)
            steps = [T for T in options.steps if not is_large or T <= options.large_steps]
            facts = {"images": len(given.x), "trained": given.accuracy} | sizes(graph, made)
            if options.speed_only:
                facts |= earlier(RESULTS / f"bench_{slug}.json", name)
            else:
                facts |= measured(given, graph, made, tuple(steps))
            in_runners, versions = timed_in_runners(
                name, graph, given.calibration[:512], LONGEST, 4 if is_large else 64
            )
            taken += [*spent, *speeds(name, graph, made, given.x[: 16 if is_large else 100]), *in_runners]
            results[name] = facts
        if names:
            only = " ".join(f'"{one}"' if " " in one else one for one in names)
            path = write_result(
                slug,
                title=f"Integer networks beside the float spiking networks that they are made of: {data}",
                command=f"python -m benchmarks.bench_integers --only {only} --images {options.images}",
                measurements=taken,
                versions=versions,
                facts={"run by": get_backend("auto").name} | results,
            )
            print(path.name)
    return 0
