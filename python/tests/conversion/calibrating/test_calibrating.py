"""What is fitted to the network as it spikes: the readout, the biases, and which way of all is kept."""

import itertools

import numpy as np
import pytest

from spikeport import LayerNode, SNNGraph
from spikeport.conversion import convert
from spikeport.conversion.calibrating.ridge import BIAS, ridge_readout
from spikeport.errors import ConversionError
from spikeport.neuron import Neuron
from spikeport.operations import Add, Conv, Linear, MaxPool

quiet = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")
IF = Neuron("IF", v_init=0.5)


@pytest.fixture
def readout():
    """Θ, rates of 40 samples, and outputs that Θ does not give."""
    rng = np.random.default_rng(4)
    rates, theta = rng.random((40, 5)), rng.normal(size=(3, 6))
    outputs = rates @ rng.normal(size=(5, 3)) + 2 + 0.1 * rng.normal(size=(40, 3))
    return theta, rates, outputs


def test_a_readout_held_hard_is_the_trained_one(readout):
    theta, rates, outputs = readout
    assert ridge_readout(theta, rates, outputs, 1e15) == pytest.approx(theta, abs=1e-6)


def test_a_readout_held_by_nothing_is_that_of_least_squares(readout):
    theta, rates, outputs = readout
    best, *_ = np.linalg.lstsq(np.column_stack([rates, np.ones(40)]), outputs, rcond=None)
    assert ridge_readout(theta, rates, outputs, 1e-12) == pytest.approx(best.T, abs=1e-6)


def test_a_readout_is_where_the_gradient_of_what_it_minimises_is_0(readout):
    theta, rates, outputs = readout
    fitted = ridge_readout(theta, rates, outputs, 0.03)
    R = np.column_stack([rates, np.ones(40)])
    held = np.array([*[rates.var(axis=0).mean()] * 5, BIAS])
    gradient = (R @ fitted.T - outputs).T @ R + 0.03 * 40 * (fitted - theta) * held
    assert np.abs(gradient).max() < 1e-9


def test_more_rates_than_samples_give_the_same_as_the_equation(readout):
    theta, rates, outputs = readout
    few, own = rates[:4], outputs[:4]
    R = np.column_stack([few, np.ones(4)])
    held = np.diag([*[few.var(axis=0).mean()] * 5, BIAS])
    expected = theta + (own - R @ theta.T).T @ R @ np.linalg.inv(R.T @ R + 0.3 * 4 * held)
    assert ridge_readout(theta, few, own, 0.3) == pytest.approx(expected, rel=1e-6)


def graph_of_every_kind():
    rng = np.random.default_rng(2)

    def dyadic(*shape):
        return rng.integers(-8, 9, shape) / 16.0

    several = Neuron("IF", threshold=[0.5, 1.0, 0.25, 2.0], v_init=0.5, max_spikes=3)
    return SNNGraph(
        [
            LayerNode.of("a", Conv(dyadic(4, 2, 3, 3), dyadic(4), padding=1), Neuron("IF", threshold=0.5, v_init=0.5)),
            LayerNode.of("pool", MaxPool(2)),
            LayerNode.of("b", Conv(dyadic(4, 4, 3, 3), None, padding=1)),
            LayerNode.of("join", Add(), several, inputs=["b", "pool"]),
            LayerNode.of("out", Linear(dyadic(3, 16), dyadic(3)), IF),
        ],
        (2, 4, 4),
    )


def test_the_simulation_is_the_network(torch):
    from spikeport.conversion.calibrating.simulation import Simulation

    graph, x = graph_of_every_kind(), np.random.default_rng(3).integers(0, 17, (6, 2, 4, 4)) / 16.0
    run = graph.run(x, T=7, record=True, backend="reference")
    simulation = Simulation(graph, torch.tensor(x), 7)
    for k, layer in simulation.hidden():
        currents = simulation.currents(k)
        simulation.send(layer, currents)
        assert np.array_equal(simulation.signals[layer.name].expand(7, *currents.shape[1:]).numpy(), run.spikes[k])
    arrived = simulation.arrived()
    assert arrived.drive.numpy() == pytest.approx(run.drive / 7)
    assert arrived.rates.numpy() == pytest.approx(run.counts[3] / 7)


@pytest.mark.parametrize("T", [1, 5])
def test_what_comes_of_the_input_alone_is_steady_and_what_neurons_send_is_not_even_in_a_single_step(torch, T):
    from spikeport.conversion.calibrating.simulation import Simulation

    layers = [
        LayerNode.of("scaled", Linear(np.eye(3))),
        LayerNode.of("a", Linear(np.eye(3)), IF),
        LayerNode.of("b", Linear(np.eye(3)), IF),
        LayerNode.of("out", Linear(np.eye(3)), IF),
    ]
    simulation = Simulation(SNNGraph(layers), torch.rand(4, 3).double(), T)
    steady = {}
    for k, layer in simulation.hidden():
        steady[layer.name] = simulation.is_steady(k)
        simulation.send(layer, simulation.currents(k))
    assert steady == {"scaled": True, "a": True, "b": False}


@pytest.mark.parametrize("T", [8, 32])
def test_calibrated_biases_make_the_mean_rate_the_mean_activation_up_to_a_step(torch, T):
    from spikeport.conversion.calibrating.biases import calibrate_biases, channel_means
    from spikeport.conversion.calibrating.simulation import simulated

    rng = np.random.default_rng(6)
    W, scale, threshold = rng.normal(size=(5, 8)) / 4, 2.0, 0.5
    hidden = LayerNode("hidden", 8, 5, W * threshold / scale, "IF", threshold=threshold, v_init=0.5)
    graph = SNNGraph([hidden, LayerNode("out", 5, 5, np.eye(5), "IF")])
    x = torch.tensor(rng.random((300, 8)))
    means = {"hidden": np.maximum(x.numpy() @ W.T + 0.5, 0).mean(0)}  # of a network with a bias that this one lacks
    before = scale * channel_means(simulated(graph, x, T).rates)
    after = scale * channel_means(calibrate_biases(graph, [scale, 1.0], x, T, means).rates)
    assert np.abs(before - means["hidden"]).max() > scale / T
    assert np.abs(after - means["hidden"]).max() < scale / T
    assert np.abs(after - means["hidden"]).max() < 0.2 * np.abs(before - means["hidden"]).max()
    assert graph["hidden"].bias is not None and graph["hidden"].bias.shape == (5,)
    assert scale * channel_means(simulated(graph, x, T).rates) == pytest.approx(after)


def test_the_bias_of_an_addition_is_that_of_what_it_alone_reads(torch):
    from spikeport.conversion.calibrating.biases import bias_of

    graph = graph_of_every_kind()
    assert [getattr(bias_of(graph, layer), "name", None) for layer in graph] == ["a", None, "b", "b", "out"]


@quiet
def test_several_spikes_a_step_have_the_levels_of_as_many_steps(torch):
    nn = torch.nn
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)).eval(), torch.rand(64, 8)
    few, many = (convert(model, x, T=T, percentile=99.9, max_spikes=L) for T, L in ((2, 6), (12, 1)))
    assert np.asarray(few.scales) * 6 == pytest.approx(np.asarray(many.scales))
    assert {layer.neuron.max_spikes for layer in few.graph} == {6}
    drives = [net.run(x.numpy(), encoding="current", readout="membrane") for net in (few, many)]
    assert drives[0] == pytest.approx(drives[1], abs=1e-4)


@quiet
def test_several_spikes_are_fitted_for_and_a_clamped_output_ends_where_it_did(torch):
    model, x = network(torch), torch.rand(150, 16)
    snn = convert(model, x, T=2, max_spikes=7)
    with torch.no_grad():
        expected = model(x[2::3]).numpy()
    got = snn.run(x[2::3].numpy(), encoding="current", readout="membrane")
    error = np.sqrt(np.square(got - expected).mean()) / expected.std()
    assert error == pytest.approx(snn.certificate.details["error"], rel=0.1) and error < 0.1
    assert snn.with_graph(snn.graph.copy()) == snn
    clamped = torch.nn.Sequential(torch.nn.Linear(16, 3), torch.nn.ReLU6())
    with torch.no_grad():
        clamped[0].bias.fill_(9.0)
    assert (convert(clamped, x, T=2, max_spikes=7).run(x[0].numpy(), encoding="current", readout="membrane") == 6).all()


def network(torch, widths=(16, 32, 32, 4)):
    nn = torch.nn
    torch.manual_seed(1)
    layers = [m for n, k in itertools.pairwise(widths) for m in (nn.Linear(n, k), nn.ReLU())]
    return nn.Sequential(*layers[:-1]).eval()


@quiet
def test_what_is_chosen_is_never_worse_than_the_plain_percentile_and_the_certificate_names_all(torch):
    x = torch.rand(200, 16)
    for T in (1, 4):
        snn = convert(network(torch), x, T=T)
        found = snn.certificate.details
        tried = [found, *found["runners_up"]]
        ways = {(one["thresholds"], one["biases"], one["weights"], one["readout"]) for one in tried}
        assert len(ways) == len(tried)
        rules = {one["thresholds"] for one in tried}
        assert {"percentile 99.9", "percentile 99", "percentile 95", "data", "balanced"} < rules
        assert {one["biases"] for one in tried} == {"as trained", "calibrated", "calibrated, late starts"}
        assert {one["weights"] for one in tried} == {"as trained", "ridge 0.03"}
        plain = next(
            one
            for one in tried
            if (one["thresholds"], one["biases"], one["readout"]) == ("percentile 99.9", "as trained", "as trained")
        )
        assert found["error"] <= plain["error"]
        assert found["error"] <= min(one["error"] for one in tried) / 0.98
        assert snn.certificate.samples == found["samples"] == 66
        assert found["thresholds"] in snn.certificate.reason and "nothing was fitted to" in snn.certificate.reason


@quiet
def test_the_error_that_chose_and_the_certificate_are_of_samples_that_nothing_was_fitted_to(torch, monkeypatch):
    from spikeport.conversion.calibrating import choosing

    model, x = network(torch), torch.rand(150, 16)
    judged, unseen = x[2::3], torch.rand(1000, 16)

    def error(snn, samples):
        with torch.no_grad():
            expected = model(samples).numpy()
        got = snn.run(samples.numpy(), encoding="current", readout="membrane")
        return np.sqrt(np.square(got - expected).mean()) / expected.std(), np.abs(got - expected).max()

    again = convert(model, x, T=4)
    monkeypatch.setattr(choosing._Round, "once_more", lambda self, ranking, again: ranking)
    once = convert(model, x, T=4)
    found, before = again.certificate, once.certificate
    assert found.details["fitted_again"] and not before.details["fitted_again"] and again.graph != once.graph
    assert "to these samples, too" in found.reason and "to these samples, too" not in before.reason
    assert found.details["error"] == before.details["error"] == pytest.approx(error(once, judged)[0], rel=0.05)
    assert found.largest_difference == before.largest_difference == pytest.approx(error(once, judged)[1])
    assert (found.agreement, found.further) == (before.agreement, before.further)
    assert error(again, unseen)[0] < error(once, unseen)[0]


@quiet
def test_no_rule_sees_the_samples_that_judge_before_one_is_chosen(torch, monkeypatch):
    from spikeport.conversion.calibrating import choosing

    seen, own = [], choosing.chosen
    monkeypatch.setattr(
        choosing, "chosen", lambda network, ways, *rest, **how: seen.append(ways) or own(network, ways, *rest, **how)
    )
    x = torch.rand(120, 16)
    other = x.clone()
    other[2::3] *= 2
    scales = [convert(network(torch), given, T=2).scales for given in (x, other)]
    for one, two in zip(*({**ways.rules, **ways.ladder}.items() for ways in seen), strict=True):
        assert one[0] == two[0] and all(np.array_equal(one[1][name], two[1][name]) for name in one[1])
    assert len(seen) == 2 and scales[0] != scales[1]  # it is made once more of all of them


@quiet
def test_a_sample_that_no_fit_should_follow_is_not_followed(torch, monkeypatch):
    from spikeport.conversion.calibrating import choosing

    model, x = network(torch), torch.rand(150, 16)
    x[149] *= 1e4  # among those that are judged on, whose error is its alone
    assert not convert(model, x, T=4).certificate.details["fitted_again"]
    monkeypatch.setattr(choosing, "LOST", np.inf)
    assert convert(model, x, T=4).certificate.details["fitted_again"]


@quiet
def test_the_same_data_give_the_same_network(torch):
    x = torch.rand(120, 16)
    assert convert(network(torch), x, T=3) == convert(network(torch), x, T=3)


@quiet
def test_a_percentile_is_obeyed_and_fits_are_done_where_they_are_asked_for(torch):
    model, x = network(torch), torch.rand(120, 16)
    plain = convert(model, x, T=2, percentile=99.9)
    fitted = convert(model, x, T=2, percentile=99.9, bias_calibration=True, readout_calibration=True)
    assert fitted.scales == plain.scales and "runners_up" not in plain.certificate.details
    assert np.array_equal(plain.weights[2] * plain.scales[2], fitted.weights[2] * fitted.scales[2]) is False
    assert np.array_equal(plain.weights[1], fitted.weights[1])
    assert not np.array_equal(plain.biases[1], fitted.biases[1])
    assert fitted.certificate.details["biases"] == "calibrated"
    assert fitted.certificate.details["readout"].startswith("ridge")


@quiet
def test_a_theta_that_was_learnt_is_kept(torch):
    from spikeport.conversion import replace_relu_with_qcfs

    model = replace_relu_with_qcfs(network(torch), T=4, theta=0.7).eval()
    snn = convert(model, torch.rand(120, 16), T=4)
    assert snn.scales[:2] == [model[1].threshold, model[3].threshold]
    assert snn.certificate.details["thresholds"] == "as learnt"


@quiet
def test_too_few_samples_for_a_fit_are_refused(torch):
    with pytest.raises(ConversionError, match="at least 3") as caught:
        convert(network(torch), torch.rand(2, 16), readout_calibration=True)
    assert caught.value.code == "calibration_empty"


@quiet
def test_an_expensive_network_is_judged_in_two_rounds_of_bounded_work(torch, monkeypatch):
    from spikeport.conversion.calibrating import candidates, choosing

    spent = []
    own = candidates.simulated

    def counted(graph, x, *how):
        spent.append(len(x))
        return own(graph, x, *how)

    monkeypatch.setattr(candidates, "simulated", counted)
    monkeypatch.setattr(choosing, "WORK", 1.0)
    found = convert(network(torch), torch.rand(600, 16), T=2).certificate.details
    samples = {one["samples"] for one in [found, *found["runners_up"]]}
    assert samples == {choosing.FEWEST // 3} and max(spent) <= choosing.FEWEST


@quiet
def test_fitting_takes_no_more_of_a_stream_than_is_kept(torch, monkeypatch):
    from spikeport.conversion.calibrating import choosing

    sizes = []
    own = choosing.told
    monkeypatch.setattr(choosing, "told", lambda network, x: sizes.append(len(x)) or own(network, x))
    convert(network(torch), (torch.rand(500, 16) for _ in range(12)), T=1)
    assert sizes == [1024, 512, 1536]  # fitted to, judged on, and fitted to once more
