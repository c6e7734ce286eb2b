"""A conversion for a late readout: what is fitted, judged and measured are the steps that are read."""

import numpy as np
import pytest

from spikeport import LayerNode, SNNGraph
from spikeport.conversion import convert
from spikeport.errors import ConversionError
from spikeport.neuron import Neuron
from spikeport.operations import Conv, Linear

quiet = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")
DELAY = 3


def deep(torch):
    nn = torch.nn
    torch.manual_seed(1)
    layers = [nn.Linear(8, 24), nn.ReLU()]
    for _ in range(7):
        layers += [nn.Linear(24, 24), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(24, 4)).eval()
    for linear in model[::2]:
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    return model, torch.rand(240, 8)


def test_means_of_the_simulation_are_those_of_the_network_after_the_delay(torch):
    from spikeport.conversion.calibrating.simulation import simulated

    rng = np.random.default_rng(4)

    def dyadic(*shape):
        return rng.integers(-8, 9, shape) / 16.0

    fires = Neuron("IF", threshold=0.5, v_init=0.5, max_spikes=2)
    layers = [
        LayerNode.of("a", Conv(dyadic(3, 2, 3, 3), dyadic(3)), fires),
        LayerNode.of("b", Linear(dyadic(5, 12), dyadic(5)), fires),
        LayerNode.of("out", Linear(dyadic(4, 5), dyadic(4)), Neuron("IF")),
    ]
    graph, x = SNNGraph(layers, (2, 4, 4)), rng.integers(0, 17, (6, 2, 4, 4)) / 16.0
    whole, first = (graph.run(x, T=T, backend="reference") for T in (7, DELAY))
    arrived = simulated(graph, torch.tensor(x), 7, delay=DELAY)
    assert arrived.drive.numpy() == pytest.approx((whole.drive - first.drive) / (7 - DELAY))
    counts = whole.counts[1] - first.counts[1]
    assert arrived.rates.numpy() == pytest.approx(counts / (7 - DELAY)) and counts.any()


def test_calibrated_biases_make_the_late_rate_the_mean_activation_up_to_a_step(torch):
    from spikeport.conversion.calibrating.biases import calibrate_biases, channel_means
    from spikeport.conversion.calibrating.simulation import simulated

    rng, T = np.random.default_rng(6), 16
    W = rng.normal(size=(5, 8)) / 4
    layers = [LayerNode("hidden", 8, 5, W, "IF", v_init=-1.0), LayerNode("out", 5, 5, np.eye(5), "IF")]
    graph, x = SNNGraph(layers), torch.tensor(rng.random((300, 8)))
    means = {"hidden": np.maximum(x.numpy() @ W.T + 0.4, 0).mean(0)}
    reached = calibrate_biases(graph, [1.0, 1.0], x, T, means, delay=8)
    late, whole = (channel_means(simulated(graph, x, T, delay=delay).rates) for delay in (8, 0))
    assert channel_means(reached.rates) == pytest.approx(late)
    assert np.abs(late - means["hidden"]).max() < 1 / 8
    assert (whole < late).all()  # in the steps before, the membranes came up from below


def test_a_start_that_costs_only_steps_that_are_not_read_costs_nothing(torch):
    from spikeport.conversion.calibrating.late_starts import best_of

    currents = torch.full((1, 40, 2), 0.75, dtype=torch.float64)
    neuron, wanted = Neuron("IF", v_init=0.5), torch.full((40, 2), 1.0)
    whole = best_of(neuron, currents, 8, wanted, (-2.0, 0.5), (1.0,))
    late = best_of(neuron, currents, 8, wanted, (-2.0, 0.5), (1.0,), 4)
    assert (whole, late) == ((0.5, 1.0), (-2.0, 1.0))  # of two that are as good, the first


@quiet
def test_what_is_fitted_for_a_late_readout_loses_less_there_and_the_certificate_is_of_it(torch):
    model, x = deep(torch)
    how = {"T": 16, "percentile": 99.9, "bias_calibration": True, "readout_calibration": True}
    whole, late = (convert(model, x, readout_delay=delay, **how) for delay in (0, 8))
    unseen = torch.rand(200, 8)
    with torch.no_grad():
        expected = model(unseen).numpy()
    read_late = {"encoding": "current", "readout": "membrane", "readout_delay": 8}
    answers = [snn.run(unseen.numpy(), **read_late) for snn in (whole, late)]
    errors = [np.sqrt(np.square(answer - expected).mean()) / expected.std() for answer in answers]
    assert errors[1] < 0.9 * errors[0]
    assert late.certificate.details["readout_delay"] == 8 and "readout_delay" not in whole.certificate.details
    assert errors[1] == pytest.approx(late.certificate.details["error"], rel=0.2)
    assert "readout_delay" in late.certificate.further[0].details  # as Poisson spikes, too


@quiet
def test_no_neuron_begins_late_for_a_readout_that_leaves_out_the_first_steps(torch):
    model, x = deep(torch)
    found = convert(model, x[:120], T=6, readout_delay=3).certificate.details
    ways = {(one["biases"], one["weights"]) for one in [found, *found["runners_up"]]}
    assert ways == {("as trained", "as trained"), ("calibrated", "as trained"), ("calibrated", "ridge 0.03")}


@quiet
def test_without_a_fit_the_delay_changes_the_certificate_alone(torch):
    model, x = deep(torch)
    whole, late = (convert(model, x, T=8, percentile=99.9, readout_delay=delay) for delay in (0, 4))
    assert whole.graph == late.graph
    got = late.run(x.numpy(), encoding="current", readout="membrane", readout_delay=4)
    with torch.no_grad():
        assert late.certificate.largest_difference == pytest.approx(np.abs(got - model(x).numpy()).max(), rel=0.05)


@quiet
def test_a_network_remembers_what_it_leaves_out(torch, tmp_path):
    import spikeport

    model, x = deep(torch)
    late = convert(model, x, T=8, percentile=99.9, readout_delay=4)
    late.save(tmp_path / "late")
    given, labels = x[:40].numpy(), np.zeros(40, int)
    for snn in (late, spikeport.load(tmp_path / "late"), late.with_graph(late.graph.copy())):
        for how in ({}, {"T": 6}):
            read = {"encoding": "current", "readout": "membrane", **how}
            assert np.array_equal(snn.run(given, **read), snn.run(given, readout_delay=4, **read))
            assert not np.array_equal(snn.run(given, **read), snn.run(given, readout_delay=0, **read))
        with pytest.raises(ConversionError, match="read after step 4, and a run of 4 has no step behind it") as caught:
            snn.classify(given, T=4)
        assert caught.value.code == "readout" and snn.classify(given, T=4, readout_delay=0).shape == (40,)
    lengths = spikeport.sweep(late, given, labels, model=model)
    assert [point.timesteps for point in lengths.points] == [8] and lengths.readout_delay == 4
    assert lengths[8].accuracy == (late.classify(given, encoding="current") == labels).mean()
    report = spikeport.certify(model, late, given)
    with torch.no_grad():
        expected = model(torch.tensor(given)).numpy().argmax(1)
    assert report.agreement == (late.classify(given, encoding="current") == expected).mean()
    assert "read after step 4" in report.certificate.reason


@quiet
@pytest.mark.parametrize("worth", [0.98, 2.0])
def test_auto_reads_late_where_that_comes_closer_on_samples_that_nothing_was_fitted_to(torch, monkeypatch, worth):
    from spikeport.conversion.calibrating import choosing

    monkeypatch.setattr(choosing, "WORTH", worth)  # 2: what is up to twice as far off is taken, to see it taken
    model, x = deep(torch)
    how = {"T": 16, "thresholds": "percentile", "bias_calibration": True, "readout_calibration": True}
    found = convert(model, x, readout_delay="auto", **how)
    ways = [found.certificate.details, *found.certificate.details["runners_up"]]
    best = {delay: min(one["error"] for one in ways if one.get("readout_delay", 0) == delay) for delay in (0, 8)}
    wanted = 8 if best[8] < worth * best[0] else 0
    assert wanted == (8 if worth == 2 else 0)
    assert found.readout_delay == ways[0].get("readout_delay", 0) == wanted
    assert ("read after step 8: the best of" in found.certificate.reason) is (wanted == 8)
    alone = convert(model, x, readout_delay=wanted, **how)
    assert alone == found and alone.certificate.agreement == found.certificate.agreement
    assert convert(model, x[:50], T=16, readout_delay="auto").readout_delay == 0  # too few to choose by


@pytest.mark.parametrize("delay", [-1, 4, 1.5, True, "2", "late"])
def test_a_delay_that_leaves_no_step_or_is_none_is_refused_before_any_work(torch, delay):
    with pytest.raises(ConversionError, match="readout_delay must be a whole number from 0 to 3") as caught:
        convert(torch.nn.Tanh(), T=4, readout_delay=delay)
    assert caught.value.code == "readout"


def test_a_lossless_network_has_no_delay(torch):
    with pytest.raises(ConversionError, match="leave readout_delay=2 off") as caught:
        convert(torch.nn.Linear(2, 2), T=4, neuron="st_bif", readout_delay=2)
    assert caught.value.code == "readout"
    with pytest.raises(ConversionError, match="leave readout_delay='auto' off"):
        convert(torch.nn.Linear(2, 2), T=4, neuron="st_bif", readout_delay="auto")
