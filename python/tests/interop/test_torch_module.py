"""A graph as a torch module: the same spikes, gradients, a state dict by the layers' names, and the same graph back."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'spikeport[torch]'")

from snn_optimizer.random_graphs import random_graph  # noqa: E402

from spikeport import GraphError, LayerNode, Neuron, SNNGraph  # noqa: E402
from spikeport.errors import KernelError  # noqa: E402
from spikeport.interop.torch import Arctan, FastSigmoid, from_torch, to_torch  # noqa: E402
from spikeport.operations import Add, Concat, Conv, Linear, MaxPool, SumPool  # noqa: E402

SEEDS = st.integers(0, 2**32 - 1)
T = 6


def in_type(graph, dtype):
    """The same graph with weights of another type."""
    layers = []
    for layer in graph:
        arrays = {name: array.astype(dtype) for name, array in layer.operation.arrays().items()}
        operation = layer.operation.with_arrays(arrays) if arrays else layer.operation
        layers.append(LayerNode.of(layer.name, operation, layer.neuron, layer.inputs))
    return SNNGraph(layers, graph.input_shape)


def reference(graph, x, encoding):
    return graph.run(x, T=T, encoding=encoding, seed=3, record=True, backend="reference")


def same(ran, other):
    parts = [(ran.drive, other.drive), *zip(ran.membrane, other.membrane, strict=True)]
    return all(np.array_equal(a, b) for a, b in parts)


def numbers(tensor):
    return tensor.detach().numpy()


def residual(seed=0, v_reset=None, max_spikes=1, dtype=np.float64):
    """Convolutions, pools, a sum, two things side by side, a readout; names with dots, one the beginning of another."""
    draws = np.random.default_rng(seed)

    def weights(*shape):
        return (draws.integers(-8, 9, shape) / 16).astype(dtype)

    def fires(**how):
        return Neuron("IF", v_init=0.5, v_reset=v_reset, max_spikes=max_spikes, **how)

    layers = [
        LayerNode.of("stem", Conv(weights(3, 1, 3, 3), weights(3), padding=1), fires(threshold=[0.5, 1.0, 2.0])),
        LayerNode.of("stem.conv", Conv(weights(3, 3, 3, 1), padding=(1, 0)), fires(threshold=0.5)),
        LayerNode.of("join", Add(), fires(), ["stem", "stem.conv"]),
        LayerNode.of("run", MaxPool(2), inputs=["join"]),
        LayerNode.of("pool.sum", SumPool(2), inputs=["join"]),
        LayerNode.of("wide", Concat(), inputs=["run", "pool.sum"]),
        LayerNode.of("out", Linear(weights(4, 96), weights(4))),
    ]
    return SNNGraph(layers, (1, 8, 8))


def images(seed=1, batch=5):
    return np.random.default_rng(seed).integers(0, 9, (batch, 1, 8, 8)) / 8


@settings(max_examples=60)
@given(SEEDS, st.sampled_from(["current", "poisson", "pulse", "spikes"]))
def test_a_module_has_the_spikes_of_its_graph(seed, encoding):
    graph = random_graph(seed)
    steps = (T,) if encoding == "spikes" else ()
    x = np.random.default_rng(seed).integers(0, 9, (*steps, 3, *graph.input_shape)) / 8
    ran = reference(graph, x, encoding)
    assume(all(same(ran, reference(in_type(graph, dtype), x, encoding)) for dtype in (np.float32, np.float64)))
    run = to_torch(graph).run(torch.tensor(x), T=T, encoding=encoding, seed=3)  # where no sum is rounded
    for k, layer in enumerate(graph):
        assert np.array_equal(numbers(run.spikes[layer.name]), ran.spikes[k]), layer
        assert np.array_equal(numbers(run.counts[layer.name]), ran.counts[k]), layer
        assert np.array_equal(numbers(run.membrane[layer.name]), ran.membrane[k]), layer
    assert np.array_equal(numbers(run.drive), ran.drive)


@settings(max_examples=60)
@given(SEEDS)
def test_a_module_comes_back_as_the_same_graph(seed):
    graph = random_graph(seed)
    assert from_torch(to_torch(graph)) == graph


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", [{}, {"v_reset": -0.25}, {"max_spikes": 4}])
def test_a_residual_network_has_the_spikes_of_its_graph(how, dtype):
    graph = residual(**how, dtype=dtype)
    ran, run = reference(graph, images(), "current"), to_torch(graph).run(images(), T=T)
    assert any((spikes > 1).any() for spikes in ran.spikes[:2]) == ("max_spikes" in how)
    for k, layer in enumerate(graph):
        assert np.array_equal(numbers(run.spikes[layer.name]), ran.spikes[k]), layer
    assert run.drive.dtype == getattr(torch, np.dtype(dtype).name)
    assert np.array_equal(numbers(run.drive), ran.drive)
    assert from_torch(to_torch(graph)) == graph


def test_a_call_gives_what_the_output_receives_per_step():
    graph = residual()
    net = to_torch(graph, T=8)
    wanted = graph.run(images(), T=8, backend="reference").drive / 8
    assert np.array_equal(numbers(net(torch.tensor(images()))), wanted)
    assert np.array_equal(numbers(net(torch.tensor(images().reshape(5, 64)))), wanted)
    pulse = to_torch(graph, T=8, encoding="pulse")
    assert np.array_equal(numbers(pulse(torch.tensor(images()))), graph.run(images(), T=8, encoding="pulse").drive)


@pytest.mark.parametrize("surrogate", ["arctan", "fast_sigmoid", Arctan(4.0), FastSigmoid(5.0)])
@pytest.mark.parametrize("detach_reset", [True, False])
@pytest.mark.parametrize("kind", ["IF", "LIF", "ST-BIF", "IF, hard reset"])
def test_every_layer_learns(surrogate, detach_reset, kind):
    neuron = Neuron(kind.split(",")[0], v_init=0.25, v_reset=-0.5 if "hard" in kind else None)
    draws = np.random.default_rng(0)
    sizes = [(12, 8), (12, 12), (3, 12)]
    layers = [LayerNode.of(f"l{k}", Linear(draws.normal(size=size)), neuron) for k, size in enumerate(sizes)]
    net = to_torch(SNNGraph(layers), surrogate=surrogate, detach_reset=detach_reset, T=5)
    net(torch.rand(4, 8)).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_the_derivative_of_a_spike_is_the_surrogates():
    """One neuron, one step: the spike falls at v = 0.75 of θ = 2, which is x = -0.625."""
    graph = SNNGraph([LayerNode("a", 1, 1, [[0.5]], "IF", threshold=2.0, v_init=0.125)])
    for surrogate, slope in (
        (Arctan(2.0), 1 / (1 + (np.pi * 0.625) ** 2)),
        (FastSigmoid(25.0), 1 / (1 + 25 * 0.625) ** 2),
    ):
        net = to_torch(graph, surrogate=surrogate, trainable=("weight", "threshold"))
        net.run([[1.0]], T=1).counts["a"].sum().backward()
        assert float(net.node("a").weight.grad) == pytest.approx(slope / 2)  # dx/dw = 1/θ
        assert float(net.node("a").threshold.grad) == pytest.approx(-slope * 0.5 / 4)  # x = w/θ + v_init - 1


WATCHED = [
    Neuron("IF", threshold=0.5, v_init=0.5, max_spikes=3),
    Neuron("LIF", threshold=2.0, beta=0.5),
    Neuron("ST-BIF", threshold=2.0, tracer_min=-1),
]


@pytest.mark.parametrize("neuron", WATCHED)
def test_the_derivative_that_a_layer_names_is_that_of_its_gradient(neuron):
    net = to_torch(SNNGraph([LayerNode.of("a", Linear(np.array([[0.75], [-0.5]])), neuron)]))
    seen, layer = [], net.node("a")
    layer.on_membrane = seen.append
    net.run([[1.0]], T=1).counts["a"].sum().backward()
    assert torch.allclose(layer.weight.grad[:, 0], layer.surrogate_derivative(seen[0])[0])
    assert to_torch(residual()).node("stem").surrogate_derivative is None  # each channel has a θ of its own


def test_the_profiler_watches_its_layers():
    from spikeport.profiling import SpikeProfiler

    net = to_torch(residual(), T=4)
    profiler = SpikeProfiler()
    with profiler.watch(net):
        net(torch.tensor(images())).square().sum().backward()
    assert {"stem", "stem.conv", "join"} == set(profiler.layer_stats())


def test_training_on_comes_home(digits):
    x_train, x_test, y_train, y_test = digits
    torch.manual_seed(0)
    draws = np.random.default_rng(0)
    fires = Neuron("IF", v_init=0.5)
    hidden = LayerNode.of("hidden", Linear(draws.normal(0, 0.2, (48, 64)).astype(np.float32)), fires)
    graph = SNNGraph([hidden, LayerNode.of("out", Linear(draws.normal(0, 0.2, (10, 48)).astype(np.float32)))])
    net = to_torch(graph, T=8)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(torch.tensor(x_train)), torch.tensor(y_train)).backward()
        optimizer.step()
    trained = from_torch(net)
    assert [layer.weights.dtype for layer in trained] == [np.float32] * 2

    def accuracy(of):
        return (of.run(x_test, T=8).drive.argmax(axis=1) == y_test).mean()

    assert accuracy(graph) < 0.3
    assert accuracy(trained) > 0.9
    assert accuracy(trained) == pytest.approx(float((net(torch.tensor(x_test)).argmax(1).numpy() == y_test).mean()))


def test_the_state_dict_names_layers():
    net = to_torch(residual(v_reset=-0.25))
    neuron = ("threshold", "v_init", "v_reset")
    wanted = [f"stem.{name}" for name in ("weight", "bias", *neuron)]
    wanted += [f"stem.conv.{name}" for name in ("weight", *neuron)] + [f"join.{name}" for name in neuron]
    assert sorted(net.state_dict()) == sorted([*wanted, "out.weight", "out.bias"])
    assert {name for name, _ in net.named_parameters()} == {
        "stem.weight",
        "stem.bias",
        "stem.conv.weight",
        "out.weight",
        "out.bias",
    }
    other = to_torch(residual(seed=9, v_reset=-0.25))
    other.load_state_dict(net.state_dict())
    assert from_torch(other) == from_torch(net)


@pytest.mark.parametrize("way", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net)), torch.nn.DataParallel])
def test_a_copy_and_a_wrapped_module_come_back(way):
    assert from_torch(way(to_torch(residual()))) == residual()


def test_numbers_that_were_not_trained_come_back_to_the_bit():
    θ = [0.1, 0.3]
    graph = SNNGraph([LayerNode("a", 2, 2, np.eye(2, dtype=np.float32), "LIF", threshold=θ, beta=0.9, v_reset=-0.1)])
    net = to_torch(graph, trainable=("threshold",))
    assert from_torch(net) == graph
    with torch.no_grad():
        net.node("a").threshold[0] = 0.5
    assert from_torch(net)["a"].neuron.threshold.tolist() == [0.5, float(np.float32(0.3))]
    assert from_torch(net)["a"].neuron.beta == 0.9


def test_what_training_broke_is_refused_by_name():
    def refused(name, value):
        net = to_torch(residual(), trainable=("weight", "threshold"))
        with torch.no_grad():
            getattr(net.node("stem"), name).fill_(value)
        with pytest.raises(GraphError, match="stem") as error:
            from_torch(net)
        return error.value.code

    assert refused("weight", np.nan) == "non_finite"
    assert refused("threshold", -1.0) == "threshold"
    with pytest.raises(GraphError) as error:
        from_torch(to_torch(residual()).half())
    assert error.value.code == "dtype"


def test_what_cannot_be_a_module_is_refused():
    whole = SNNGraph([LayerNode.of("a", Linear(np.eye(2, dtype=np.int8)), Neuron("IF"))])
    for call, code in (
        (lambda: to_torch(whole), "dtype"),
        (lambda: to_torch(residual(), surrogate="sigmoid"), "surrogate"),
        (lambda: to_torch(residual(), surrogate=Arctan), "surrogate"),
        (lambda: to_torch(residual(), trainable=("weights",)), "trainable"),
        (lambda: to_torch(residual(), trainable="weight"), "trainable"),
        (lambda: to_torch([residual()]), "graph"),
        (lambda: Arctan(0), "surrogate"),
        (lambda: from_torch(torch.nn.Linear(2, 2)), "module"),
    ):
        with pytest.raises(GraphError) as error:
            call()
        assert error.value.code == code


def test_input_that_does_not_fit_is_refused():
    net = to_torch(residual())
    x = torch.tensor(images())
    for call, code in (
        (lambda: net(x[:, :, :7]), "shape"),
        (lambda: net.run(x[None].repeat(3, 1, 1, 1, 1), T=4, encoding="spikes"), "shape"),
        (lambda: net(x * np.nan), "non_finite"),
        (lambda: net.run(x + 1, encoding="poisson"), "rate_range"),
        (lambda: net.run(x, encoding="rate"), "encoding"),
        (lambda: net.run(x, T=0), "timesteps"),
        (lambda: to_torch(residual(), T=0), "timesteps"),
    ):
        with pytest.raises(KernelError) as error:
            call()
        assert error.value.code == code
    with pytest.raises(KeyError, match="no layer is called 'conv'"):
        net.node("conv")
