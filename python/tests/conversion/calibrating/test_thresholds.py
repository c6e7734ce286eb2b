"""The rules for thresholds, on numbers made by hand, and how one of them is asked for."""

import numpy as np
import pytest

from spikeport.conversion import convert
from spikeport.conversion.thresholds.by_data import GRID, by_data, error_of
from spikeport.conversion.thresholds.distribution import Outputs, PositiveValues
from spikeport.conversion.thresholds.percentile import by_percentile
from spikeport.errors import ConversionError

pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")  # little data, on purpose


def seen(*values, kept=1 << 20):
    held = PositiveValues(kept)
    held.add(np.array(values))
    return held


def test_the_error_of_a_theta_is_that_of_rounding_and_clipping():
    # θ = 2 in 2 levels: 0.4 -> 0, 0.5 -> 1 (half rounds up), 1.6 -> 2, 5 -> 2
    assert error_of(2.0, np.array([0.4, 0.5, 1.6, 5.0]), 2) == pytest.approx((0.16 + 0.25 + 0.16 + 9) / 4)


def test_by_data_is_the_smallest_error_on_the_grid():
    values = np.array([0.1, 0.2, 0.2, 0.3, 0.3, 0.3, 1.0])
    for levels in (1, 2, 4, 16):
        errors = [error_of(share * 1.0, values, levels) for share in GRID]
        assert by_data(levels)(seen(*values)) == GRID[int(np.argmin(errors))]


def test_by_data_clips_at_few_levels_and_nothing_at_many():
    values = np.append(np.full(99, 0.25), 1.0)
    assert by_data(1)(seen(*values)) < 0.5
    assert by_data(64)(seen(*values)) == 1.0
    assert by_data(4)(seen(-1.0)) is None


def test_values_spread_over_their_order_keep_the_smallest_and_the_largest():
    assert seen(3.0, -1.0, 1.0, 2.0).spread(10).tolist() == [1.0, 2.0, 3.0]
    many = np.random.default_rng(0).permutation(np.arange(1.0, 5001.0))
    for kept in (1 << 20, 100):  # as they are, and as a histogram
        some = seen(*many, kept=kept).spread(101)
        assert some == pytest.approx(np.linspace(1, 5000, 101).round(), rel=2**-10) and some[-1] == 5000


def test_a_rule_is_asked_of_each_channel_and_a_silent_one_clips_nothing():
    outputs = Outputs(3)
    outputs.add(np.array([[[1.0, 2.0], [4.0, -8.0], [-1.0, 0.0]]]), is_drive=False)
    assert outputs.thetas(by_percentile(100)).tolist() == [2.0, 4.0, 4.0]
    assert Outputs(2).thetas(by_percentile(100)) is None


def identity_network(torch):
    """Return a network of one hidden neuron, relu(x), and its reading."""
    from spikeport.conversion.qcfs import ACTIVATIONS
    from spikeport.reading.torch import read_model

    model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.ReLU(), torch.nn.Linear(1, 1)).eval()
    with torch.no_grad():
        for linear in (model[0], model[2]):
            linear.weight.fill_(1.0)
            linear.bias.zero_()
    return read_model(model, ACTIVATIONS, sample=None, input_shape=None)


def test_local_balancing_moves_theta_by_twice_the_mean_of_what_lies_above_it(torch):
    from spikeport.conversion.thresholds.balanced import BATCH, locally_balanced

    network = identity_network(torch)
    name = network.nodes[0].name
    x = np.array([[0.0], [1.0]] * (BATCH // 2), np.float32)
    with torch.no_grad():
        one, two = (locally_balanced(network, x, {name: 1}, updates=n)[name] for n in (1, 2))
        assert one.tolist() == [1.0]  # 0 + 2·mean(0, 1)
        assert two.tolist() == [1.0]  # nothing lies above it any more
        three = locally_balanced(network, np.append(x, 4 * x, axis=0), {name: 1}, updates=2)[name]
        assert three.tolist() == [4.0]  # 1 + 2·mean(0, 3)
        assert locally_balanced(network, -x, {name: 1}) == {}  # never active


def test_layers_behind_meet_what_those_before_pass_on(torch):
    from spikeport.conversion.qcfs import ACTIVATIONS
    from spikeport.conversion.thresholds.balanced import BATCH, locally_balanced
    from spikeport.reading.torch import read_model

    nn = torch.nn
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1)).eval()
    with torch.no_grad():
        for linear in (model[0], model[2], model[4]):
            linear.weight.fill_(1.0)
            linear.bias.zero_()
        network = read_model(model, ACTIVATIONS, sample=None, input_shape=None)
        first, second, _ = (node.name for node in network.nodes)
        x = np.zeros((BATCH, 1), np.float32)
        x[0] = 16.0
        found = locally_balanced(network, x, {first: 1, second: 1}, updates=1)
    assert found[first].tolist() == [2 * 16 / BATCH]
    assert found[second].tolist() == [2 * (2 * 16 / BATCH) / BATCH]  # of 16 clipped at the θ before


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"thresholds": "best"}, "thresholds"),
        ({"thresholds": 3}, "thresholds"),
        ({"thresholds": "data", "percentile": 99}, "percentile"),
        ({"thresholds": "auto", "percentile": 99.9}, "percentile"),
        ({"bias_calibration": 1}, "calibration"),
        ({"max_spikes": 0}, "max_spikes"),
        ({"max_spikes": 128}, "max_spikes"),
        ({"max_spikes": 2.0}, "max_spikes"),
        ({"readout_calibration": "ridge"}, "calibration"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_the_model_is_looked_at(torch, how, code):
    with pytest.raises(ConversionError) as caught:
        convert("no model at all", torch.rand(8, 4), **how)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "how",
    [{"thresholds": "auto"}, {"thresholds": "balanced"}, {"bias_calibration": True}, {"readout_calibration": True}],
)
def test_what_looks_at_data_wants_some(torch, how):
    with pytest.raises(ConversionError, match="needs calibration data") as caught:
        convert(torch.nn.Linear(4, 2), **how)
    assert caught.value.code == "calibration_empty"


def test_each_rule_gives_the_theta_that_it_says(torch):
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    x = torch.rand(50, 4)
    with torch.no_grad():
        active = model[:2](x).numpy()
    positive = active[active > 0]
    usual, some, data = (convert(model, x, T=4, **how) for how in ({}, {"percentile": 90}, {"thresholds": "data"}))
    assert usual.scales[0] == pytest.approx(np.percentile(positive, 99.9), rel=1e-6)  # 50 samples: too few to choose by
    assert some.scales[0] == pytest.approx(np.percentile(positive, 90), rel=1e-6)
    assert data.scales[0] == pytest.approx(by_data(4)(seen(*positive)), rel=1e-6)
    assert [one.certificate.details["thresholds"] for one in (usual, some, data)] == [
        "percentile 99.9",
        "percentile 90",
        "data",
    ]
    assert convert(model, x, T=4, thresholds="balanced").scales[0] <= active.max() * 2
