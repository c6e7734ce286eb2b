"""Passes that change the answer, replay and cost on graphs: convolutions, pools, residual blocks, concatenations."""

import copy
import json

import numpy as np
import pytest
from random_graphs import random_graph

import spikeport
from spikeport import GraphError, LayerNode, Neuron, SNNGraph, cli
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool
from spikeport.snn_optimizer import (
    PASSES,
    adversarial_drives,
    cost_of,
    optimize,
    quantized_parts,
    random_drives,
    verify,
)
from spikeport.snn_optimizer.passes.compensation import second_moments
from spikeport.snn_optimizer.passes.quantization import lies_on_grid
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.replay import simulation
from spikeport.snn_optimizer.replay.layer_replay import replay_layers
from spikeport.snn_optimizer.replay.signals import Signals
from spikeport.snn_optimizer.replay.simulation import simulate, upstream
from spikeport.transfer import SNNCheckpoint

IF = Neuron("IF", v_init=0.5)
of = LayerNode.of


def drawn(rng, *shape):
    return (rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def chain(rng):
    """conv, pool, conv, linear."""
    return SNNGraph(
        [
            of(
                "first", Conv(drawn(rng, 6, 2, 3, 3), drawn(rng, 6), padding=1), Neuron("IF", np.arange(4, 10) / 8, 0.5)
            ),
            of("pool", MaxPool(2)),
            of("second", Conv(drawn(rng, 8, 6, 3, 3) * 2, drawn(rng, 8)), IF),
            of("out", Linear(drawn(rng, 4, 32) * 2), IF),
        ],
        input_shape=(2, 8, 8),
    )


def residual(rng):
    """A block with a way past it, a convolution in groups, an average over all places."""
    return SNNGraph(
        [
            of("stem", Conv(drawn(rng, 4, 2, 3, 3) * 2, padding=1), IF),
            of("inner", Conv(drawn(rng, 6, 4, 3, 3) * 2, drawn(rng, 6), padding=1), IF),
            of("back", Conv(drawn(rng, 4, 6, 3, 3) * 2, padding=1)),
            of("join", Add(), IF, inputs=["back", "stem"]),
            of("grouped", Conv(drawn(rng, 4, 2, 3, 3) * 2, groups=2), IF),
            of("mean", AvgPool(6)),
            of("out", Linear(drawn(rng, 3, 4) * 2), Neuron("IF", 0.5, 0.5)),
        ],
        input_shape=(2, 8, 8),
    )


def branches(rng):
    """Small and large windows beside each other, joined, read by two layers."""
    return SNNGraph(
        [
            of("small", Conv(drawn(rng, 4, 2, 1, 1) * 2), IF),
            of("large", Conv(drawn(rng, 5, 2, 3, 3) * 2, padding=1), IF, inputs=["input"]),
            of("both", Concat(), inputs=["small", "large"]),
            of("pool", SumPool(4), inputs=["both"]),
            of("mixed", Conv(drawn(rng, 6, 9, 2, 2) * 2, drawn(rng, 6), stride=2), IF, inputs=["both"]),
            of("left", Linear(drawn(rng, 7, 36)), IF, inputs=["pool"]),
            of("right", Linear(drawn(rng, 7, 96) * 2), IF, inputs=["mixed"]),
            of("sides", Concat(), inputs=["left", "right"]),
            of("out", Linear(drawn(rng, 3, 14) * 2), IF),
        ],
        input_shape=(2, 8, 8),
    )


GRAPHS = {"chain": chain, "residual": residual, "branches": branches}


@pytest.fixture(params=GRAPHS)
def graph(request):
    return GRAPHS[request.param](np.random.default_rng(5))


def samples(count, seed=0):
    return np.random.default_rng(seed).random((count, 2, 8, 8)).astype(np.float32)


# ----------------------------------------------------------------------------------------------------------- costs


def test_the_cost_of_a_tiny_convolution_is_what_one_counts_by_hand():
    """Windows of two over three values: the middle one is read by both places, a value at an end by one."""
    graph = SNNGraph(
        [
            of("conv", Conv(np.array([[[1.0, 2.0]], [[0.0, 3.0]]]), np.array([0.0, 1.0])), Neuron("IF", [1.0, 2.0])),
            of("pool", AvgPool((2,))),
            of("out", Linear(np.array([[1.0, 0.0], [1.0, 1.0]])), IF),
        ],
        input_shape=(1, 3),
    )
    events = {"conv": np.array([[1.0, 0.5, 1.0]]), "out": np.array([[4.0], [2.0]])}
    cost = cost_of(graph, events)
    assert (cost.layers, cost.neurons, cost.parameters, cost.nonzero) == (3, 4 + 2, 6 + 4, 4 + 3)
    # tap 0 has one weight that is not 0 and reads values 0 and 1, tap 1 has two and reads values 1 and 2
    assert cost.synaptic_operations == (1.0 * 1 + 0.5 * (1 + 2) + 1.0 * 2) + (4 * 2 + 2 * 1)
    # float64: 4 weights, 2 biases, θ for 2 channels, v_init, β; then 4 weights, θ, v_init, β
    assert cost.bytes == 8 * (4 + 2 + 2 + 1 + 1) + 8 * (4 + 1 + 1 + 1)
    # 4 bits a weight, one scale a channel
    assert cost_of(graph, weight_bits={"conv": 4}).bytes == cost.bytes - 8 * 4 + 2 + 8 * 2


@pytest.mark.parametrize("encoding", ["current", "poisson"])
def test_a_simulation_of_a_graph_counts_what_a_recorded_run_shows(graph, encoding):
    x = samples(6)
    scope = Scope(timesteps=5, encoding=encoding, seed=3, data=x)
    signals = Signals(scope)
    run = graph.run(x, T=5, encoding=encoding, seed=3, record=True, backend="reference")
    sent = {layer.name: spikes for layer, spikes in zip(graph, run.spikes, strict=True)}
    activity = simulate(graph, x, scope)
    assert np.array_equal(activity.drive, run.drive)
    assert set(activity.events) == {layer.name for layer in graph if layer.operation.arrays()}
    for k, layer in enumerate(graph):
        assert np.allclose(activity.means[layer.name], sent[layer.name].mean(axis=(0, 1)), atol=1e-6)
        assert np.allclose(activity.rates[layer.name], (sent[layer.name] != 0).mean(axis=(0, 1)))
        source = graph.reads(k)[0]
        if source == "input":
            continue
        if layer.name in activity.events:
            assert np.allclose(activity.events[layer.name], (sent[source] != 0).sum(axis=0).mean(axis=0))
        seen = np.concatenate(list(signals.means(graph, layer.name)))
        assert np.allclose(seen, sent[source].mean(axis=0), atol=1e-6)


def test_what_stands_before_a_node_runs_as_it_did(graph):
    x = samples(4)
    run = graph.run(x, T=6)
    for layer, counts in zip(graph, run.counts, strict=True):
        part = upstream(graph, layer.name)
        assert np.array_equal(part.run(x, T=6).counts[-1], counts)
    assert len(upstream(graph, graph.layers[1].name)) <= 2


@pytest.mark.parametrize("seed", range(20))
def test_what_nodes_read_is_what_a_run_sends_in_any_order_and_in_blocks(seed, monkeypatch):
    rng, graph, T = np.random.default_rng(seed), random_graph(seed), 1 + seed % 7
    if seed % 2:
        monkeypatch.setattr(simulation, "VALUES_AT_ONCE", 300)
    x = rng.integers(0, 9, (9, *graph.input_shape)) / 8
    sent = graph.run(x, T=T, record=True).spikes
    of_node = {layer.name: spikes for layer, spikes in zip(graph, sent, strict=True)}
    signals, names = Signals(Scope(data=x, timesteps=T)), [layer.name for layer in graph]
    for name in rng.permutation(names) if seed % 3 else names:
        source = graph.sources(name)[0]
        first = str(rng.choice(names[: names.index(name) + 1]))
        seen = np.concatenate(list(signals.means(graph, str(name), first=first)))
        assert np.allclose(seen, x if source is None else of_node[source.name].mean(axis=0), atol=1e-5), name


def test_what_is_kept_of_the_layers_before_is_forgotten_where_one_changes():
    graph, x = chain(np.random.default_rng(5)), samples(6)
    signals = Signals(Scope(data=x, timesteps=6))
    list(signals.means(graph, "out"))
    layers = [layer.copy() for layer in graph]
    layers[0].weights[:] *= 3
    other = SNNGraph(layers, graph.input_shape)
    seen = np.concatenate(list(signals.means(other, "out")))
    assert np.allclose(seen, other.run(x, T=6, record=True).spikes[2].mean(axis=0))


# ---------------------------------------------------------------------------------------------------------- replay


def test_data_may_be_flat_or_of_another_shape_with_as_many_values(graph):
    x, found = samples(12), []
    for shape in ((12, 2, 8, 8), (12, 128), (12, 2, 64)):
        found.append(optimize(graph, [("quantize", {"bits": 4})], data=x.reshape(shape))[0])
    assert found[0] == found[1] == found[2]
    with pytest.raises(GraphError, match=r"\(samples, 2, 8, 8\)"):
        optimize(graph, [], data=x.reshape(24, 64))


@pytest.mark.parametrize("backend", ["reference", "rust"])
def test_a_replay_compares_what_the_graphs_run(graph, backend):
    x, other = samples(9), graph.copy()
    other.layers[-1].weights[1] += 0.25
    seen = verify(graph, other, x, timesteps=7)
    runs = [g.run(x, T=7, record=True, backend=backend) for g in (graph, other)]
    answers, spikes = [run.drive.argmax(axis=1) for run in runs], [run.spikes[-1] for run in runs]
    assert seen.agreement == (answers[0] == answers[1]).mean()
    assert seen.identical_samples == (spikes[0] == spikes[1]).all(axis=(0, 2)).mean() < 1
    assert seen.largest_difference == np.abs(runs[0].counts[-1] - runs[1].counts[-1]).max()
    step, sample, neuron = np.argwhere(spikes[0] != spikes[1])[0]
    found = seen.first_difference
    assert (found.layer, found.step, found.sample, found.neuron) == ("out", step, sample, neuron)
    assert verify(graph, graph.copy(), x, timesteps=7).identical


def test_the_first_difference_in_an_image_has_a_place_as_it_was_before(graph):
    first = graph.layers[0]
    keep = np.array([0, 2, 3])
    other = SNNGraph(
        [of(first.name, Conv(first.weights[keep] * 2, padding=first.operation.padding), first.neuron.take(keep))],
        (2, 8, 8),
    )
    before = SNNGraph([layer.copy() for layer in graph.layers[:1]], (2, 8, 8))
    hidden = [of("last", Linear(np.ones((1, 64 * n), np.float32))) for n in (len(first.weights), 3)]
    before, other = (SNNGraph([*g, last], (2, 8, 8)) for g, last in zip((before, other), hidden, strict=True))
    found = verify(before, other, samples(5), timesteps=4, survivors={first.name: keep}).first_difference
    channel, row, column = found.neuron
    spikes = [g.run(samples(5), T=4, record=True).spikes[0] for g in (before, other)]
    assert channel in keep
    assert spikes[0][found.step, found.sample, channel, row, column] == found.before
    assert spikes[1][found.step, found.sample, list(keep).index(channel), row, column] == found.after != found.before


def test_drives_have_the_shape_of_the_input_and_lie_in_the_range(graph):
    for drives in (random_drives(graph, 30, (0.25, 0.5)), adversarial_drives(graph, 30, (0.25, 0.5))):
        assert drives.shape == (30, 2, 8, 8)
        assert drives.min() >= 0.25 and drives.max() <= 0.5


def test_adversarial_drives_meet_the_threshold_of_a_place_to_the_last_bit():
    """Each channel has one weight, so that there is no order of summation in which a machine could miss it."""
    rng = np.random.default_rng(0)
    weights = np.zeros((4, 2, 3, 3))
    for channel in weights:
        channel[rng.integers(2), rng.integers(3), rng.integers(3)] = rng.integers(9, 17) / 8
    graphs = [
        SNNGraph([of("a", Conv(weights, padding=1), Neuron("IF", θ)), of("b", Linear(np.eye(100)))], (2, 5, 5))
        for θ in (1.0, np.nextafter(1.0, 2.0))
    ]
    assert verify(*graphs, random_drives(graphs[0], 256), timesteps=1).identical
    assert not verify(*graphs, adversarial_drives(graphs[0], 64, timesteps=1), timesteps=1).identical


def test_only_layers_through_which_every_path_leads_are_set_by_hand_and_the_others_named():
    found = {}
    for name, build in GRAPHS.items():
        graph = build(np.random.default_rng(5))
        found[name] = {replay.layer: replay.trains for replay in replay_layers(graph, graph.copy(), {}, timesteps=3)}
        assert all(replay.identical for replay in replay_layers(graph, graph.copy(), {}, timesteps=3))
    assert [name for name, trains in found["residual"].items() if trains] == ["stem", "join", "grouped"]
    assert [name for name, trains in found["residual"].items() if not trains] == ["inner"]
    assert all(found["chain"].values())
    assert not any(found["branches"].values())
    graph = residual(np.random.default_rng(5))
    _, report = optimize(graph, passes=[], data=samples(4))
    assert "3 of 3 hidden layers alike on adversarial spikes; 1 left out" in str(report.verification)


def test_the_replay_from_the_inside_finds_a_channel_that_was_changed():
    graph = chain(np.random.default_rng(5))
    other = graph.copy()
    other["second"].weights[3] *= 1.5
    alike = {replay.layer: replay.identical for replay in replay_layers(graph, other, {}, timesteps=6)}
    assert alike == {"first": False, "second": True}


# ---------------------------------------------------------------------------------------------------------- passes


def test_the_second_moments_of_a_convolution_are_those_of_its_windows_laid_out():
    graph = residual(np.random.default_rng(1))
    x, scope = samples(5), Scope(timesteps=4, data=samples(5))
    sent = graph.run(x, T=4, record=True).spikes[3].mean(axis=0)
    for group, H in enumerate(second_moments(graph, "grouped", Signals(scope))):
        windows = [
            np.append(sent[i, 2 * group : 2 * group + 2, r : r + 3, c : c + 3].ravel(), 1.0)
            for i in range(5)
            for r in range(6)
            for c in range(6)
        ]
        plain = np.mean([np.outer(w, w) for w in windows], axis=0)
        assert np.allclose(H, plain + 0.01 * np.trace(plain) / len(plain) * np.eye(len(plain)))


@pytest.mark.parametrize("by", ["magnitude", "activity"])
def test_channels_go_with_all_that_reads_them_and_the_certificate_is_what_a_rerun_gives(graph, by):
    x = samples(40)
    smaller, report = optimize(graph, [("prune_neurons", {"keep": 0.5, "by": by})], data=x, timesteps=8)
    for layer in graph:
        units = len(report.survivors.get(layer.name, range(layer.shape[0])))
        assert smaller[layer.name].shape == (units, *layer.shape[1:])
    lost = {name for name in report.survivors if len(report.survivors[name]) * 2 == graph[name].shape[0]}
    assert lost >= {"chain": {"first", "second"}, "residual": {"inner"}, "branches": {"small", "mixed"}}[kind(graph)]
    assert lost.isdisjoint({"stem", "join", "grouped", "out"})
    before, after = (g.run(x, T=8) for g in (graph, smaller))
    certificate = report.pass_results[0].certificate
    assert (certificate.level, certificate.samples) == ("measured", 40)
    assert certificate.agreement == (before.drive.argmax(axis=1) == after.drive.argmax(axis=1)).mean()
    assert report.after.neurons < report.before.neurons
    assert report.after.synaptic_operations < report.before.synaptic_operations


def kind(graph):
    return next(name for name, build in GRAPHS.items() if len(build(np.random.default_rng(0))) == len(graph))


def test_the_readers_of_a_channel_that_repeats_another_make_up_for_it():
    rng = np.random.default_rng(0)
    first = drawn(rng, 6, 2, 3, 3) * 3
    first[3:] = first[:3]
    graph = SNNGraph(
        [
            of("a", Conv(first), IF),
            of("b", Conv(drawn(rng, 4, 6, 3, 3)), inputs=["a"]),
            of("c", Conv(drawn(rng, 4, 6, 3, 3)), inputs=["a"]),
            of("out", Add(), IF, inputs=["b", "c"]),
        ],
        input_shape=(2, 8, 8),
    )
    x = samples(64)
    sent, off = graph.run(x, T=8, record=True).spikes[0].astype(np.float32), {}
    for by in ("magnitude", "activity"):
        smaller, report = optimize(graph, [("prune_neurons", {"keep": 0.5, "by": by})], data=x, timesteps=8)
        left = report.survivors["a"]
        pairs = [(graph[n].operation.currents(sent), smaller[n].operation.currents(sent[:, :, left])) for n in "bc"]
        off[by] = [np.abs(before - after).mean() for before, after in pairs]
    assert all(a < b / 4 for a, b in zip(off["activity"], off["magnitude"], strict=True))


@pytest.mark.parametrize("data", [False, True])
def test_sparsity_and_patterns_are_those_asked_for_in_each_convolution(graph, data):
    x = samples(16) if data else None
    half, _ = optimize(graph, [("prune", {"sparsity": 0.5})], data=x, timesteps=4)
    two, _ = optimize(graph, [("prune", {"pattern": (1, 3)})], data=x, timesteps=4)
    for layer in graph:
        if layer.operation.arrays():
            size = layer.weights.size
            assert np.count_nonzero(half[layer.name].weights) == size - round(size * 0.5)
            rows = two[layer.name].weights.reshape(len(layer.weights), -1)
            for start in range(0, rows.shape[1], 3):
                assert (np.count_nonzero(rows[:, start : start + 3], axis=1) <= 1).all()


def test_making_up_brings_the_currents_of_a_convolution_closer():
    rng = np.random.default_rng(0)
    graph = SNNGraph([of("first", Conv(drawn(rng, 6, 2, 3, 3)), IF), of("out", Linear(drawn(rng, 2, 216)))], (2, 8, 8))
    x = np.broadcast_to(rng.random((64, 2, 1, 1)), (64, 2, 8, 8)).astype(np.float32)  # each place says the same
    currents = {}
    for by in ("magnitude", "activity", None):
        passes = [] if by is None else [("prune", {"sparsity": 0.7, "by": by})]
        smaller, _ = optimize(graph, passes, data=x, timesteps=4)
        currents[by] = smaller["first"].operation.currents(x[None])
    off = {by: np.abs(currents[by] - currents[None]).mean() for by in ("magnitude", "activity")}
    assert off["activity"] < off["magnitude"] * 0.6


def moved(before, after, name, x):
    """The largest change of a current of the node ``name`` on what it reads."""
    a, b = (g[name].operation.currents(x) for g in (before, after))
    return float(np.abs(a - b).max())


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("data", [False, True])
def test_quantised_convolutions_lie_on_a_grid_for_each_channel_within_their_bound(graph, bits, data):
    x = samples(16) if data else None
    smaller, report = optimize(graph, [("quantize", {"bits": bits})], data=x, input_range=(0, 1), timesteps=4)
    names = [layer.name for layer in graph if layer.operation.arrays()]
    assert report.weight_bits == dict.fromkeys(names, bits)
    certificate = report.pass_results[0].certificate
    assert certificate.level == "bounded"
    for name in names:
        weights = smaller[name].weights
        q, s = quantized_parts(smaller[name], bits)
        assert q.shape == weights.shape and s.shape == weights.shape[:1]
        assert np.abs(q).max() <= 2 ** (bits - 1) - 1
        assert np.allclose(q * s.reshape(-1, *(1,) * (q.ndim - 1)), weights, rtol=1e-6, atol=0)
    inputs = samples(20, seed=2)[None]
    for layer in graph.readers("input"):
        assert 0 < moved(graph, smaller, layer.name, inputs) <= certificate.bound
    assert report.after.bytes < report.before.bytes


def test_pruning_without_a_strength_stays_within_its_bound_in_an_image(graph):
    smaller, report = optimize(graph, [("prune", {"tolerance": 0.2})], input_range=(0, 1))
    certificate = report.pass_results[0].certificate
    assert report.after.nonzero < report.before.nonzero
    assert certificate.level == "bounded"
    θ = min(np.min(layer.threshold) for layer in graph)
    for layer in graph.readers("input"):
        assert 0 < moved(graph, smaller, layer.name, samples(50)[None]) * θ <= certificate.bound


def test_thresholds_of_channels_that_are_powers_of_two_become_one_and_no_spike_changes(graph):
    rng = np.random.default_rng(0)
    for layer in graph.layers[:-1]:
        if layer.neuron.is_spiking:
            layer.neuron = Neuron("IF", rng.choice([0.25, 0.5, 2.0], layer.shape[0]), 0.5)
    smaller, report = optimize(graph, ["fold_scales"], data=samples(8), timesteps=6)
    for layer in smaller.layers[:-1]:
        if layer.neuron.is_spiking and layer.operation.arrays():
            assert layer.threshold == 1.0
    assert report.certificate.level == "exact"
    assert report.verification.identical
    x = samples(8)
    for a, b in zip(*(g.run(x, T=6, record=True).spikes for g in (graph, smaller)), strict=True):
        assert a.dtype != bool or np.array_equal(a, b)


def test_a_linear_layer_behind_a_branch_becomes_two_and_its_readers_stay():
    rng = np.random.default_rng(0)
    graph = branches(rng)
    graph["right"].weights[:] = drawn(rng, 7, 2) @ drawn(rng, 2, 96) * 4
    smaller, report = optimize(graph, ["factorize"], input_range=(0, 1), timesteps=6)
    assert [layer.name for layer in smaller if layer.name.endswith("low_rank")] == ["right.low_rank"]
    assert smaller["right.low_rank"].shape == (2,)
    assert [source.name for source in smaller.sources("right.low_rank")] == ["mixed"]
    assert [source.name for source in smaller.sources("sides")] == ["left", "right"]
    assert np.allclose(smaller["right"].weights @ smaller["right.low_rank"].weights, graph["right"].weights, atol=1e-5)
    assert report.pass_results[0].certificate.bound < 1e-2


STRENGTHS = {
    "prune": [{}, {"sparsity": 0.5}, {"pattern": (1, 3)}],
    "prune_neurons": [{"keep": 0.5}, {"keep": 0.3, "by": "magnitude"}],
    "quantize": [{"bits": 4}, {"bits": 8, "power_of_two": True}],
    "factorize": [{"energy": 0.8}],
    "eliminate_dead": [{}, {"threshold": 0.2}],
}


@pytest.mark.parametrize("block", range(4))
def test_the_numbers_of_a_report_of_a_random_graph_are_those_of_a_rerun(block):
    """Graphs of every operation and neuron, some nodes of which nothing reads; three passes in any order."""
    names = [one.short for one in PASSES.values()]
    for seed in range(block * 20, block * 20 + 20):
        rng = np.random.default_rng([seed, 2])
        graph, T, encoding = random_graph(seed), int(rng.integers(1, 8)), ("current", "poisson")[seed % 2]
        passes = [(n, rng.choice(STRENGTHS[n])) if n in STRENGTHS else n for n in rng.choice(names, 3)]
        x = rng.integers(0, 9, (12, *graph.input_shape)) / 8
        labels, kept = rng.integers(0, graph.n_outputs, 12), graph.copy()
        smaller, report = optimize(graph, passes, data=(x, labels), timesteps=T, encoding=encoding)
        assert graph == kept, f"seed {seed}"
        cost, accuracy = report.before, report.accuracy_before
        for result in report.pass_results:
            assert (result.before, result.neurons_removed) == (cost, cost.neurons - result.after.neurons)
            assert result.accuracy == accuracy or result.certificate.level != "exact", f"seed {seed}"
            cost, accuracy = result.after, result.accuracy
        assert (cost, accuracy) == (report.after, report.accuracy_after)
        assert cost.parameters == smaller.n_params and smaller.output_shape == graph.output_shape
        assert all(lies_on_grid(smaller[name], bits) for name, bits in report.weight_bits.items()), f"seed {seed}"
        runs = [g.run(x, T=T, encoding=encoding, record=True) for g in (graph, smaller)]
        answers = [run.drive.reshape(12, -1).argmax(axis=1) for run in runs]
        assert report.accuracy_after == (answers[1] == labels).mean()
        if report.certificate.level == "exact":
            assert report.verification.is_alike and np.array_equal(runs[0].spikes[-1], runs[1].spikes[-1])
        else:
            assert report.certificate.agreement == (answers[0] == answers[1]).mean(), f"seed {seed}"


# ------------------------------------------------------------------------------------------------- what goes in and out


@pytest.fixture(scope="module")
def digits_cnn(torch):
    """A convolutional network for handwritten digits, converted, with images and classes that it was not trained on."""
    from sklearn.datasets import load_digits

    from spikeport.conversion import convert

    nn, digits = torch.nn, load_digits()
    x, y = (digits.images / 16).astype(np.float32)[:, None], digits.target
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU()),
        *(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(15):
        for rows in torch.randperm(1000).split(50):
            optimiser.zero_grad()
            images, classes = torch.tensor(x[:1000][rows]), torch.tensor(y[:1000][rows])
            nn.functional.cross_entropy(model(images), classes).backward()
            optimiser.step()
    return convert(model.eval(), x[:300], T=16), x[1000:1500], y[1000:1500]


def test_a_converted_convolutional_network_becomes_a_smaller_one_that_still_classifies(digits_cnn):
    snn, x, y = digits_cnn
    before = snn.graph.copy()
    smaller, report = optimize(snn, data=(x, y), max_accuracy_drop=0.01, input_range=(0, 1))
    assert snn.graph == before
    assert type(smaller) is type(snn) and smaller.T == 16
    held, right = x[1::2], y[1::2]  # the half that nothing was chosen on
    accuracy = [float((one.classify(held, encoding="current") == right).mean()) for one in (snn, smaller)]
    assert accuracy == [report.accuracy_before, report.accuracy_after]
    assert accuracy[0] - accuracy[1] <= 0.01 and accuracy[1] > 0.7
    assert report.after.nonzero < report.before.nonzero
    assert report.after.bytes < report.before.bytes / 2
    assert report.after.synaptic_operations < report.before.synaptic_operations
    assert smaller.graph.n_params == report.params_after < report.params_before


def test_a_scale_of_each_channel_stays_with_its_channel(digits_cnn):
    snn, x, _ = digits_cnn
    snn = copy.copy(snn)
    snn.scales = [[float(c + 1) for c in range(layer.shape[0])] for layer in snn.graph]
    smaller, report = optimize(snn, [("prune_neurons", {"keep": 0.5}), "eliminate_unread"], data=x, timesteps=8)
    assert type(smaller) is type(snn)
    for layer, scale in zip(smaller.graph, smaller.scales, strict=True):
        channels = report.survivors.get(layer.name, np.arange(layer.shape[0]))
        assert scale == [float(c + 1) for c in channels]
    assert len(smaller.scales[0]) == 4


def test_a_checkpoint_of_a_graph_comes_back_as_one(digits_cnn):
    snn, x, _ = digits_cnn
    names = [layer.name for layer in snn.graph]
    stored = SNNCheckpoint.from_graph(snn.graph, metadata={"T": 8, "task": "digits"}, frozen_layers=names[:1])
    smaller, report = optimize(stored, [("prune_neurons", {"keep": 0.5}), "quantize"], data=x[:64], timesteps=8)
    assert type(smaller) is SNNCheckpoint
    assert (smaller.metadata, smaller.frozen_layers) == (stored.metadata, stored.frozen_layers)
    assert smaller.graph[names[0]].shape[0] * 2 == stored.graph[names[0]].shape[0]
    assert report.verification.timesteps == 8


def test_the_command_optimises_a_file_of_a_graph_that_can_be_loaded_as_a_conversion(digits_cnn, tmp_path, capsys):
    snn, x, y = digits_cnn
    snn.save(tmp_path / "net")
    np.savez(tmp_path / "data.npz", x=x[:100], y=y[:100])
    for passes, layers in (("prune_neurons:keep=0.5,quantize:bits=8", len(snn.graph)), ("factorize:energy=0.9", None)):
        arguments = ["optimize", tmp_path / "net", "-o", tmp_path / "small", "--data", tmp_path / "data.npz", "--force"]
        for more in ([], ["--json"]):
            with pytest.raises(SystemExit) as left:
                cli.main([*map(str, arguments), "--passes", passes, *more])
            out, err = capsys.readouterr()
            assert not left.value.code, err
            assert more or ("verification:" in out and "every weight as float32" in out)
        smaller = spikeport.load(tmp_path / "small")
        assert len(smaller.graph) == layers or (layers is None and "low_rank" in smaller.graph.summary())
        assert smaller.graph.n_params < snn.graph.n_params
        for layer, scale in zip(smaller.graph, smaller.scales, strict=True):
            assert np.ndim(scale) == 0 or len(scale) == layer.shape[0]
        right = smaller.classify(x[:100], encoding="current") == y[:100]
        assert right.mean() == json.loads(out)["accuracy_after"]
