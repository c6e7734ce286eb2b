"""What NIR cannot say is refused by name and place; the plain form is written on request alone, and measured."""

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="NIR is not installed: pip install 'spikeport[nir]'")

from spikeport import GraphError, LayerNode, Neuron, SNNGraph  # noqa: E402
from spikeport.interop.nir import certificate_in, compared, from_nir, load_nir, run_nir, save_nir, to_nir  # noqa: E402
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool  # noqa: E402

EYE = np.eye(4)


def graph_with(operation, inputs=(), shape=(2, 4, 4)):
    first = LayerNode.of("first", Conv(np.ones((shape[0], shape[0], *(1,) * (len(shape) - 1)))))
    return SNNGraph([first, LayerNode.of("there", operation, inputs=inputs)], shape)


def layer(neuron, dtype=np.float64):
    return SNNGraph([LayerNode.of("there", Linear(EYE.astype(dtype)), neuron)], (4,))


REFUSED = {
    "max pooling": (graph_with(MaxPool(2)), "operation", "there: NIR has no node for max_pool"),
    "concat": (graph_with(Concat(), inputs=["first", "input"]), "operation", "there: NIR has no node for concat"),
    "pools over one axis": (graph_with(AvgPool((2,)), shape=(2, 4)), "operation", "there: NIR pools over two axes"),
    "a signal twice": (graph_with(Add(), inputs=["first", "first"]), "inputs", "there reads a signal twice"),
    "ST-BIF": (layer(Neuron("ST-BIF")), "neuron_kind", "there: NIR has no neuron with a tracer"),
    "several spikes": (layer(Neuron("IF", max_spikes=4)), "max_spikes", "there: .* not max_spikes=4"),
    "integers": (layer(Neuron("IF"), np.int8), "dtype", "there: NIR computes in floats"),
    "a leak that starts elsewhere": (layer(Neuron("LIF", beta=0.5, v_init=0.5)), "v_init", "there: .* start at 0"),
    "a hard reset that its start rounds": (
        layer(Neuron("IF", threshold=1.0, v_init=0.5, v_reset=1e-20)),
        "not_exact",
        "there: v_reset - v_init·threshold of 1e-20 and 0.5",
    ),
    "a start that rounds": (
        layer(Neuron("IF", threshold=1.0, v_init=1e-20)),
        "not_exact",
        "there: threshold - v_init·threshold of 1.0 and 1e-20",
    ),
    "a leak without a time constant": (layer(Neuron("LIF", beta=0.1)), "not_exact", "there: beta .*0.1"),
    "a leak beside none": (layer(Neuron("LIF", beta=[1, 1, 1, 0.5])), "not_exact", "there: a beta of 1 beside others"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nir_cannot_say_is_refused_by_name(case):
    graph, code, message = REFUSED[case]
    with pytest.raises(GraphError, match=message) as refused:
        to_nir(graph)
    assert refused.value.code == code


def test_names_that_a_file_takes_for_paths_are_refused():
    with pytest.raises(GraphError, match="'a/b': names are paths"):
        to_nir(SNNGraph([LayerNode("a/b", 4, 4, EYE)]))


def test_the_nearest_number_is_written_on_request():
    graph = layer(Neuron("LIF", beta=0.1))
    written = to_nir(graph, exact=False)
    assert 1 - 1 / written.nodes["there.membrane"].tau[0] == pytest.approx(0.1)
    assert from_nir(written) == graph


def soft_network(seed=5):
    draws = np.random.default_rng(seed)
    hidden = LayerNode("hidden", 8, 12, draws.integers(-8, 9, (12, 8)) / 8, "IF", v_init=0.5)
    return SNNGraph([hidden, LayerNode("out", 12, 3, draws.integers(-8, 9, (3, 12)) / 8, "IF", v_init=0.5)])


def test_the_plain_form_needs_samples_and_keeps_what_they_showed(tmp_path):
    graph, x = soft_network(), np.random.default_rng(0).integers(0, 9, (40, 8)) / 8
    with pytest.raises(GraphError, match="give samples") as refused:
        to_nir(graph, reset="plain")
    assert refused.value.code == "samples"
    written = to_nir(graph, reset="plain", samples=x, T=16)
    assert [type(written.nodes[f"{name}.neuron"]).__name__ for name in ("hidden", "out")] == ["IF", "IF"]
    save_nir(written, tmp_path / "plain.nir")
    back = load_nir(tmp_path / "plain.nir")
    certificate = certificate_in(back)
    ran = graph.run(x, T=16, backend="reference").counts[-1]
    theirs = run_nir(back, np.broadcast_to(x, (16, *x.shape))).sum(axis=0)
    assert (certificate.level, certificate.samples) == ("measured", 40)
    assert certificate.agreement == (ran.argmax(axis=1) == theirs.argmax(axis=1)).mean()
    assert certificate.largest_difference == np.abs(ran - theirs).max() / 16 > 0
    assert from_nir(back)["hidden"].neuron == Neuron("IF", v_reset=0.0)  # what the file says, not what it was made of


def test_a_hard_reset_is_itself_in_the_plain_form():
    graph = layer(Neuron("IF", v_reset=0.0))
    written = to_nir(graph, reset="plain")
    assert certificate_in(written) is None
    assert from_nir(written) == graph


def test_the_feedback_form_agrees_on_every_sample():
    graph, x = soft_network(), np.random.default_rng(0).integers(0, 9, (40, 8)) / 8
    certificate = compared(graph, to_nir(graph), x, T=16)
    assert (certificate.agreement, certificate.largest_difference) == (1.0, 0.0)


def test_another_word_for_the_reset_is_refused():
    with pytest.raises(GraphError, match="'soft' is not one of feedback, plain"):
        to_nir(soft_network(), reset="soft")
