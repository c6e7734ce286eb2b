"""Lossless conversion: what settles is the quantised network, bit for bit, and whatever may differ is said."""

import warnings

import numpy as np
import pytest

import spikeport
from spikeport.certification import certify, sweep
from spikeport.conversion import ConvertedSNN, QCFSActivation, UnsettledWarning, convert
from spikeport.conversion.lossless.certificate import beside_quantised, certified
from spikeport.conversion.lossless.grid import why_inexact
from spikeport.errors import ConversionError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron
from spikeport.operations import Linear

quiet = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")


@pytest.fixture
def nn(torch):
    torch.manual_seed(0)
    return torch.nn


def mlp(nn):
    return nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 10))


def cnn(nn):
    first = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)
    second = nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.BatchNorm2d(8), nn.ReLU6(), nn.AvgPool2d(3, 1)
    return nn.Sequential(nn.Unflatten(1, (1, 8, 8)), *first, *second, nn.Flatten(), nn.Linear(32, 10))


def residual(nn):
    import torch

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.conv = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
            self.narrow, self.wide = nn.Conv2d(6, 3, 1), nn.Conv2d(6, 3, 3, padding=1)
            self.head = nn.Linear(6 * 9, 10)

        def forward(self, x):
            x = torch.relu(self.stem(x.reshape(-1, 1, 8, 8)))
            x = torch.relu(self.conv(x) + x)
            x = torch.relu(torch.cat([self.narrow(x), self.wide(x)], 1))  # neurons behind no weights of their own
            x = torch.relu(nn.functional.avg_pool2d(x, 2) + nn.functional.max_pool2d(x, 2))
            x = torch.relu(nn.functional.avg_pool2d(x, 2, 1))
            return self.head(x.flatten(1))

    return Net()


@pytest.fixture(scope="module")
def digits():
    sklearn = pytest.importorskip("sklearn.datasets")
    data = sklearn.load_digits()
    return (data.data / 16).astype(np.float32), data.target


@pytest.mark.parametrize("build", [mlp, cnn, residual])
def test_digits_end_to_end(build, torch, nn, digits, tmp_path):
    (x, y), model = digits, build(nn)
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(6):
        for rows in torch.arange(1200).split(60):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(torch.tensor(x[rows])), torch.tensor(y[rows])).backward()
            optimiser.step()
    model.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnsettledWarning)
        snn = convert(model, x[:600], T=400, neuron="st_bif", levels=31)
    certificate = snn.certificate
    assert certificate.level == "exact", str(certificate)
    assert certificate.details["settled"] == 1 and certificate.details["samples_with_other_counts"] == 0
    (trained,) = certificate.further
    assert trained.level == "measured" and trained.samples == 256 and trained.agreement > 0.9
    test = x[1200:]
    answers, steps = snn.run(test, with_settled=True)
    assert steps.min() >= 1 and steps.max() < 400
    assert np.array_equal(answers, snn.quantised(test))
    assert np.array_equal(snn.classify(test), snn.quantised(test).argmax(1))
    one, step = snn.classify(test[7], with_settled=True)
    assert (one, step) == (answers[7].argmax(), steps[7])
    found = beside_quantised(snn, test)
    assert found.has_settled.all() and not found.other.any()
    assert (found.largest_difference, found.agreement) == (0, 1)
    logits = model(torch.tensor(test)).detach().numpy()
    coarse = convert(model, x[:600], T=400, neuron="st_bif", levels=7)
    errors = [np.abs(net.quantised(test) - logits).mean() for net in (snn, coarse)]
    assert errors[0] < 0.6 * errors[1] < 0.6 * logits.std()

    snn.save(tmp_path / "net")
    again = spikeport.load(tmp_path / "net")
    assert again == snn and again.is_pulsed and again.certificate == certificate
    assert np.array_equal(again.run(test[:9]), answers[:9]) and np.array_equal(again.quantised(test), answers)
    assert why_inexact(again.graph) is None


@quiet
def test_a_qcfs_network_keeps_what_it_learnt_and_is_its_own_quantised_network(torch, nn):
    model = nn.Sequential(
        nn.Linear(6, 20), QCFSActivation(4, 2.0), nn.Linear(20, 20), QCFSActivation(7, 1.5), nn.Linear(20, 3)
    )
    x = torch.rand(200, 6)
    snn = convert(model, x, T=200, neuron="st_bif")
    assert [layer.neuron.tracer_max for layer in snn.graph][:2] == [4, 7]
    assert snn.scales == [2.0 / 4, 1.5 / 7, 1.0]
    assert snn.certificate.level == "exact" and snn.certificate.details["thresholds"] == "as learnt"
    off = np.abs(snn.quantised(x) - model(x).detach().numpy()).max(axis=1)
    assert (off < 1e-5).mean() > 0.95  # in float32, a value may lie on the edge of a level


@quiet
@pytest.mark.parametrize("end", ["relu", "qcfs", "clamp", "add", "pool", "pool then relu"])
def test_a_network_may_end_in_anything(end, torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
            self.qcfs = QCFSActivation(8, 0.5)

        def forward(self, x):
            a = torch.relu(self.first(x))
            b = self.last(a)
            return {
                "relu": lambda: torch.relu(b),
                "qcfs": lambda: self.qcfs(b),
                "clamp": lambda: nn.functional.relu6(b),
                "add": lambda: torch.relu(a + b),
                "pool": lambda: nn.functional.avg_pool2d(b, 3),
                "pool then relu": lambda: torch.relu(nn.functional.max_pool2d(b, 2)),
            }[end]().flatten(1)

    x, model = torch.rand(120, 1, 6, 6), Net()
    snn = convert(model, x, T=300, neuron="st_bif", levels=127)
    answers, steps = snn.run(x, with_settled=True)
    assert snn.certificate.level == "exact" and (steps > 0).all()
    assert np.array_equal(answers, snn.quantised(x))
    expected = model(x).detach().numpy()
    assert np.abs(answers - expected).max() < (0.07 if end == "qcfs" else 0.03)


@quiet
def test_what_mixes_the_input_with_spikes_is_measured_and_says_so(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(5, 5), nn.Linear(5, 3)

        def forward(self, x):
            return self.last(torch.relu(self.first(x)) + x)

    snn = convert(Net(), torch.rand(120, 5), T=100, neuron="st_bif")
    assert snn.certificate.level == "measured" and "may round" in snn.certificate.reason
    assert snn.certificate.largest_difference < 1e-12 and snn.certificate.agreement == 1
    assert snn.certificate.details["samples_with_other_counts"] <= snn.certificate.samples


@quiet
def test_too_few_steps_warn_and_are_not_the_quantised_network(torch, nn):
    x = torch.rand(150, 64)
    with pytest.warns(UnsettledWarning, match="T=2 steps.*T=8"):
        snn = convert(mlp(nn), x, T=2, neuron="st_bif")
    assert snn.certificate.details["settled"] < 1
    with pytest.warns(UnsettledWarning, match="150 samples had not settled after 2 steps") as caught:
        _, steps = snn.run(x, with_settled=True)
    assert caught[0].message.code == "unsettled" and (steps == -1).any()
    _, steps = snn.run(x, T=200, with_settled=True)
    assert (steps > 2).any() and (steps >= 0).all()


@quiet
def test_without_data_it_is_exact_and_nothing_is_known_of_the_trained_network(nn):
    snn = convert(mlp(nn), T=100, neuron="st_bif", levels=3)
    assert snn.certificate.level == "exact" and snn.certificate.further[0].level == "unchecked"
    assert snn.scales == [1 / 3, 1 / 3, 1.0]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"neuron": "lif"}, "neuron"),
        ({"neuron": "ST-BIF"}, "neuron"),
        ({"levels": 15}, "levels"),
        ({"neuron": "st_bif", "levels": 0}, "levels"),
        ({"neuron": "st_bif", "levels": 2.5}, "levels"),
        ({"neuron": "st_bif", "levels": True}, "levels"),
        ({"neuron": "st_bif", "max_spikes": 3}, "max_spikes"),
        ({"neuron": "st_bif", "bias_calibration": True}, "calibration"),
        ({"neuron": "st_bif", "readout_calibration": True}, "calibration"),
        ({"neuron": "st_bif", "T": 0}, "timesteps"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(asked, code):
    with pytest.raises(ConversionError) as refused:
        convert(object(), **asked)
    assert refused.value.code == code


@quiet
def test_pulses_and_rates_are_not_run_as_each_other(torch, nn):
    x = torch.rand(120, 64)
    model = mlp(nn)
    lossless, rates = convert(model, x, T=60, neuron="st_bif"), convert(model, x, T=4, percentile=99.9)
    for encoding in ("current", "poisson"):
        with pytest.raises(ConversionError, match="not one of pulse"):
            lossless.run(x, encoding=encoding)
    for refused in (
        lambda: rates.run(x, encoding="pulse"),
        lambda: rates.run(x, with_settled=True),
        lambda: rates.quantised(x),
        lambda: lossless.run(x, readout_delay=3),
        lambda: certify(model, lossless, x, encoding="current"),
        lambda: certify(model, rates, x, encoding="pulse"),
        lambda: sweep(lossless, x, encoding="poisson"),
        lambda: sweep(rates, x, encoding="pulse"),
        lambda: sweep(lossless, x, T=[8], readout_delay=3),
    ):
        with pytest.raises(ConversionError) as error:
            refused()
        assert error.value.code in ("encoding", "readout", "neuron")


@pytest.mark.parametrize("neuron", [Neuron("LIF", beta=0.5), Neuron("IF", v_reset=0.0), Neuron("IF", v_init=0.5)])
def test_a_network_of_other_neurons_under_a_pulse_is_not_certified(neuron):
    graph = SNNGraph([LayerNode.of("a", Linear(np.eye(3)), neuron), LayerNode.of("out", Linear(np.eye(3)))])
    snn = ConvertedSNN.from_graph(graph, 8, encoding="pulse")
    assert snn.certificate.level == "unchecked"
    with pytest.raises(ConversionError, match="neuron='st_bif'"):
        snn.quantised(np.zeros(3))
    with pytest.raises(ConversionError, match="neuron='st_bif'"):
        certified(snn, (np.zeros((1, 3)), np.zeros((1, 3))), 3, {})
    assert certified(snn, None, 3, {}).level == "unchecked"


@pytest.mark.parametrize("rule", ["percentile", "data", "balanced", "auto"])
def test_any_rule_chooses_thresholds_for_the_levels(rule, torch, nn):
    snn = convert(mlp(nn), torch.rand(200, 64), T=200, neuron="st_bif", levels=63, thresholds=rule)
    assert snn.certificate.level == "exact"
    assert snn.certificate.details["thresholds"] == {"percentile": "percentile 99.9", "auto": "data"}.get(rule, rule)
