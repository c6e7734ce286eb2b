"""NIR graphs that we write, run by other tools, and those that they write, run here: with whose answers.

A network of 64→128→10 digits is converted and written three times: its soft reset as a circle, the same in the plain
form, and with a hard reset to 0, which is NIR's own. ``SPIKEPORT_PEERS`` names the interpreter that has the tools
(`.venv-peers/bin/python` by default). One of them holds that environment at a nir that reads no ``v_reset``, so all run
with another one, from ``build/nir``::

    pip install --no-deps --target build/nir nir==1.0.7 nirtorch==2.6
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.result import ROOT, run_in, write_result
from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.conversion import convert
from spikeport.demo.digits import Recipe, load_digits, trained_network
from spikeport.interop import from_nir, load_nir, run_nir, save_nir, to_nir

PEERS = os.environ.get("SPIKEPORT_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
NIR = ROOT / "build" / "nir"
T = 32
RECIPE = Recipe(widths=(64, 128, 10), epochs=20)
WEIGHTS = ((-8, 13, (32, 64)), (-8, 9, 32), (-16, 25, (10, 32)), (-8, 9, 10))
FORMS = ("soft reset, feedback", "soft reset, plain", "hard reset to 0")


def main() -> None:
    if not NIR.exists():
        sys.exit(f"there is no {NIR}: pip install --no-deps --target build/nir nir==1.0.7 nirtorch==2.6")
    digits = load_digits(RECIPE)
    x = digits.x_test
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model, _ = trained_network(RECIPE, digits, folder, lambda done, of: None)
        soft = with_thresholds_of_layers(convert(model, digits.x_train, T=T, thresholds="percentile").graph)
        hard = with_hard_reset(soft)
        graphs = (soft, soft, hard)
        written = (to_nir(soft), to_nir(soft, reset="plain", samples=x, T=T), to_nir(hard))
        for k, graph in enumerate(written):
            save_nir(graph, folder / f"{k}.nir")
        np.save(folder / "x.npy", x)
        result = run_in(PEERS, "from benchmarks.peers.read_nir import main; main()", str(folder), str(T), str(NIR))
        others = list(written_by_others(folder))
    rows = []
    for k, form in enumerate(FORMS):
        ours = graphs[k].run(x, T=T, backend="reference").counts[-1]
        walked = run_nir(written[k], np.broadcast_to(x, (T, *x.shape))).sum(axis=0)
        rows.append(row(form, "spikeport.interop.run_nir", ours, walked, digits.y_test))
        for tool, answers in result["found"].items():
            who, answer = f"{tool} {result['versions'][tool]}", answers[str(k)]
            if "counts" in answer:
                rows.append(row(form, who, ours, np.array(answer["counts"]), digits.y_test))
            else:
                rows.append({"form": form, "run by": who, "counts equal": f"fails: {answer['error']}"})
    path = write_result(
        "nir",
        title=f"Networks of digits as NIR graphs, run by others and by us: {len(x)} samples, T = {T}",
        command="python -m benchmarks.bench_nir",
        measurements=[],
        versions=result["versions"],
        facts={"written here": rows, "written by others": others},
    )
    for one in [*rows, *others]:
        print(" | ".join(map(str, one.values())))
    print(path.name)


def written_by_others(folder: Path) -> Iterator[dict[str, Any]]:
    """Have each tool write a network of 64→32→10 neurons in NIR, and run what `from_nir` makes of it beside it.

    Weights and samples are such that no sum is rounded.
    """
    draws = np.random.default_rng(0)
    x = draws.integers(0, 17, (100, 64)) / 16
    weights = [draws.integers(low, high, shape) / 64 for low, high, shape in WEIGHTS]
    np.save(folder / "x.npy", x)
    np.savez(folder / "w.npz", *weights)
    found = run_in(PEERS, "from benchmarks.peers.write_nir import main; main()", str(folder), str(T), str(NIR))
    for k, one in enumerate(found):
        said = {"written by": f"{one['tool']} {one['version']}", "neurons": one["neurons"]}
        if "counts" not in one:
            yield said | {"counts equal here": f"fails: {one['error']}"}
            continue
        graph = from_nir(load_nir(folder / f"{k}.nir"), dt=1e-4 if one["tool"] == "snntorch" else 1.0)
        ours = graph.run(x.reshape(-1, *graph.input_shape), T=T, backend="reference").counts[-1]
        theirs = np.array(one["counts"])
        yield said | {
            "counts equal here": f"{(ours == theirs).all(axis=1).mean():.1%} of samples",
            "spikes of an output": f"{theirs.mean():.1f} there, {ours.mean():.1f} here",
        }


def with_thresholds_of_layers(graph: SNNGraph) -> SNNGraph:
    """Scale every neuron to θ = 1, since tools that take one threshold a layer are among those asked."""
    layers = []
    for layer in graph:
        θ = np.asarray(layer.threshold, np.float64).reshape(-1, 1)
        bias = None if layer.bias is None else layer.bias / θ[:, 0]
        neuron = Neuron(layer.neuron.kind, v_init=layer.neuron.v_init) if layer.neuron.is_spiking else Neuron("IF")
        layers.append(LayerNode.with_neuron(layer.name, (layer.weights / θ).astype(np.float32), bias, neuron))
    return SNNGraph(layers)


def with_hard_reset(graph: SNNGraph) -> SNNGraph:
    hard = Neuron("IF", v_reset=0.0)
    return SNNGraph([LayerNode.with_neuron(layer.name, layer.weights, layer.bias, hard) for layer in graph])


def row(form: str, who: str, ours: Any, theirs: Any, labels: Any) -> dict[str, Any]:
    agree = (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean()
    return {
        "form": form,
        "run by": who,
        "counts equal": f"{(ours == theirs).all(axis=1).mean():.1%} of samples",
        "same answer": f"{agree:.1%}",
        "largest difference": f"{np.abs(ours - theirs).max():g} spikes",
        "accuracy": f"{(theirs.argmax(axis=1) == labels).mean():.1%}",
    }


if __name__ == "__main__":
    main()
