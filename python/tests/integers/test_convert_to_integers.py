"""``convert(…, arithmetic=…)``: the same calls on the same real inputs, with whole numbers inside."""

import warnings

import numpy as np
import pytest

from spikeport import certify, load, sweep
from spikeport.conversion import InputStepWarning, convert
from spikeport.errors import ConversionError, GraphError
from spikeport.snn_optimizer import optimize

GIVEN = {"T": 16, "percentile": 99.9}


@pytest.fixture(scope="module", params=["int8", "int16"])
def pair(request, digits_mlp, digits):
    """The float and the integer network of the same conversion."""
    x = digits[0][:300]
    return convert(digits_mlp, x, **GIVEN), convert(digits_mlp, x, **GIVEN, arithmetic=request.param)


def test_it_answers_as_the_float_network_on_the_same_inputs(pair, digits):
    _, whole = pair
    x, y = digits[1], digits[3]
    answers = [snn.classify(x, encoding="current") for snn in pair]
    assert (answers[0] == answers[1]).mean() >= 0.98
    assert abs((answers[0] == y).mean() - (answers[1] == y).mean()) <= 0.01
    assert np.array_equal(whole.classify(x), answers[1])  # constant current is its own encoding
    drives = [snn.run(x, encoding="current", readout="membrane") for snn in pair]
    assert np.abs(drives[0] - drives[1]).mean() < 0.05 * drives[0].std()
    counts = [snn.run(x, encoding="current") for snn in pair]
    assert np.abs(counts[0] - counts[1]).mean() < 0.2


def test_all_of_it_is_of_integers_and_exact_pixels(pair):
    _, whole = pair
    bits = whole.units.bits
    assert {layer.weights.dtype.name for layer in whole.graph} == {f"int{bits}"}
    assert whole.units.input.exact and whole.units.input.step == 1 / 16
    assert whole.certificate.level == "measured" and whole.certificate.further[-1].details["bits"] == bits


def test_it_does_not_overflow_in_256_steps(pair):
    _, whole = pair
    whole.run(np.ones(64), T=256)


def test_saved_and_loaded_it_answers_the_same(pair, digits, tmp_path):
    _, whole = pair
    whole.save(tmp_path / "whole")
    back = load(tmp_path / "whole")
    assert back == whole and (back.units, back.encoding) == (whole.units, "current")
    assert np.array_equal(*(snn.run(digits[1], readout="membrane") for snn in (back, whole)))


def test_inputs_between_whole_numbers_are_told_of(pair, digits):
    _, whole = pair
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole.classify(digits[1][:3])
    with pytest.warns(InputStepWarning, match="multiples of 0.0625"):
        whole.classify(digits[1][:3] * np.float32(0.9))


def test_what_integers_do_not_do_is_refused_by_name(pair, digits, digits_mlp):
    _, whole = pair
    for call, code in (
        (lambda: whole.run(digits[1], encoding="poisson"), "encoding"),
        (lambda: sweep(whole, digits[1], digits[3], encoding="poisson"), "encoding"),
        (lambda: certify(digits_mlp, whole, digits[1], encoding="poisson"), "encoding"),
    ):
        with pytest.raises(ConversionError) as caught:
            call()
        assert caught.value.code == code
    with pytest.raises(GraphError) as caught:
        optimize(whole.graph)
    assert caught.value.code == "dtype"


def test_a_sweep_reads_whole_numbers_too(pair, digits):
    found = [sweep(snn, digits[1][:100], digits[3][:100], T=[4, 16]).points for snn in pair]
    assert [point.accuracy for point in found[0]] == pytest.approx([point.accuracy for point in found[1]], abs=0.04)


def test_arrays_that_are_put_into_it_stay_whole(pair, digits):
    _, whole = pair
    before, biases = whole.graph.copy(), [bias.copy() for bias in whole.biases]
    whole.biases = [bias * 1.0 for bias in biases]
    whole.weights = [weights.astype(float) for weights in whole.weights]
    assert whole.graph == before
    with pytest.raises(Exception, match="whole number") as caught:
        whole.biases[0] = biases[0] + 0.5
    assert caught.value.code == "not_whole"


def test_a_lossless_network_of_integers_settles_on_its_quantised_one(digits_mlp, digits):
    whole = convert(digits_mlp, digits[0][:300], T=400, neuron="st_bif", arithmetic="int8")
    assert whole.certificate.level == "exact"
    answers, settled = whole.run(digits[1], readout="membrane", with_settled=True)
    assert (settled >= 0).all() and np.array_equal(answers, whole.quantised(digits[1]))
    real = convert(digits_mlp, digits[0][:300], T=400, neuron="st_bif")
    assert (real.quantised(digits[1]).argmax(1) == answers.argmax(1)).mean() >= 0.98


def test_arithmetic_that_is_none_and_integers_without_data_are_refused(digits_mlp, digits):
    for data, arithmetic, code in ((digits[0][:50], "int4", "arithmetic"), (None, "int8", "calibration_empty")):
        with pytest.raises(ConversionError) as caught:
            convert(digits_mlp, data, arithmetic=arithmetic)
        assert caught.value.code == code


def test_a_unit_that_the_data_hardly_wake_is_left_its_bits():
    rng, torch = np.random.default_rng(0), pytest.importorskip("torch")
    x = rng.random((200, 16)).astype(np.float32)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(16, 12), torch.nn.ReLU(), torch.nn.Linear(12, 4))
    with torch.no_grad():
        first = model[0]
        first.bias[3] -= (x @ first.weight[3].numpy() + first.bias[3].item()).max() - 1e-4  # one sample, hardly
        expected = model(torch.tensor(x)).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        snn = convert(model, x, T=16, arithmetic="int8")
    got = snn.run(x, encoding="current", readout="membrane")
    assert np.abs(got - expected).max() < 0.2 * np.ptp(expected)
    assert np.asarray(snn.scales[0]).min() > np.median(snn.scales[0]) / 64
