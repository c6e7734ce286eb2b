"""NIR graphs that we write, read and run by other tools: who reads which form, and with whose answers.

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
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.result import ROOT, run_in, write_result
from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.conversion import convert
from spikeport.demo.digits import Recipe, load_digits, trained_network
from spikeport.interop import run_nir, save_nir, to_nir

PEERS = os.environ.get("SPIKEPORT_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
NIR = ROOT / "build" / "nir"
T = 32
RECIPE = Recipe(widths=(64, 128, 10), epochs=20)
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
        title=f"A network of 64→128→10 digits as NIR graphs, run by others: {len(x)} samples, T = {T}",
        command="python -m benchmarks.bench_nir",
        measurements=[],
        versions=result["versions"],
        facts={"answers": rows},
    )
    for one in rows:
        print(" | ".join(map(str, one.values())))
    print(path.name)


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
