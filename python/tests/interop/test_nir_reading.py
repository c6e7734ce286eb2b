"""NIR graphs that others write: read with their firing rule, or refused by name and place."""

import itertools

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="NIR is not installed: pip install 'spikeport[nir]'")

from spikeport import GraphError, Neuron  # noqa: E402
from spikeport.interop.nir import from_nir, load_nir, run_nir, signals_of  # noqa: E402

ONES = np.ones(3)
EYE = np.eye(3)


def chain(*nodes, shape=(3,), out=(3,)):
    """Nodes a, b, … one after the other."""
    names = "abcdefgh"[: len(nodes)]
    ends = {"in": nir.Input(input_type={"input": np.array(shape)}), "out": nir.Output(output_type={"output": out})}
    whole = dict(zip(names, nodes, strict=True))
    way = ["in", *names, "out"]
    edges = list(itertools.pairwise(way))
    return nir.NIRGraph(nodes=ends | whole, edges=edges, metadata={}, type_check=False)


def linear(weight=EYE):
    return nir.Linear(weight=weight)


def test_a_hard_reset_fires_above_the_threshold_and_not_at_it():
    graph = chain(linear(), nir.IF(r=ONES, v_threshold=ONES, v_reset=0 * ONES))
    read = from_nir(graph)
    assert read["a"].neuron == Neuron("IF", threshold=np.nextafter(1.0, 2), v_reset=0.0)
    x = np.array([[1.0, 0.5, 1.5]])
    theirs = run_nir(graph, np.broadcast_to(x, (4, 1, 3)))
    assert theirs[:, 0].tolist() == [[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 0, 1]]
    assert np.array_equal(read.run(x, T=4, record=True, backend="reference").spikes[0], theirs)


@pytest.mark.parametrize(("dt", "r"), [(1.0, 4.0), (0.5, 2.0), (1.0, 1.0)])
def test_time_constants_become_beta(dt, r):
    node = nir.LIF(tau=4 * ONES, r=r * ONES, v_leak=0 * ONES, v_threshold=ONES, v_reset=-ONES)
    graph = chain(linear(), node)
    read = from_nir(graph, dt=dt)
    assert read["a"].neuron.beta == 1 - dt / 4
    x = np.random.default_rng(0).integers(-8, 17, (20, 3)) / 4
    ours = read.run(x, T=10, record=True, backend="reference").spikes[0]
    assert np.array_equal(ours, run_nir(graph, np.broadcast_to(x, (10, *x.shape)), dt=dt))
    assert 0 < ours.mean() < 1


def test_a_gain_that_is_no_power_of_two_is_refused_or_rounded():
    graph = chain(linear(), nir.IF(r=3 * ONES, v_threshold=ONES, v_reset=0 * ONES))
    with pytest.raises(GraphError, match=r"b: v_threshold / .the gain of the input.") as refused:
        from_nir(graph)
    assert refused.value.code == "not_exact"
    assert from_nir(graph, exact=False)["a"].threshold == pytest.approx(1 / 3)


def test_several_edges_into_a_node_are_added_before_it():
    graph = chain(linear(), linear(2 * EYE), linear(), nir.IF(r=ONES, v_threshold=ONES, v_reset=0 * ONES))
    graph.edges.append(("a", "c"))
    graph.edges.append(("in", "d"))
    read = from_nir(graph)
    assert read.edges == [
        ("input", "a"),
        ("a", "b"),
        ("b", "c.sum"),
        ("a", "c.sum"),
        ("c.sum", "c"),
        ("c", "d"),
        ("input", "d"),
    ]
    assert [layer.operation.kind for layer in read] == ["linear", "linear", "add", "linear", "add"]
    x = np.array([[0.25, 0.5, 1.0]])
    assert np.array_equal(
        read.run(x, T=3, record=True, backend="reference").spikes[-1], run_nir(graph, np.broadcast_to(x, (3, 1, 3)))
    )


def test_a_scale_goes_into_the_weights_before_it():
    affine = nir.Affine(weight=EYE, bias=ONES)
    graph = chain(affine, nir.Scale(scale=np.array([2.0, -4.0, 0.5])), nir.Threshold(threshold=ONES))
    read = from_nir(graph)
    assert len(read) == 1
    assert np.array_equal(read["a"].weights, np.diag([2.0, -4.0, 0.5]))
    assert read["a"].bias.tolist() == [2.0, -4.0, 0.5]
    x = np.array([[0.0, -1.0, 1.0], [-0.5, 2.0, 1.5]])
    assert np.array_equal(
        read.run(x, T=2, record=True, backend="reference").spikes[0], run_nir(graph, np.broadcast_to(x, (2, 2, 3)))
    )


def test_a_nested_graph_is_opened():
    inner = chain(linear(), nir.IF(r=ONES, v_threshold=ONES, v_reset=0 * ONES))
    graph = chain(linear(2 * EYE), inner, linear(0.5 * EYE))
    read = from_nir(graph)
    assert [layer.name for layer in read] == ["a", "b.a", "c"]
    x = np.array([[1.0, 0.25, 0.0]])
    run = read.run(x, T=3, record=True, backend="reference")
    signals = signals_of(graph, np.broadcast_to(x, (3, 1, 3)))
    assert np.array_equal(run.spikes[1], signals["b.b"])
    assert np.allclose(run.drive, signals["out"].sum(axis=0))


def test_neurons_on_the_input_get_an_operation_that_passes_it_on():
    vector = from_nir(chain(nir.Threshold(threshold=ONES), linear()))
    assert vector["a"].operation.kind == "linear"
    images = np.ones((2, 3, 3))
    image = from_nir(chain(nir.IF(r=images, v_threshold=images, v_reset=0 * images), shape=(2, 3, 3), out=(2, 3, 3)))
    assert image["a"].operation.kind == "sum_pool"
    assert image.run(np.full((1, 2, 3, 3), 1.5), T=2, backend="reference").counts[0].sum() == 2 * 18


def test_same_padding_and_strides_are_numbers():
    weight = np.ones((1, 1, 3, 5))
    conv = nir.Conv2d((6, 6), weight, 1, "same", 1, 1, np.zeros(1))
    assert from_nir(chain(conv, shape=(1, 6, 6), out=(1, 6, 6)))["a"].operation.padding == (1, 2)


def test_a_circle_of_others_runs_but_is_no_network_here():
    graph = chain(linear(), nir.IF(r=ONES, v_threshold=ONES, v_reset=0 * ONES))
    graph.nodes["back"] = linear(EYE)
    graph.edges += [("b", "back"), ("back", "b")]
    spikes = run_nir(graph, np.full((4, 1, 3), 0.75))[:, 0, 0]
    assert spikes.tolist() == [0, 1, 1, 1]  # 0.75, 1.5 and then always 0.75 + the spike of the step before
    with pytest.raises(GraphError, match="closes a circle that is no soft reset"):
        from_nir(graph)


def test_currents_with_a_state_run_by_eulers_rule():
    half = np.full(3, 2.0)
    node = nir.CubaLIF(
        tau_syn=half, tau_mem=half, r=half, v_leak=0 * ONES, v_threshold=ONES, v_reset=0 * ONES, w_in=half
    )
    spikes = run_nir(chain(linear(), node), np.ones((4, 1, 3)))[:, 0, 0]
    assert spikes.tolist() == [0, 1, 1, 1]  # currents 1, 1.5, 1.75, 1.875; membranes 1, 2, 1.75, 1.875


def circle(membrane, threshold, *way):
    """A membrane c that fires by d, and what leads from there back to it."""
    graph = chain(linear(), linear(2 * EYE), membrane, threshold)
    names = [f"back {k}" for k in range(len(way))]
    graph.nodes |= dict(zip(names, way, strict=True))
    graph.edges += list(itertools.pairwise(["d", *names, "c"]))
    return graph


BELOW = np.nextafter(2 * ONES, 0)
CIRCLES = {
    "scale first": circle(nir.I(r=ONES), nir.Threshold(threshold=BELOW), nir.Scale(-2 * ONES), nir.Delay(ONES)),
    "delay first": circle(nir.I(r=ONES), nir.Threshold(threshold=BELOW), nir.Delay(ONES), nir.Scale(-2 * ONES)),
    "without a delay": circle(nir.I(r=ONES), nir.Threshold(threshold=BELOW), nir.Scale(-2 * ONES)),
    "with a gain": circle(nir.I(r=2 * ONES), nir.Threshold(threshold=BELOW), nir.Scale(-ONES), nir.Delay(ONES)),
}


@pytest.mark.parametrize("case", CIRCLES)
def test_circles_of_others_are_soft_resets(case):
    graph = CIRCLES[case]
    read = from_nir(graph)
    assert read["b"].neuron == Neuron("IF", threshold=1.0 if case == "with a gain" else 2.0)
    x = np.random.default_rng(0).integers(-4, 9, (20, 3)) / 8
    ours = read.run(x, T=12, record=True, backend="reference").spikes[-1]
    assert np.array_equal(ours, run_nir(graph, np.broadcast_to(x, (12, *x.shape))))
    assert 0 < ours.mean() < 1


def test_a_circle_that_is_two_steps_late_is_none():
    graph = circle(nir.I(r=ONES), nir.Threshold(threshold=BELOW), nir.Scale(-2 * ONES), nir.Delay(2 * ONES))
    with pytest.raises(GraphError, match="closes a circle that is no soft reset"):
        from_nir(graph)
    spikes = run_nir(graph, np.full((7, 1, 3), 0.25))[:, 0, 0]
    assert spikes.tolist() == [0, 0, 0, 1, 1, 0, 0]  # membranes 0.5, 1, 1.5, 2, 2.5, then 3 - 2 and 1.5 - 2


def test_delays_of_each_value_are_its_own():
    graph = chain(linear(), nir.Delay(delay=np.array([1.0, 2.0, 0.5])))
    x = np.arange(1.0, 13).reshape(4, 1, 3)
    late = run_nir(graph, x, dt=0.5)[:, 0]
    assert late.T.tolist() == [[0, 0, 1, 4], [0, 0, 0, 0], [0, 3, 6, 9]]
    with pytest.raises(GraphError, match="no whole number of steps"):
        run_nir(graph, x, dt=0.75)


def test_a_leak_goes_to_where_it_leaks():
    leaking = nir.LI(tau=2 * ONES, r=ONES, v_leak=4 * ONES)
    assert run_nir(chain(leaking), np.zeros((3, 1, 3)))[:, 0, 0].tolist() == [2, 3, 3.5]


def test_what_is_fed_has_the_shape_of_the_input():
    for shape in ((4, 1, 2), (0, 1, 3), (3,)):
        with pytest.raises(GraphError, match=r"give \(T, batch, 3\)"):
            run_nir(chain(linear()), np.zeros(shape))


IMAGE = np.ones((2, 3, 3))
UNLIKE = np.arange(1.0, 19).reshape(2, 3, 3)
CONV = nir.Conv2d((3, 3), np.ones((2, 2, 1, 1)), 1, 0, 1, 1, np.zeros(2))
REFUSED = {
    "a membrane that does not fire": (
        chain(linear(), nir.I(r=ONES)),
        "operation",
        "^b: I has no form here: a membrane",
    ),
    "a current with a state": (
        chain(nir.CubaLIF(ONES, ONES, ONES, ONES, ONES, ONES)),
        "operation",
        "^a: CubaLIF has no form here: its current",
    ),
    "a delay": (chain(linear(), nir.Delay(delay=ONES)), "operation", "^b: Delay has no form here"),
    "a leak to elsewhere": (
        chain(linear(), nir.LIF(ONES * 2, ONES * 2, ONES, v_threshold=ONES, v_reset=0 * ONES)),
        "beta",
        "^b: v_leak 1.0 is not 0",
    ),
    "a time constant below a step": (
        chain(linear(), nir.LIF(ONES / 2, ONES / 2, 0 * ONES, v_threshold=ONES, v_reset=0 * ONES)),
        "beta",
        "^b: in steps of dt=1.0",
    ),
    "a threshold for each place": (
        chain(CONV, nir.IF(r=IMAGE, v_threshold=UNLIKE, v_reset=0 * IMAGE), shape=(2, 3, 3), out=(2, 3, 3)),
        "shape",
        "^b: v_threshold differs within a channel",
    ),
    "a scale without weights": (
        chain(nir.Threshold(threshold=ONES), nir.Scale(scale=2 * ONES), linear()),
        "operation",
        "^b: a Scale goes into the weights",
    ),
    "a scale that rounds": (
        chain(linear(EYE / 3), nir.Scale(scale=3 * ONES)),
        "not_exact",
        "^b: scale·weight",
    ),
    "a threshold of zero and below": (
        chain(linear(), nir.IF(r=ONES, v_threshold=-ONES, v_reset=-2 * ONES)),
        "threshold",
        "^b: threshold .* is not above 0",
    ),
    "a reset at the threshold": (
        chain(linear(), nir.IF(r=ONES, v_threshold=ONES, v_reset=2 * ONES)),
        "v_reset",
        "^b: v_reset 2.0 is not below",
    ),
    "weights of more axes": (chain(nir.Linear(weight=np.ones((2, 3, 3))), out=(2, 3)), "shape", r"^a \(Linear\)"),
    "shapes that do not fit": (chain(linear(np.ones((2, 4))), out=(2,)), "shape", r"^a \(Linear\): .* takes 4"),
    "an empty network": (chain(), "inputs", "^in does not lead to out"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_form_here_is_refused_by_name(case):
    graph, code, message = REFUSED[case]
    with pytest.raises(GraphError, match=message) as refused:
        from_nir(graph)
    assert refused.value.code == code


def test_what_leads_nowhere_is_refused():
    graph = chain(linear(), linear())
    graph.nodes["astray"] = linear()
    graph.edges.append(("b", "astray"))
    with pytest.raises(GraphError, match="astray does not lead to out"):
        from_nir(graph)


def test_two_inputs_are_refused():
    graph = chain(linear())
    graph.nodes["other"] = nir.Input(input_type={"input": np.array([3])})
    graph.edges.append(("other", "a"))
    with pytest.raises(GraphError, match=r"the graph has 2 nodes Input \(in, other\)"):
        from_nir(graph)


def test_a_soft_reset_by_another_amount_is_refused_where_the_membrane_leaks():
    graph = chain(linear(), nir.LI(tau=2 * ONES, r=2 * ONES, v_leak=0 * ONES), nir.Threshold(threshold=ONES))
    graph.nodes |= {"back": nir.Scale(scale=-ONES), "late": nir.Delay(delay=ONES)}
    graph.edges += [("c", "back"), ("back", "late"), ("late", "b")]
    with pytest.raises(GraphError, match=r"c: a spike takes 1\.0 off the next membrane, not β·θ"):
        from_nir(graph)


def test_a_file_that_is_none_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "other.nir", "w") as file:
        file["something"] = 1
    with pytest.raises(GraphError, match="holds no NIR graph"):
        load_nir(tmp_path / "other.nir")
    with pytest.raises(OSError, match="no_such"):
        load_nir(tmp_path / "no_such.nir")
