"""Situations that people reported of other converters, as they would write them here, each with its right value."""

import copy
import itertools
import pickle

import numpy as np
import pytest

from spikeport.conversion import ConversionWarning, ConvertedSNN, QCFSActivation, convert
from spikeport.errors import KernelError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron
from spikeport.snn_optimizer import optimize, quantized_parts

quiet = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")


def model_of(torch, widths, seed=0, last=None, bias=0.0):
    """Return a ReLU network whose weights are NumPy's draws, the same everywhere, and keep a signal's size."""
    rng, modules = np.random.default_rng(seed), []
    for n_in, n_out in itertools.pairwise(widths):
        linear = torch.nn.Linear(n_in, n_out)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(rng.normal(0, (2 / n_in) ** 0.5, (n_out, n_in))))
            linear.bias.copy_(torch.tensor(rng.normal(0, 1, n_out) * bias))
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1], *([] if last is None else [last])).eval()


def answers(model, x):
    return model(x).detach().numpy()


@pytest.fixture
def x(torch):
    return torch.tensor(np.random.default_rng(7).random((300, 16)), dtype=torch.float32)


@quiet
@pytest.mark.parametrize("prepare", [lambda x: 3 * x - 0.4, lambda x: 16 * x], ids=["standardised", "0 to 16"])
def test_inputs_outside_0_to_1_run_as_current_and_are_never_clipped_for_poisson(torch, x, prepare):
    model, x = model_of(torch, (16, 32, 4), bias=0.1), prepare(x)
    snn = convert(model, x, T=256)
    with pytest.raises(KernelError, match="encoding='current'") as caught:
        snn.classify(x)
    assert caught.value.code == "rate_range"
    got, expected = snn.run(x, encoding="current", readout="membrane"), answers(model, x)
    assert np.abs(got - expected).mean() < 0.02 * expected.std()


@quiet
def test_the_values_of_a_regression_come_closer_with_t_and_counts_alone_would_lose_the_negative_ones(torch, x):
    model = model_of(torch, (16, 32, 32, 2), bias=0.1)
    snn, expected = convert(model, 2 * x - 1, T=16, percentile=99.9, classes=False), answers(model, 2 * x - 1)
    assert snn.certificate.agreement is None and (expected < -0.1).any()
    how = {"encoding": "current", "readout": "membrane"}
    errors = [np.abs(snn.run(2 * x - 1, T=T, **how) - expected).mean() for T in (8, 64, 512)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert snn.run(2 * x - 1, encoding="current").min() == 0 > snn.run(2 * x - 1, **how).min()


@quiet
def test_the_answer_only_gets_better_with_t_unless_a_low_percentile_cuts_it_off(torch, x):
    model = model_of(torch, (16, 64, 64, 4), seed=1, bias=0.1)
    expected = answers(model, x)

    def course(percentile):
        """Return agreement and mean error, in deviations of the answer, at T = 1, 4, 16, …, 1024."""
        snn = convert(model, x, T=16, percentile=percentile)
        runs = [snn.run(x, T=4**n, encoding="current", readout="membrane") for n in range(6)]
        same = [(run.argmax(1) == expected.argmax(1)).mean() for run in runs]
        return same, [np.abs(run - expected).mean() / expected.std() for run in runs]

    same, error = course(99.9)
    assert all(after > before - 0.01 for before, after in itertools.pairwise(same)), "it fell"
    assert all(after < before / 1.5 for before, after in itertools.pairwise(error))
    assert same[-1] > 0.98 and error[-1] < 0.02
    cut_same, cut_error = course(50)
    assert cut_error[-1] > 0.9 * cut_error[2] > 20 * error[-1], "what is cut off came back with time"
    assert cut_same[-1] < 0.8
    assert course(90)[1][0] < 0.8 * error[0], "at a single step a lower threshold sends more"


@quiet
def test_levels_of_the_training_and_steps_of_the_run_agree_best_and_beyond_them_lies_the_clamped_network(torch, x):
    model = model_of(torch, (16, 64, 64, 4), seed=1, bias=0.1)
    model[1] = model[3] = QCFSActivation(4, theta=2.0)
    trained, snn = answers(model, x), convert(model, x, T=4, bias_calibration=False, readout_calibration=False)
    model[1] = model[3] = torch.nn.Hardtanh(0, 2)
    clamped = answers(model, x)
    runs = {T: snn.run(x, T=T, encoding="current", readout="membrane") for T in (1, 2, 4, 8, 16, 64, 256)}
    to_trained = {T: np.abs(run - trained).mean() for T, run in runs.items()}
    to_clamped = {T: np.abs(run - clamped).mean() for T, run in runs.items()}
    assert min(to_trained, key=to_trained.get) == 4
    assert to_clamped[4] > 1.5 * to_clamped[8] > 1.5**2 * to_clamped[16] > 5 * to_clamped[64] > 10 * to_clamped[256]
    assert (runs[256].argmax(1) == clamped.argmax(1)).mean() > 0.97


def test_a_deep_network_with_too_few_steps_is_warned_of_with_what_helps(torch, x):
    model = model_of(torch, (16, *[64] * 15, 10))
    with pytest.warns(ConversionWarning, match=r"more timesteps \(T=16\).* thresholds='auto'.* QCFSActivation"):
        snn = convert(model, x, T=4, percentile=99.9)
    assert snn.certificate.agreement < 0.9


@quiet
def test_a_clamped_relu_converts_as_one_whose_rate_ends_at_the_clamp(torch, x):
    model = model_of(torch, (16, 32, 4))
    model[1] = torch.nn.ReLU6()
    expected = answers(model, x)
    got = convert(model, x, T=64).run(x, encoding="current", readout="membrane")
    assert np.abs(got - expected).mean() < 0.1 * expected.std()


@quiet
def test_one_relu_in_several_places_shares_no_state_and_one_linear_twice_is_two_layers(torch, x):
    model, relu = model_of(torch, (16, 16, 16, 4)), torch.nn.ReLU()
    plain = convert(model, x, T=16)
    shared = torch.nn.Sequential(model[0], relu, model[2], relu, model[4])
    assert convert(shared, x, T=16) == plain
    twice = convert(torch.nn.Sequential(model[0], relu, model[0], relu, model[4]), x, T=16)
    assert twice.n_layers == 3 and len(set(twice.names)) == 3


@quiet
def test_a_converted_network_survives_pickle_deepcopy_and_torch_save(torch, x, tmp_path):
    snn = convert(model_of(torch, (16, 32, 4)), x, T=8)
    torch.save(snn, tmp_path / "snn.pt")
    for again in (
        pickle.loads(pickle.dumps(snn)),
        copy.deepcopy(snn),
        torch.load(tmp_path / "snn.pt", weights_only=False),
    ):
        assert again == snn and again.certificate == snn.certificate
        assert np.array_equal(again.run(x, seed=2), snn.run(x, seed=2))


@quiet
def test_an_output_without_spikes_and_a_hard_reset_are_set_by_hand(torch, x):
    snn = convert(model_of(torch, (16, 32, 4)), x, T=64)
    hidden, output = snn.graph
    sums = SNNGraph([hidden, LayerNode.with_neuron("out", output.weights, output.bias, Neuron("identity"))])
    drive = snn.graph.run(x, T=64).drive
    assert np.array_equal(sums.run(x, T=64).drive, drive)
    assert np.allclose(sums.run(x, T=64).counts[-1], drive, atol=1e-3)
    hard = LayerNode.with_neuron("hard", hidden.weights, hidden.bias, Neuron("IF", v_init=0.5, v_reset=0.0))
    lost = SNNGraph([hard, output]).run(x, T=64).counts[0]
    soft = snn.graph.run(x, T=64).counts[0]
    assert (lost <= soft).all() and lost.sum() < soft.sum()  # a hard reset throws away what lay above the threshold


@quiet
@pytest.mark.parametrize("bits", [8, 4])
def test_the_codes_that_a_chip_wants_are_the_weights_that_ran(torch, x, bits):
    snn = convert(model_of(torch, (16, 32, 4)), x, T=16)
    smaller, _ = optimize(snn, passes=[("quantize", {"bits": bits})])
    assert isinstance(smaller, ConvertedSNN)
    for layer in smaller.graph:
        codes, scales = quantized_parts(layer, bits)
        assert codes.dtype == np.int8 and np.abs(codes.astype(int)).max() < 2 ** (bits - 1)
        assert np.allclose(codes * scales[:, None], layer.weights, rtol=1e-6, atol=0)


@quiet
def test_counts_of_every_sample_are_there_and_agree_with_the_recorded_spikes(torch, x):
    snn = convert(model_of(torch, (16, 32, 4)), x, T=8)
    run = snn.graph.run(x, T=8, record=True)
    for counts, spikes in zip(run.counts, run.spikes, strict=True):
        assert counts.shape[0] == 300 and np.array_equal(counts, spikes.sum(axis=0, dtype=np.int64))


def test_too_many_steps_for_memory_or_counting_are_refused_not_tried():
    snn = ConvertedSNN([np.eye(2)], [None], [1.0], 4)
    with pytest.raises(KernelError, match="timesteps"):
        snn.run(np.ones((1, 2)), T=2**31, encoding="current")
    long = snn.run(np.full((1, 2), 0.5), T=100_000, encoding="current", readout="membrane")
    assert long == pytest.approx(0.5)
