"""What is fitted layer by layer, where a network is read out, θ of each unit, and how shares of it are tried."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from spikeport import LayerNode, SNNGraph
from spikeport.conversion import convert
from spikeport.conversion.calibrating.asked import Asked
from spikeport.conversion.calibrating.fit import Fit
from spikeport.conversion.calibrating.ways import ways_of
from spikeport.conversion.thresholds.distribution import Outputs
from spikeport.conversion.thresholds.each_unit import SHARES, each_neuron, shares_of
from spikeport.conversion.thresholds.rules import Rules
from spikeport.neuron import Neuron
from spikeport.operations import Conv, Linear

quiet = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")
CONVOLUTIONS = [
    Conv(np.zeros((3, 2, 3, 2)), np.zeros(3), stride=(2, 1), padding=(1, 0), dilation=(1, 2)),
    Conv(np.zeros((3, 2, 3)), stride=2, padding=1),
    Linear(np.zeros((3, 2 * 6 * 7)), np.zeros(3)),
]


def read(torch, model, x):
    from spikeport.conversion.qcfs import ACTIVATIONS
    from spikeport.reading.torch import read_model

    return read_model(model.eval(), ACTIVATIONS, sample=torch.as_tensor(x[:2]), input_shape=None)


@pytest.mark.parametrize("operation", CONVOLUTIONS, ids=["image", "series", "vector"])
def test_weights_times_what_a_sum_reads_is_the_operation(torch, operation):
    from spikeport.conversion.calibrating.patches import matrix_of, patches, rows, with_matrix
    from spikeport.reading.compute import compute

    rng = np.random.default_rng(1)
    terms = operation.weight[0].size
    matrix = rng.normal(size=(3, terms + 1))
    operation = with_matrix(operation, matrix)
    assert np.array_equal(matrix_of(operation), matrix)
    x = torch.tensor(rng.random((4, 2, 6, 7) if operation.weight.ndim != 3 else (4, 2, 9)))
    given = compute(operation, [x], torch.float64, "cpu")
    made = rows(patches(operation, x)) @ matrix[:, :-1].T + matrix[:, -1]
    assert made == pytest.approx(rows(given))


def test_so_many_rows_are_looked_at_as_memory_allows_and_the_first_and_the_last_among_them(torch):
    from spikeport.conversion.calibrating.patches import VALUES, WIDEST, spread

    assert spread(100, 50).tolist() == [*range(100)]
    few = spread(10**6, 1000)
    assert len(few) <= VALUES // 1000 and few[0] == 0 and few[-1] == 10**6 - 1
    assert len(spread(10**6, WIDEST + 1)) <= VALUES // WIDEST


def evenly_and_not(torch, T):
    """Return currents (T, 500, 2) of two channels with the same means, the second of which has them unevenly."""
    rng = np.random.default_rng(0)
    means, swing = torch.tensor(rng.normal(0, 0.4, (500, 1))), torch.tensor(rng.normal(0, 0.5, (T, 500, 1)))
    return torch.cat([means.expand(T, 500, 1), means + swing - swing.mean(0)], dim=2), means.expand(500, 2)


def test_a_channel_that_hears_unevenly_begins_late_and_one_that_hears_evenly_does_not(torch):
    from spikeport.conversion.calibrating.late_starts import late_start

    currents, means = evenly_and_not(torch, 16)
    neuron, wanted = Neuron("IF", v_init=0.5), means.clamp(0, 1)
    starts = late_start(neuron, currents, 16, wanted)
    assert starts[0] == 0.5 and starts[1] < 0.5
    assert late_start(neuron, currents[:, :, :1], 16, wanted[:, :1]) == 0.5


def test_late_starts_lose_less_and_end_at_the_trained_mean(torch):
    """A late start with the bias that makes good for it sends fewer spikes that no mean current would have sent."""
    from spikeport.conversion.calibrating.biases import channel_means, moved
    from spikeport.conversion.calibrating.late_starts import late_start
    from spikeport.conversion.calibrating.simulation import fired, for_each_channel

    currents, means = evenly_and_not(torch, 16)
    wanted, layer, errors = means.clamp(0, 1), LayerNode("hidden", 1, 2, [[1.0], [1.0]], "IF", v_init=0.5), []
    for start in (0.5, late_start(layer.neuron, currents, 16, wanted)):
        layer.neuron = replace(layer.neuron, v_init=start)
        shift = moved(layer, currents, 16, channel_means(wanted), 1.0)
        rates = fired(layer.neuron, currents, 16, for_each_channel(shift, currents)).double().mean(0)
        assert channel_means(rates) == pytest.approx(channel_means(wanted), abs=0.5 / 16)
        errors.append(channel_means((rates - wanted).square()))
    assert errors[1][0] == errors[0][0] and errors[1][1] < 0.8 * errors[0][1]


def test_fitted_weights_make_good_for_what_the_layer_before_lost(torch):
    from spikeport.conversion.balance import balanced
    from spikeport.conversion.calibrating.layer_by_layer import fit_layers
    from spikeport.conversion.calibrating.sample import told
    from spikeport.conversion.calibrating.simulation import simulated

    torch.manual_seed(3)
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3)
    )
    x = torch.rand(80, 1, 6, 6)
    with torch.no_grad():
        network = read(torch, model, x)
        said = told(network, x.numpy())
        thetas = {node.name: np.ones(1) * float(node.activation is None) + 0.3 for node in network.nodes}
        errors = {}
        for ridge in (None, 0.03):
            graph, scales = balanced(
                network,
                {n: t for n, t in thetas.items() if n in said.means or n == "5"} | {network.output.name: np.ones(1)},
            )
            before = [layer.copy() for layer in graph]
            second = [layer.name for layer in graph if layer.neuron.is_spiking][1]
            fit_layers(network, graph, scales, said.x, 4, said.means, ridge)
            changed = {
                layer.name
                for layer, old in zip(graph, before, strict=True)
                if not np.array_equal(layer.weights, old.weights)
            }
            assert changed == ({second} if ridge else set())  # the first reads the input, which is as it was
            arrived = simulated(graph, said.x, 4)
            rates = arrived.rates.flatten(1).numpy() * scales[1]
            trained = model[:5](x).numpy()
            errors[ridge] = np.square(rates - trained).mean()
    assert errors[0.03] < errors[None]


def test_fitted_weights_make_good_for_what_the_skip_beside_them_lost(torch):
    from spikeport.conversion.balance import balanced
    from spikeport.conversion.calibrating.layer_by_layer import _Beside
    from spikeport.conversion.calibrating.sample import told
    from spikeport.conversion.calibrating.simulation import Simulation

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.branch = torch.nn.Linear(4, 5), torch.nn.Linear(5, 5)
            self.head = torch.nn.Linear(5, 3)

        def forward(self, x):
            x = self.stem(x).relu()
            return self.head((self.branch(x) + x).relu())

    torch.manual_seed(1)
    x = torch.rand(30, 4)
    with torch.no_grad():
        network = read(torch, Net(), x)
        said = told(network, x.numpy())
        thetas = {node.name: np.full(1, 0.4) for node in network.nodes if node.activation or node is network.output}
        graph, scales = balanced(network, thetas)
        trained, simulation, lost = _Beside(network, said.x, graph), Simulation(graph, said.x, 3), {}
        for k, layer in simulation.hidden():
            trained.at(layer)
            lost[layer.name] = trained.lost_beside(layer, simulation, scales)
            simulation.send(layer, simulation.currents(k))
            if layer.name == "stem":
                rates = simulation.signals["stem"].double().mean(0) * scales[k]
                missing = network.model.stem(x).relu() - rates
    assert torch.allclose(lost.pop("branch"), missing) and missing.abs().max() > 0.01
    assert set(lost.values()) == {0.0}  # the skip itself has neurons, and nothing else is added


def test_theta_of_each_channel_is_chosen_by_what_its_rate_comes_to(torch):
    """Of two channels, one far below its θ and one far above it, the first gets a smaller θ and the second a larger."""
    from spikeport.conversion.calibrating.late_starts import best_of

    wanted = torch.tensor(np.random.default_rng(0).random((400, 2))) * torch.tensor([0.5, 1.6])
    neuron, factors = Neuron("IF", v_init=0.5), (1.0, 0.6, 1.6)
    start, factor = best_of(neuron, wanted[None], 4, wanted, (0.5,), factors)
    assert start == 0.5 and factor.tolist() == [0.6, 1.6]
    assert best_of(neuron, wanted[None], 4, wanted, (0.25,), (1.5,)) == (0.25, 1.5)


@pytest.mark.parametrize("activation", ["ReLU", "ReLU6"])
def test_theta_that_is_chosen_as_it_spikes_loses_less_and_stays_below_a_clamp(torch, activation):
    from spikeport.conversion.calibrating.candidates import Trial
    from spikeport.conversion.calibrating.sample import told

    nn = torch.nn
    torch.manual_seed(4)
    active = getattr(nn, activation)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), active(), nn.Conv2d(6, 6, 3), active(), nn.Flatten(), nn.Linear(24, 4))
    with torch.no_grad():
        model[2].weight[0] *= 20  # its activations lie far above θ
        x = torch.rand(90, 1, 6, 6)
        network = read(torch, model, x)
        said = told(network, x.numpy())
        trial = Trial(network, said, said, 4)
        thetas = {node.name: np.full(1, 0.5) for node in network.nodes if node.activation or node is network.output}
        (given,) = trial.candidates("given", thetas, Fit(True, True, 0.03), (None,))
        (chosen,) = trial.candidates("given", thetas, Fit(True, True, 0.03, True), (None,))
    assert chosen.error < given.error
    assert chosen.described["thresholds"] == "given, changed as it spikes"
    second = chosen.scales[1]
    assert isinstance(second, list) and max(second) == second[0] == pytest.approx(0.8)


class Averaged:
    """A network that ends in a convolution, in different ways."""

    def __new__(cls, torch, tail):
        nn = torch.nn
        torch.manual_seed(5)
        tails = {
            "convolution": [nn.Conv2d(4, 3, 3), nn.Flatten()],
            "mean": [nn.Conv2d(4, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()],
            "average": [nn.Conv2d(4, 3, 3), nn.AvgPool2d(2), nn.Flatten()],
            "padded": [nn.Conv2d(4, 3, 3), nn.AvgPool2d(2, padding=1), nn.Flatten()],
            "active": [nn.Conv2d(4, 3, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()],
        }
        return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), *tails[tail]).eval()


@quiet
@pytest.mark.parametrize("tail", ["convolution", "mean", "average"])
def test_a_convolution_at_the_end_is_fitted_as_a_readout(torch, tail):
    model, x = Averaged(torch, tail), torch.rand(150, 1, 6, 6)
    plain, fitted = (convert(model, x, T=2, percentile=99.9, readout_calibration=how) for how in (False, True))
    assert fitted.certificate.details["readout"].startswith("ridge")
    with torch.no_grad():
        expected = model(x[2::3]).numpy()
    got = [net.run(x[2::3].numpy(), encoding="current", readout="membrane") for net in (plain, fitted)]
    errors = [np.sqrt(np.square(one - expected).mean()) / expected.std() for one in got]
    assert errors[1] < fitted.certificate.details["error"] < errors[0]  # before it was fitted to these samples, too
    names = [layer.name for layer in plain.graph if layer.operation.arrays()]
    changed = [name for name in names if not np.array_equal(plain.graph[name].weights, fitted.graph[name].weights)]
    assert len(changed) == 1 and plain.graph[changed[0]].operation.weight.shape == (3, 4, 3, 3)


@quiet
@pytest.mark.parametrize("tail", ["padded", "active"])
def test_what_is_no_readout_by_weights_is_left_as_it_was_trained(torch, tail):
    found = convert(Averaged(torch, tail), torch.rand(150, 1, 6, 6), T=2).certificate.details
    assert {one["readout"] for one in [found, *found["runners_up"]]} == {"as trained"}


@quiet
@pytest.mark.parametrize("tail", ["padded", "active"])
def test_a_fit_of_the_readout_that_cannot_be_is_refused(torch, tail):
    from spikeport.errors import ConversionError

    with pytest.raises(ConversionError, match="leave readout_calibration off") as caught:
        convert(Averaged(torch, tail), torch.rand(150, 1, 6, 6), T=2, readout_calibration=True)
    assert caught.value.code == "calibration"


def test_each_neuron_has_the_percentile_of_its_own_activations(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 10.0], [-1.0, -1.0]]))
        model[0].bias.zero_()
        x = np.random.default_rng(0).random((400, 2), np.float32)
        network = read(torch, model, x)
        hidden, last = (node.name for node in network.nodes)
        given = {hidden: np.ones(1), last: np.ones(1)}
        found = each_neuron(network, x, 90, given)
    own = [np.percentile(x[:, 0], 90), 10 * np.percentile(x[:, 1], 90)]
    assert found[hidden] == pytest.approx([*own, max(own)], rel=1e-5)  # the third one is never active
    assert found[last] is given[last]
    assert shares_of(network, found, 0.5)[hidden] == pytest.approx(0.5 * found[hidden])


def test_a_share_never_lies_above_what_an_activation_is_clamped_at(torch):
    nn = torch.nn
    with torch.no_grad():
        network = read(torch, nn.Sequential(nn.Linear(2, 3), nn.ReLU6(), nn.Linear(3, 2)), torch.rand(4, 2))
    hidden, last = (node.name for node in network.nodes)
    assert shares_of(network, {hidden: np.array([5.0, 2.0, 6.0]), last: np.ones(1)}, 1.5)[hidden].tolist() == [6, 3, 6]


@pytest.mark.parametrize("lowest", range(11))
def test_a_ladder_is_climbed_to_the_smallest_error_and_no_rung_is_tried_twice(torch, lowest):
    from spikeport.conversion.calibrating.choosing import climbed

    asked = []
    found = climbed([f"{k}" for k in range(11)], lambda rung: asked.append(rung) or abs(int(rung) - lowest))
    assert found[f"{lowest}"] == 0 and len(asked) == len(set(asked)) == len(found)
    assert climbed([], lambda rung: 0.0) == {}


def test_a_climb_does_not_end_on_a_dip_between_two_rungs_and_looks_closely_at_its_end(torch):
    from spikeport.conversion.calibrating.choosing import climbed

    errors = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 4.5, 3.0, 4.0]  # from 4: the dip at 5 is not the end
    found = climbed([f"{k}" for k in range(9)], lambda rung: errors[int(rung)])
    assert min(found, key=found.__getitem__) == "7"


def test_the_ladder_begins_at_the_percentile_itself_and_steps_by_a_tenth_at_most():
    assert list(SHARES) == sorted(set(SHARES)) and SHARES[len(SHARES) // 2] == 1 and len(SHARES) % 2 == 1
    assert max(b / a for a, b in itertools.pairwise(SHARES)) <= 1.1 + 1e-9


def test_nothing_is_tried_that_was_ruled_out(torch):
    nn = torch.nn
    x = torch.rand(8, 4)
    with torch.no_grad():
        network = read(torch, nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2)), x)
        plain = {node.name: np.ones(1) for node in network.nodes}

        def ways(chooses=True, **asked):
            per_channel = asked.get("per_channel", True)
            values = {node.name: Outputs() for node in network.nodes}
            shares = Rules(network, values, x.numpy, 99.9, 4, per_channel).seeing(x.numpy()).shares()
            rules = {"percentile 99.9": plain if per_channel else shares["percentile 99.9 × 1"]}
            return ways_of(network, rules, shares if chooses else {}, Asked(4, "auto", 99.9, **asked), chooses)

        assert [len(ways().fits), len(ways().further), len(ways().ladder)] == [2, 3, len(SHARES)]
        assert ways(biases=False).fits == [Fit()] and ways(biases=False).further == ()
        assert {fit.weights for fit in ways(readout=False).further} == {None}
        assert ways(readout=False).ridges == (None,)
        assert len(ways(per_channel=False).ladder) == len(SHARES) - 1  # all of it is the percentile
        assert not any(fit.thresholds for fit in ways(per_channel=False).further)
        only = ways(chooses=False, biases=True)
        assert (only.ladder, only.fits, only.further, only.ridges) == ({}, [Fit(biases=True)], (), (None,))


@quiet
def test_per_channel_false_keeps_one_theta_a_layer(torch):
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)).eval()
    x = torch.rand(150, 8)
    assert all(isinstance(scale, float) for scale in convert(model, x, T=4, per_channel=False).scales)


@quiet
def test_late_starts_are_saved_loaded_and_kept_by_a_view(torch, tmp_path):
    from spikeport.conversion.saved import load

    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    snn = convert(model, torch.rand(60, 4), T=4, percentile=99.9)
    hidden = snn.graph[1]
    hidden.neuron = replace(hidden.neuron, v_init=[0.5, 0.25, 0.0, -0.25, 0.5])
    snn.save(tmp_path / "late")
    assert load(tmp_path / "late").graph == snn.graph and snn.v_init == 0.5
    fewer = SNNGraph([layer.copy() for layer in snn.graph])
    assert snn.with_graph(fewer) == snn
    rows = np.array([1, 3])
    small = [
        fewer[0],
        LayerNode.with_neuron("layer_1", fewer[1].weights[rows], fewer[1].bias[rows], hidden.neuron.take(rows)),
        LayerNode.with_neuron("layer_2", fewer[2].weights[:, rows], fewer[2].bias, fewer[2].neuron),
    ]
    view = snn.with_graph(SNNGraph(small), {"layer_1": rows})
    assert view.graph["layer_1"].neuron.v_init.tolist() == [0.25, -0.25]
