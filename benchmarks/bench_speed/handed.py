"""A trained network, converted, as files that every side of a job reads."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.bench_conversion.trained import trained
from benchmarks.bench_integers import as_type
from spikeport.conversion import ConversionWarning, convert
from spikeport.graph import SNNGraph
from spikeport.integers import quantize
from spikeport.transfer import SNNCheckpoint, save_checkpoint

Array = npt.NDArray[Any]
CONVERTED_FOR = 32


def hand_over(name: str, samples: int, folder: Path) -> dict[str, Any]:
    """Write the network ``name`` of `benchmarks.bench_conversion` to ``folder`` and return what is known of it.

    ``float32`` and ``int8`` (checkpoints), ``x.npy`` and ``x_whole.npy`` (samples, and as whole numbers), and
    ``trained.npz`` (the trained network's arrays and calibration data); of linear layers ``mlp.bin``, which the C
    program reads.
    """
    net = trained(name, 0, 512, samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConversionWarning)
        graph = as_type(convert(net.model, net.calibration, T=CONVERTED_FOR, percentile=99.9).graph, np.float32)
    whole = quantize(graph, 8, net.calibration, CONVERTED_FOR)
    save_checkpoint(SNNCheckpoint.from_graph(graph), folder / "float32")
    save_checkpoint(SNNCheckpoint.from_graph(whole.graph), folder / "int8")
    x, x_whole = net.x.astype(np.float32), whole.whole(net.x)
    np.save(folder / "x.npy", x)
    np.save(folder / "x_whole.npy", x_whole)
    arrays = {f"model/{key}": value.numpy() for key, value in net.model.state_dict().items()}
    np.savez(folder / "trained.npz", calibration=net.calibration, **arrays)
    if name.endswith("MLP"):
        write_mlp(folder / "mlp.bin", graph, whole.graph, x, x_whole)
    run = graph.run(x[:16], T=CONVERTED_FOR, record=True)
    density = [float(spikes.mean()) for spikes in run.spikes or []]
    return {"spikes of a neuron and step, by layer": [round(one, 4) for one in density], "samples": len(x)}


def write_mlp(path: Path, graph: SNNGraph, whole: SNNGraph, x: Array, x_whole: Array) -> None:
    """Write linear layers of both kinds and their samples in the order that ``limits/main.c`` reads.

    Layers are filled up to a multiple of 32 neurons with such as never fire.
    """
    widths = [graph.n_inputs, *(-(-layer.n_neurons // 32) * 32 for layer in graph)]
    parts = [struct.pack(f"<{len(widths) + 1}i", len(graph), *widths)]
    for k, (layer, integers) in enumerate(zip(graph, whole, strict=True)):
        missing = widths[k + 1] - layer.n_neurons
        for one, weight, wide in ((layer, np.float32, np.float32), (integers, np.int16, np.int32)):
            rows = np.zeros((widths[k], widths[k + 1]), weight)
            rows[: one.n_inputs, : one.n_neurons] = one.weights.T
            bias = np.zeros(one.n_neurons) if one.bias is None else one.bias
            threshold = np.broadcast_to(np.asarray(one.threshold), one.n_neurons)
            parts += [rows.tobytes(), np.pad(bias, (0, missing)).astype(wide).tobytes()]
            parts += [np.pad(threshold, (0, missing), constant_values=2).astype(wide).tobytes()]
    parts += [struct.pack("<2i", graph.n_outputs, len(x)), x.astype("<f4").tobytes(), x_whole.astype("<i4").tobytes()]
    path.write_bytes(b"".join(parts))
