"""A timed run of a network (SPEC.md, section 6, Timing) is fed the same in every language, floats and integers."""

import numpy as np

from conformance.languages import PATIENCE, converse
from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.operations import Conv, Linear
from spikeport.transfer import SNNCheckpoint, save_checkpoint

SAMPLES = 3


def networks():
    rng = np.random.default_rng(0)
    W1, W2 = rng.integers(-9, 10, (4, 2, 3, 3)), rng.integers(-9, 10, (5, 4 * 36))
    for name, dtype, unit in (("floats", np.float64, 16.0), ("int8", np.int8, 1), ("int16", np.int16, 1)):
        neuron = Neuron("IF", threshold=40 / unit, v_init=0.5)
        layers = [
            LayerNode.of("conv", Conv((W1).astype(dtype), padding=1), neuron),
            LayerNode.of("out", Linear(W2.astype(dtype)), Neuron("IF", threshold=40, v_init=0.5)),
        ]
        yield name, SNNGraph(layers, (2, 6, 6)), unit


def test_a_timed_run_counts_what_the_reference_counts(language, tmp_path):
    lines, expected = [], []
    for number, (name, graph, unit) in enumerate(networks()):
        save_checkpoint(SNNCheckpoint.from_graph(graph), tmp_path / name)
        lines.append(f"{number} bench kernel=network.run size={SAMPLES} repeats=1 checkpoint={tmp_path / name}")
        values = 3 * np.arange(SAMPLES * graph.n_inputs) % 17 / unit
        given = values if name == "floats" else values.astype(int)
        run = graph.run(given.reshape(SAMPLES, 2, 6, 6), T=16, backend="reference")
        expected.append(int(run.counts[-1].sum()))
    replies, end = converse(language, lines, tmp_path, timeout=PATIENCE)
    said = [float(dict(word.split("=") for word in reply.split()[1:])["check"]) for reply in replies]
    assert end == "" and said == expected and len(set(expected)) == 1 and expected[0] > 0
