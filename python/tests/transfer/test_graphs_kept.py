"""Checkpoints of graphs: the lists are views, what does not fit is refused, version 2 is written where it must be."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeport import LayerNode, SNNGraph
from spikeport.errors import KernelError
from spikeport.neuron import Neuron
from spikeport.operations import Add, Conv, Linear, MaxPool
from spikeport.transfer import (
    CheckpointError,
    SNNCheckpoint,
    TransferConfig,
    apply_transfer_config,
    finetune_step,
    load_checkpoint,
    save_checkpoint,
)
from spikeport.transfer.held.neurons import neuron_from_rows, neuron_rows

IF = Neuron("IF", v_init=0.5)


def made(seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.normal(size=shape).astype(dtype)

    return SNNGraph(
        [
            LayerNode.of("conv", Conv(draw(3, 1, 3, 3), draw(3), padding=1), Neuron("IF", [1.0, 2.0, 0.5], 0.5)),
            LayerNode.of("same", Conv(draw(3, 3, 1, 1))),
            LayerNode.of("join", Add(), IF, inputs=["same", "conv"]),
            LayerNode.of("pool", MaxPool(2)),
            LayerNode.of("out", Linear(draw(2, 12), draw(2)), IF),
        ],
        input_shape=(1, 4, 4),
    )


@pytest.mark.parametrize("suffix", ["", ".safetensors"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_graph_comes_back_and_runs_as_before(tmp_path, suffix, dtype):
    graph = made(dtype=dtype)
    path = f"{tmp_path / 'g'}{suffix}"
    save_checkpoint(SNNCheckpoint.from_graph(graph, {"T": 9}, ["conv"]), path)
    back = load_checkpoint(path)
    assert back.frozen_layers == ["conv"] and back.metadata == {"T": 9}
    x = np.random.default_rng(1).random((3, 1, 4, 4))
    first, second = graph.run(x, T=9), back.to_graph().run(x, T=9)
    assert all(np.array_equal(a, b) for a, b in zip(first.counts, second.counts, strict=True))
    again = f"{tmp_path / 'again'}{suffix}"
    save_checkpoint(back, again)
    files = [name for name in ("g.npz", "g.json", "g.safetensors") if (tmp_path / name).exists()]
    for name in files:
        assert (tmp_path / name).read_bytes() == (tmp_path / name.replace("g", "again", 1)).read_bytes()


@st.composite
def parameters(draw, least, most, n=3):
    """One number, the same for each of n neurons, or one for each."""
    values = st.floats(least, most)
    one = draw(values)
    return draw(st.sampled_from([one, [one] * n, draw(st.lists(values, min_size=n, max_size=n))]))


@st.composite
def neurons(draw):
    kind = draw(st.sampled_from(["IF", "LIF", "ST-BIF", "identity"]))
    leak = {"beta": draw(parameters(0, 1))} if kind == "LIF" else {}
    reset = draw(st.none() | parameters(-2, 0)) if kind in ("IF", "LIF") else None
    return Neuron(kind, draw(parameters(0.5, 4)), draw(parameters(-1, 1)), reset, **leak)


@given(neurons(), st.booleans())
def test_a_graph_equals_what_comes_back_however_its_parameters_are_spelled(tmp_path_factory, neuron, is_chain):
    operation = Linear(np.ones((3, 4)), None) if is_chain else Conv(np.ones((3, 4, 1, 1)), None)
    graph = SNNGraph([LayerNode.of("a", operation, neuron)], None if is_chain else (4, 2, 2))
    folder = tmp_path_factory.mktemp("spelled")
    save_checkpoint(SNNCheckpoint.from_graph(graph), folder / "a")
    back = load_checkpoint(folder / "a")
    assert back.to_graph() == graph and back == SNNCheckpoint.from_graph(graph)
    save_checkpoint(back, folder / "b")
    assert (folder / "a.npz").read_bytes() == (folder / "b.npz").read_bytes()
    save_checkpoint(SNNCheckpoint.from_graph(back.to_graph()), folder / "c")
    assert (folder / "a.npz").read_bytes() == (folder / "c.npz").read_bytes()


def test_what_all_channels_have_alike_comes_back_as_one_number():
    back = SNNCheckpoint.from_graph(made()).to_graph()
    rows = neuron_rows(back["conv"].neuron, 3, version=2)
    assert (back["conv"].neuron.v_init, back["conv"].neuron.beta) == (0.5, 1.0) and rows.shape == (8, 3)
    loaded = neuron_from_rows("IF", rows)
    assert (loaded.v_init, loaded.beta) == (0.5, 1.0) and list(loaded.threshold) == [1.0, 2.0, 0.5]
    assert neuron_from_rows("IF", np.repeat(rows[:, :1], 3, axis=1)).threshold.shape == (3,)  # (8, 1) are other bytes


def test_one_number_is_the_same_as_that_number_for_each_neuron():
    assert Neuron("IF", 2.0) == Neuron("IF", [2.0, 2.0]) == Neuron("IF", 2.0, [0.0, 0.0])
    for other in (
        Neuron("IF", [2.0, 3.0]),
        Neuron("LIF", 2.0),
        Neuron("IF", 2.0, v_reset=0.0),
        Neuron("IF", [1.0, 1.0]),
    ):
        assert other != Neuron("IF", 2.0)
    assert Neuron("IF", [2.0, 2.0]) != Neuron("IF", [2.0, 2.0, 2.0])


def test_version_2_is_written_only_where_version_1_cannot_hold_it(tmp_path):
    chain = SNNGraph([LayerNode.of("a", Linear(np.eye(2)), IF), LayerNode.of("b", Linear(np.eye(2)), IF, ["a"])])
    for name, graph, version in (("chain", chain, 1), ("graph", made(), 2)):
        save_checkpoint(SNNCheckpoint.from_graph(graph), tmp_path / name)
        assert json.loads((tmp_path / f"{name}.json").read_text("utf-8"))["version"] == version


def test_the_lists_are_views_of_the_graph():
    checkpoint = SNNCheckpoint.from_graph(made())
    assert checkpoint.weights[2] is None and checkpoint.layer_sizes[2] == (96, 48)
    checkpoint.weights[0] = np.zeros((3, 1, 3, 3), np.float32)
    checkpoint.biases[4][:] = 7
    checkpoint.neurons[2] = Neuron("LIF", beta=0.5)
    checkpoint.layer_names[0] = "first"
    graph = checkpoint.to_graph()
    assert not graph["first"].weights.any() and graph["out"].bias.tolist() == [7, 7]
    assert graph["join"].neuron_type == "LIF" and [layer.name for layer in graph.sources("join")] == ["same", "first"]


REFUSED = {
    "a weight of another shape": ("shape", lambda c: c.weights.__setitem__(0, np.zeros((4, 1, 3, 3), np.float32))),
    "a weight for a pool": ("shape", lambda c: c.weights.__setitem__(3, np.zeros((4, 4), np.float32))),
    "no weight for a convolution": ("shape", lambda c: c.weights.__setitem__(0, None)),
    "a bias for each pixel": ("shape", lambda c: c.biases.__setitem__(0, np.zeros(48, np.float32))),
    "another type": ("dtype", lambda c: c.weights.__setitem__(0, np.zeros((3, 1, 3, 3)))),
    "a threshold for each pixel": ("shape", lambda c: c.neurons.__setitem__(2, Neuron("IF", np.ones(48)))),
    "another size": ("shape", lambda c: c.layer_sizes.__setitem__(0, (16, 47))),
    "a name twice": ("sidecar_schema", lambda c: c.layer_names.__setitem__(0, "out")),
    "a label that is not the neuron's": ("neuron", lambda c: c.neuron_types.__setitem__(0, "LIF")),
    "another structure": ("sidecar_schema", lambda c: setattr(c, "structure", None)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_assignment_that_does_not_fit_is_refused_and_changes_nothing(case):
    code, change = REFUSED[case]
    checkpoint, before = SNNCheckpoint.from_graph(made()), SNNCheckpoint.from_graph(made())
    with pytest.raises(CheckpointError) as caught:
        change(checkpoint)
    assert caught.value.code == code and checkpoint == before


def test_fine_tuning_passes_over_nodes_without_weights():
    checkpoint, rates = apply_transfer_config(SNNCheckpoint.from_graph(made()), TransferConfig("conv", 0.5, 0.25))
    gradients = [None if w is None else np.ones_like(w) for w in checkpoint.weights]
    tuned, velocities = finetune_step(checkpoint, gradients, rates)
    assert np.array_equal(tuned.weights[0], checkpoint.weights[0])
    assert np.array_equal(tuned.weights[1], checkpoint.weights[1] - np.float32(0.5))
    assert np.array_equal(tuned.weights[4], checkpoint.weights[4] - np.float32(0.25))
    assert [u is None for u in velocities] == [False, False, True, True, False]
    with pytest.raises(KernelError):
        finetune_step(checkpoint, gradients[:3], rates)


def test_a_chain_that_was_made_a_graph_is_not_saved_as_what_it_was(tmp_path):
    checkpoint = SNNCheckpoint.from_graph(SNNGraph([LayerNode.of("a", Linear(np.eye(4)), IF)]))
    checkpoint.graph.layers.append(LayerNode.of("b", Add(), IF, inputs=["a", "input"]))
    with pytest.raises(CheckpointError) as caught:
        save_checkpoint(checkpoint, tmp_path / "c")
    assert caught.value.code == "layer_chain" and list(tmp_path.iterdir()) == []
