"""`sweep`: one run holds every length, the work is counted, and early exit keeps what it promises."""

import json

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from spikeport import LayerNode, Neuron, SNNGraph, sweep
from spikeport.certification.lengths.early_exit import exits, learnt_margin
from spikeport.conversion import ConvertedSNN, convert
from spikeport.errors import ConversionError, KernelError
from spikeport.profiling import SpikeProfiler
from spikeport.snn_optimizer.cost import cost_of
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.replay.simulation import simulate

pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")
LENGTHS = [1, 2, 3, 7, 16]


@pytest.mark.parametrize("encoding", ["current", "poisson"])
@pytest.mark.parametrize("network", ["mlp", "graph"])
def test_one_run_holds_the_answers_of_all_lengths_to_the_bit(request, network, encoding):
    from spikeport.certification.lengths.trajectory import Trajectory, trajectories

    if network == "mlp":
        snn, x = request.getfixturevalue("digits_snn"), request.getfixturevalue("digits")[1][:40]
    else:
        snn, x = request.getfixturevalue("residual_snn"), request.getfixturevalue("residual")[1]
    shaped = x.reshape(len(x), *snn.graph.input_shape)
    found = Trajectory.joined([*trajectories(snn, shaped, LENGTHS, encoding=encoding, seed=3, backend="auto")])
    for place, T in enumerate(LENGTHS):
        own = snn.run(x, T=T, encoding=encoding, seed=3, readout="membrane")
        assert np.array_equal(found.outputs[:, place], own)
        assert np.array_equal(found.classes[:, T - 1], snn.classify(x, T=T, encoding=encoding, seed=3))
        run = snn.graph.run(shaped, T=T, encoding=encoding, seed=3)
        for k, layer in enumerate(snn.graph.layers[:-1]):
            if layer.neuron.is_spiking:
                assert np.array_equal(found.layers[:, place, k, 0], run.counts[k].reshape(len(x), -1).sum(1))


def test_late_readouts_are_those_of_runs_that_are_read_late(digits_snn, digits):
    _, x, _, y = digits
    report = sweep(digits_snn, x, y, T=[4, 9], readout_delay=3)
    for T in (4, 9):
        late = digits_snn.classify(x, T=T, encoding="current", readout_delay=3)
        assert report[T].accuracy == (late == y).mean()
    assert "first 3 steps are not read" in report.note and report.early_exit.steps[:3] == (0, 0, 0)
    with pytest.raises(ConversionError, match="from 0 to 3") as caught:
        sweep(digits_snn, x, T=[4, 9], readout_delay=4)
    assert caught.value.code == "readout"


def test_any_neurons_can_be_swept(digits_snn, digits):
    *hidden, output = digits_snn.graph.copy().layers
    hidden[0].neuron = Neuron("LIF", beta=0.9, v_init=0.5)
    snn = ConvertedSNN.from_graph(SNNGraph([*hidden, output]), 8)
    assert sweep(snn, digits[1], digits[3], T=[8]).points[0].accuracy > 0.5


def test_accuracy_agreement_and_logit_error_are_those_of_the_networks(torch, digits_snn, digits_mlp, digits):
    _, x, _, y = digits
    logits = digits_mlp(torch.tensor(x)).detach().numpy()
    report = sweep(digits_snn, x, y, T=[2, 8], model=digits_mlp)
    for T in (2, 8):
        answers = digits_snn.classify(x, T=T, encoding="current")
        assert report[T].accuracy == (answers == y).mean()
        assert report[T].agreement == (answers == logits.argmax(1)).mean()
        error = digits_snn.run(x, T=T, encoding="current", readout="membrane") - logits
        assert report[T].logit_error == pytest.approx(np.sqrt((error**2).mean()) / logits.std(), rel=1e-5)
        low, high = report[T].agreement_interval
        assert low < report[T].agreement < high
    assert report.trained_accuracy == (logits.argmax(1) == y).mean()
    given_ = sweep(digits_snn, x, y, T=[2, 8], logits=logits)
    assert given_.to_dict() == report.to_dict()
    assert sweep(digits_snn, x[:9]).points[-1].accuracy is None


def test_the_default_lengths_are_powers_of_two_up_to_the_conversions(digits_snn, digits):
    assert [point.timesteps for point in sweep(digits_snn, digits[1][:5]).points] == [1, 2, 4, 8]


def test_work_is_a_direct_count(torch):
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    with torch.no_grad():
        model[2].weight[:, 2] = 0
        model[0].weight[0, 0] = 0
    snn = convert(model, torch.rand(50, 4), T=5, percentile=99.9)
    x = np.random.default_rng(0).random((7, 4)).astype(np.float32)
    x[:, 1] = 0
    point = sweep(snn, x, T=5).points[0]
    counts = snn.graph.run(x, T=5).counts[0]
    first, second = point.layers
    assert first.spikes == (counts.sum(1).mean(), counts.sum(1).std())
    # Input 0 has a fan-out of 5, input 1 is 0, inputs 2 and 3 have 6: at each of 5 steps, as an analog input.
    assert first.multiply_accumulates == (5 * (5 + 6 + 6), 0) and first.accumulates == (0, 0)
    met = 3 * (counts.sum(1) - counts[:, 2])
    assert second.accumulates == (met.mean(), met.std()) and second.multiply_accumulates == (0, 0)
    assert (first.membrane_reads, first.membrane_writes, first.weight_fetches) == (30, 30, 85)
    assert second.weight_fetches == met.mean() and first.rate == counts.mean() / 5
    assert point.energy.spikes_a_synapse == pytest.approx(met.mean() / 18)


def test_graded_signals_behind_an_average_pool_are_multiplied_and_spikes_behind_a_max_pool_are_not(
    residual, residual_snn
):
    _, images = residual
    kinds = {layer.name: layer.operation.kind for layer in residual_snn.graph}
    found = {layer.name: layer for layer in sweep(residual_snn, images, T=6).points[0].layers}
    assert "sum_pool" in kinds.values() or "avg_pool" in kinds.values()
    assert found["second"].multiply_accumulates[0] > 0 and found["second"].accumulates[0] == 0
    assert found["head"].accumulates[0] > 0 and found["head"].multiply_accumulates[0] == 0


def test_several_spikes_a_step_are_multiplied_and_counted_each_and_as_bits(torch):
    eye = np.eye(2, dtype=np.float32)
    layers = [LayerNode("hidden", 2, 2, eye, "IF"), LayerNode("out", 2, 3, np.ones((3, 2), np.float32), "IF")]
    layers[0].neuron = Neuron("IF", max_spikes=4)
    snn = ConvertedSNN.from_graph(SNNGraph(layers), 2)
    x = np.array([[3, 1], [0, 5]])  # spikes a step: 3 and 1; 0 and 4, then 4 again, as 5 - 4 are left
    point = sweep(snn, x, T=[2]).points[0]
    assert point.levels == 8 and point.energy.bits == 4
    hidden, out = point.layers
    assert hidden.spikes == (8, 0) and hidden.set_bits == (4, 2)
    assert out.accumulates == (0, 0) and out.multiply_accumulates == (9, 3)  # 3 weights for each value that is not 0
    assert point.energy.spikes_a_synapse == 8 * 3 / 6 and "set bits" in sweep(snn, x, T=[2]).page().html()


def test_the_work_is_that_of_the_profiler_which_is_that_of_neurobench(residual, residual_snn):
    _, images = residual
    profiler = SpikeProfiler()
    profiler.record_graph(residual_snn.graph, images, T=6)
    activity = profiler.report().activity
    layers = sweep(residual_snn, images, T=6).points[0].layers
    for layer in layers:
        if layer.weight_fetches:
            assert layer.weight_fetches == pytest.approx(activity.layers[layer.name])
    assert sum(layer.accumulates[0] for layer in layers) == pytest.approx(activity.effective_acs)


def test_the_work_of_single_spikes_is_that_of_the_optimizer_which_multiplies_a_constant_input_once(digits_snn, digits):
    x = digits[1][:40]
    events = simulate(digits_snn.graph, x, Scope(timesteps=8)).events
    first, *others = sweep(digits_snn, x, T=[8]).points[0].layers
    found = first.multiply_accumulates[0] / 8 + sum(layer.accumulates[0] for layer in others)
    assert found == pytest.approx(cost_of(digits_snn.graph, events).synaptic_operations)


margins = arrays.arrays(np.float64, (12, 5), elements=some.floats(0, 9, width=16))
classes = arrays.arrays(np.int64, (12, 5), elements=some.integers(0, 2))


@given(classes, margins, some.floats(0, 0.5))
def test_the_margin_keeps_all_but_the_tolerated_share_of_what_it_was_learnt_on(answers, leads, tolerance):
    margin = learnt_margin(answers, leads, tolerance)
    stopped = answers[np.arange(12), exits(leads, margin)]
    assert (stopped != answers[:, -1]).mean() <= tolerance


@given(margins, some.floats(0, 9), some.floats(0, 9))
def test_a_larger_margin_never_stops_earlier(leads, one, other):
    assert (exits(leads, min(one, other)) <= exits(leads, max(one, other))).all()


def test_early_exit_is_reported_on_samples_that_it_was_not_learnt_on(digits_snn, digits):
    x_train, x, _, y = digits
    halves = sweep(digits_snn, x, y, T=[8]).early_exit
    assert halves.samples == len(x) // 2 and "every other" in halves.learnt_on
    assert sum(halves.steps) == halves.samples
    assert halves.mean_steps == pytest.approx(np.average(np.arange(1, 9), weights=halves.steps))
    learnt = sweep(digits_snn, x, y, T=[8], calibration=x_train, tolerance=0.0).early_exit
    assert learnt.samples == len(x) and "1,437 calibration samples" in learnt.learnt_on
    on_itself = sweep(digits_snn, x_train, T=[8], calibration=x_train, tolerance=0.0).early_exit
    assert on_itself.kept == 1 and on_itself.margin == learnt.margin and on_itself.mean_steps < 8
    assert learnt.energy["arithmetic"] < sweep(digits_snn, x, T=[8]).points[0].energy.spiking["arithmetic"]
    assert learnt.whole_accuracy == (digits_snn.classify(x, T=8, encoding="current") == y).mean()


def test_without_a_tolerable_margin_every_sample_takes_all_steps():
    answers = np.array([[1, 0], [1, 0]])
    assert learnt_margin(answers, np.full((2, 2), 3.0), 0.0) == np.inf
    assert exits(np.full((2, 2), 3.0), np.inf).tolist() == [1, 1]


def test_the_report_is_data(digits_snn, digits_mlp, digits):
    report = sweep(digits_snn, digits[1][:30], digits[3][:30], T=[1, 4], model=digits_mlp)
    data = json.loads(report.to_json(), parse_constant=pytest.fail)
    assert [point["timesteps"] for point in data["points"]] == [1, 4]
    assert data["energy"]["note"] == "Modelled, not measured"
    assert "T = 8" in data["note"]
    assert max(map(len, str(report).split("\n")[1:5])) <= 110
    with pytest.raises(KeyError, match="1, 4 were"):
        report[2]


@pytest.mark.parametrize(
    "change, code, word",
    [
        ({"T": []}, "timesteps", "empty"),
        ({"T": [4, 0]}, "timesteps", "at least 1"),
        ({"T": "48"}, "timesteps", "whole number"),
        ({"y": np.zeros(2, int)}, "labels", "3 whole numbers"),
        ({"y": np.zeros(3)}, "labels", "float64"),
        ({"logits": np.zeros((3, 9))}, "logits", "shape"),
        ({"logits": np.zeros((3, 10)), "model": "both"}, "logits", "one of them"),
        ({"tolerance": 1.5}, "tolerance", "share"),
        ({"encoding": "morse"}, "encoding", "morse"),
        ({"calibration": np.zeros((4, 5))}, "shape", "give"),
        ({"x": np.zeros((0, 64))}, "samples", "no sample"),
        ({"distributed": True}, "distributed", "init_process_group"),
        ({"snn": None}, "graph", "ConvertedSNN"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_any_work(digits_snn, digits, change, code, word):
    given_ = {"snn": digits_snn, "x": digits[1][:3]} | change
    with pytest.raises(ConversionError, match=word) as caught:
        sweep(**given_)
    assert caught.value.code == code


def test_values_that_are_no_rates_are_refused(digits_snn):
    with pytest.raises(KernelError, match="Poisson") as caught:
        sweep(digits_snn, np.full((2, 64), 3.0), encoding="poisson")
    assert caught.value.code == "rate_range"


def test_values_in_place_of_classes_have_no_accuracy_and_no_early_exit(torch):
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    snn = convert(model, torch.rand(20, 3), T=4, percentile=99.9, classes=False)
    report = sweep(snn, np.random.default_rng(0).random((9, 3)), model=model)
    assert report.early_exit is None and report.points[0].agreement is None and report.points[0].logit_error > 0
    assert "Early exit" not in report.page().html()
