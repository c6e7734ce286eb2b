"""`convert` on networks that are no list of linear layers: units, shapes, calibration, what is saved."""

import numpy as np
import pytest

import spikeport
from spikeport.conversion import QCFSActivation, convert
from spikeport.errors import ConversionError
from spikeport.graph import effort

pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")  # little data, on purpose


@pytest.fixture
def nn(torch):
    torch.manual_seed(0)
    return torch.nn


def cnn(nn):
    """For images (1, 8, 8): 3 classes."""
    features = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2)
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(36, 3))


def own(nn, run, **parts):
    """A module whose forward is a function."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            for name, part in parts.items():
                setattr(self, name, part)

        def forward(self, x):
            return run(self, x)

    return Net()


def error(snn, model, x):
    """How far the output is off at most, in the network's standard deviations."""
    expected = model.eval()(x).detach().numpy()
    got = snn.run(x.numpy(), encoding="current", readout="membrane")
    return np.abs(got - expected).max() / expected.std()


def flat(scales):
    return np.concatenate([np.ravel(scale) for scale in scales])


def kinds(snn):
    return [layer.operation.kind for layer in snn.graph]


def test_an_image_or_a_batch_flat_or_not(torch, nn):
    x = torch.rand(24, 1, 8, 8)
    snn = convert(cnn(nn), x, T=8)
    batch = snn.run(x.numpy(), seed=3)
    assert batch.shape == (24, 3)
    assert np.array_equal(snn.run(x[5].numpy(), seed=3), batch[5])
    assert np.array_equal(snn.run(x.numpy().reshape(24, -1), seed=3), batch)
    assert np.array_equal(snn.run(x[5].numpy().ravel(), seed=3), batch[5])
    assert snn.classify(x[5].numpy(), encoding="current") == snn.classify(x.numpy(), encoding="current")[5]
    with pytest.raises(ConversionError, match=r"\(batch, 1, 8, 8\)"):
        snn.run(np.zeros((2, 1, 8, 9)))


def given_as(kind, x, y, torch):
    data = torch.utils.data
    return {
        "array": lambda: x.numpy(),
        "images": lambda: list(x),
        "batches": lambda: list(x.split(7)),
        "pair": lambda: (x, y),
        "loader": lambda: data.DataLoader(data.TensorDataset(x, y), batch_size=9),
        "loader without labels": lambda: data.DataLoader(x, batch_size=9),
        "generator": lambda: (part for part in x.split(5)),
    }[kind]()


@pytest.mark.parametrize("kind", ["array", "images", "batches", "pair", "loader", "loader without labels", "generator"])
def test_images_of_any_kind_of_calibration_data_give_the_same_network(torch, nn, kind):
    model, x, y = cnn(nn), torch.rand(40, 1, 8, 8), torch.randint(3, (40,))
    snn = convert(model, given_as(kind, x, y, torch), T=2)
    assert flat(snn.scales) == pytest.approx(flat(convert(model, x, T=2).scales), rel=1e-6)
    assert snn.graph.input_shape == (1, 8, 8)


def test_a_stream_is_read_once_and_in_parts(torch, nn):
    model, sizes = cnn(nn), []
    model[0].register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    read = []

    def stream():
        for part in torch.rand(300, 1, 8, 8).split(150):
            read.append(len(part))
            yield part

    snn = convert(model, stream(), T=1, percentile=99.9)
    assert read == [150, 150] and snn.certificate.samples == 256
    assert sizes == [256]  # the comparison alone runs the model itself; calibration runs what was read


def test_calibration_images_that_differ_in_shape_are_refused(torch, nn):
    with pytest.raises(ConversionError, match=r"has shape \(4, 1, 9, 8\): the model takes \(batch, 1, 8, 8\)"):
        convert(cnn(nn), [torch.rand(4, 1, 8, 8), torch.rand(4, 1, 9, 8)])


def test_without_data_the_shape_must_be_given(nn):
    with pytest.raises(ConversionError, match="give calibration data, or input_shape") as caught:
        convert(cnn(nn))
    assert caught.value.code == "shape"
    snn = convert(cnn(nn), input_shape=(1, 8, 8))
    assert snn.graph.input_shape == (1, 8, 8) and snn.certificate.level == "unchecked"


def test_an_average_is_a_sum_whose_factor_the_next_weights_take(torch, nn):
    model, x = cnn(nn), torch.rand(24, 1, 8, 8)
    snn = convert(model, x, T=256)
    assert kinds(snn) == ["conv", "sum_pool", "linear"]
    assert snn.scales[1] == pytest.approx(np.array(snn.scales[0]) / 4)
    assert error(snn, model, x) < 0.05
    last = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert kinds(convert(last, x, T=1)) == ["conv", "avg_pool", "conv"]


def test_an_addition_reads_one_unit_whatever_its_signals_stand_for(torch, nn):
    branches = nn.Linear(6, 5), nn.Linear(6, 5), nn.Linear(5, 3)
    model = own(
        nn,
        lambda m, x: m.c(torch.relu(m.a(x)) + torch.relu(20 * m.b(x))),
        a=branches[0],
        b=branches[1],
        c=branches[2],
    )
    x = torch.rand(64, 6)
    snn = convert(model, x, T=512, percentile=100)
    assert snn.names == ["a", "b", "b.scaled", "add", "c"]
    assert snn.scales[1] > 5 * snn.scales[0]
    assert error(snn, model, x) < 0.1


def test_a_skip_adds_spikes_as_they_are_and_its_unit_is_the_threshold(torch, nn):
    model = own(
        nn,
        lambda m, x: m.c(torch.relu(m.b(h := torch.relu(m.a(x))) + h)),
        a=nn.Linear(6, 5),
        b=nn.Linear(5, 5),
        c=nn.Linear(5, 3),
    )
    x = torch.rand(64, 6)
    snn = convert(model, x, T=512, percentile=100)
    _, b, add, _ = snn.graph
    assert (b.neuron_type, add.operation.kind) == ("identity", "add")
    assert add.threshold == pytest.approx(snn.scales[2] / snn.scales[0])
    assert error(snn, model, x) < 0.1


def test_a_concatenation_keeps_the_unit_of_each_channel(torch, nn):
    model = own(
        nn,
        lambda m, x: m.fc(torch.cat([torch.relu(m.a(x)), torch.relu(50 * m.b(x))], 1).flatten(1)),
        a=nn.Conv2d(1, 2, 3),
        b=nn.Conv2d(1, 3, 3),
        fc=nn.Linear(180, 3),
    )
    x = torch.rand(48, 1, 8, 8)
    snn = convert(model, x, T=256)
    assert kinds(snn) == ["conv", "conv", "concat", "linear"]
    assert error(snn, model, x) < 0.1


@pytest.mark.parametrize("kind", ["clamp", "qcfs"])
def test_a_network_that_ends_in_an_activation_and_has_no_last_weights_is_read_out_behind_it(torch, nn, kind):
    last = nn.Hardtanh(0, 0.05) if kind == "clamp" else QCFSActivation(8, theta=0.5)
    model = nn.Sequential(nn.Conv2d(1, 3, 8), last, nn.Flatten())
    x = torch.rand(32, 1, 8, 8)
    got = convert(model, x, T=64).run(x.numpy(), encoding="current", readout="membrane")
    assert got == pytest.approx(model(x).detach().numpy(), abs=1e-5)


def test_what_cannot_be_converted_is_named_with_the_line_of_the_code(torch, nn):
    def forward(m, x):
        return m.fc(torch.sin(m.a(x)))

    model = own(nn, forward, a=nn.Linear(6, 5), fc=nn.Linear(5, 3))
    line = forward.__code__.co_firstlineno + 1
    with pytest.raises(
        ConversionError, match=rf"Net, test_convert_graphs.py:{line} cannot be converted: sin: "
    ) as caught:
        convert(model, torch.rand(8, 6))
    assert caught.value.code == "unsupported_module"


def test_a_model_that_does_not_take_the_data_says_so(torch, nn):
    with pytest.raises(ConversionError, match=r"5 \(Linear\): .* sample of shape \(1, 12, 12\).*cannot be multiplied"):
        convert(cnn(nn), torch.rand(8, 1, 12, 12))


def test_a_saved_graph_comes_back_whole(tmp_path, torch, nn):
    x = torch.rand(24, 1, 8, 8)
    snn = convert(cnn(nn), x, T=4, classes=["a", "b", "c"])
    snn.save(tmp_path / "net")
    back = spikeport.load(tmp_path / "net")
    assert back == snn and back.certificate == snn.certificate and back.classes == ["a", "b", "c"]
    assert np.array_equal(back.run(x.numpy(), seed=1), snn.run(x.numpy(), seed=1))


def test_the_lists_show_every_layer_and_change_it(torch, nn):
    snn = convert(cnn(nn), torch.rand(24, 1, 8, 8), T=4)
    assert [None if W is None else W.shape for W in snn.weights] == [(4, 1, 3, 3), None, (3, 36)]
    assert snn.thresholds == [1.0] * 3 and snn.v_init == 0.5
    snn.weights[0] = np.zeros((4, 1, 3, 3), np.float32)
    snn.weights = list(snn.weights)
    snn.v_init = 0.0
    assert not snn.graph[0].weights.any() and snn.graph[1].neuron.kind == "identity" and snn.v_init == 0
    assert snn.with_graph(snn.graph.copy()) == snn


def test_a_large_network_is_compared_on_fewer_samples(torch, nn, monkeypatch):
    monkeypatch.setattr(effort, "WORK", 4 * 12 * (4 * 9 * 36 + 36 * 3))
    x = torch.rand(40, 1, 8, 8)
    assert convert(cnn(nn), x, T=4).certificate.samples == 12
    assert convert(cnn(nn), x, T=400).certificate.samples == effort.FEWEST


def test_the_model_keeps_its_attributes_hooks_and_modes(torch, nn):
    model = own(nn, lambda m, x: m.fc(torch.relu(m.a(x) + torch.ones(5))), a=nn.Linear(6, 5), fc=nn.Linear(5, 3))
    model.train()
    before = set(vars(model)), set(model.state_dict())
    convert(model, torch.rand(16, 6), T=1)
    assert (set(vars(model)), set(model.state_dict())) == before and model.training


def test_two_batches_are_not_taken_for_images_and_labels(torch, nn):
    model, x = cnn(nn), torch.rand(40, 1, 8, 8)
    two = convert(model, (x[:20], x[20:]), T=1)
    assert flat(two.scales) == pytest.approx(flat(convert(model, x, T=1).scales), rel=1e-6)


def test_groups_of_channels_take_the_unit_of_their_own(torch, nn):
    model = own(
        nn,
        lambda m, x: m.c(torch.cat([torch.relu(m.a(x)), torch.relu(50 * m.b(x))], 1)).relu().mean((2, 3)),
        a=nn.Conv2d(1, 2, 3),
        b=nn.Conv2d(1, 2, 3),
        c=nn.Conv2d(4, 6, 3, groups=2),
    )
    x = torch.rand(48, 1, 8, 8)
    assert error(convert(model, x, T=256, percentile=100), model, x) < 0.1


@pytest.mark.parametrize("per_channel", [True, False])
def test_every_channel_has_a_theta_of_its_own_or_all_have_one(torch, nn, per_channel):
    conv = nn.Conv2d(1, 3, 1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([1.0, 100.0, -1.0]).view(3, 1, 1, 1))
    model = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.Linear(12, 2))
    x = torch.rand(64, 1, 2, 2)
    snn = convert(model, x, T=16, percentile=100, per_channel=per_channel)
    top = float(x.max())
    wanted = [top, 100 * top, 100 * top] if per_channel else 100 * top  # the third never fires: it clips nothing
    assert snn.scales[0] == pytest.approx(wanted)
    assert (error(snn, model, x) < 0.3) if per_channel else snn.scales[1] > 0
    rates = snn.graph.run(x.numpy(), T=16).counts[0].max((0, 2, 3)) / 16
    assert rates == pytest.approx([1.0, 1.0, 0.0] if per_channel else [0.0, 1.0, 0.0])


def test_a_skip_between_channels_of_their_own_theta(tmp_path, torch, nn):
    first, second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(m, x):
        h = torch.relu(m.a(x))
        return m.fc(torch.relu(m.b(h) + h).flatten(1))

    model, x = own(nn, forward, a=first, b=second, fc=nn.Linear(256, 3)), torch.rand(48, 1, 8, 8)
    snn = convert(model, x, T=512, percentile=100)
    assert np.shape(snn.graph["add"].threshold) == (4,)
    assert error(snn, model, x) < 0.1
    snn.save(tmp_path / "net")
    assert spikeport.load(tmp_path / "net") == snn
