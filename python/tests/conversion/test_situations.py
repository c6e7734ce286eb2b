"""Situations that people who convert networks reported, and what is right in each."""

import warnings

import numpy as np
import pytest

from spikeport.conversion import ConversionWarning, ConvertedSNN, InputRangeWarning, QCFSActivation, convert
from spikeport.conversion.calibration import Batch, SampleForm, Seen, batches
from spikeport.conversion.thresholds.distribution import KEPT, RELATIVE_ERROR, PositiveValues
from spikeport.errors import ConversionError, KernelError

quiet = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")


@pytest.fixture
def nn(torch):
    torch.manual_seed(0)
    return torch.nn


@pytest.fixture
def two_sides(torch, nn):
    """A network for 16 values whose class is certain: which half of the input is larger."""
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2))
    halves = np.repeat([[1.0, 0.0], [0.0, 1.0]], 8, axis=1).astype(np.float32)
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor(np.tile(halves, (4, 1))))
        model[0].bias.zero_()
        model[2].weight.copy_(torch.tensor([[1.0, -1.0] * 4, [-1.0, 1.0] * 4]))
        model[2].bias.zero_()
    return model


@pytest.fixture
def halves(torch):
    """200 samples of which one half is dark, with their classes."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    x = rng.random((200, 16)).astype(np.float32)
    x[labels == 0, 8:] *= 0.1
    x[labels == 1, :8] *= 0.1
    return torch.tensor(x), torch.tensor(labels)


# What is refused says why this module here


def refusal(model):
    with pytest.raises(ConversionError) as caught:
        convert(model)
    assert caught.value.code == "unsupported_module"
    return str(caught.value)


def follows(torch, model, x, tolerance=0.05):
    """Whether the converted network's output comes close to that of ``model``, in its standard deviations."""
    expected = model.eval()(x).detach().numpy()
    got = convert(model, x, T=512).run(x.numpy(), encoding="current", readout="membrane")
    return np.abs(got - expected).max() < tolerance * expected.std()


@quiet
def test_a_class_that_holds_a_sequential_converts(torch, nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 2))

        def forward(self, x):
            return self.net(x.flatten(1))

    assert follows(torch, Net(), torch.rand(16, 2, 2))


@quiet
def test_a_skip_converts(torch, nn):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.ReLU()

        def forward(self, x):
            return x + self.b(self.a(x))

    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Block(), nn.Linear(4, 2))
    assert follows(torch, model, torch.rand(64, 4), tolerance=0.1)


@quiet
def test_a_graph_module_converts_as_the_model_that_it_was_made_of(torch, nn):
    model, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)), torch.rand(64, 4)
    assert np.array_equal(convert(torch.fx.symbolic_trace(model), x).run(x), convert(model, x).run(x))


@quiet
@pytest.mark.parametrize("place", ["behind a Linear", "behind an activation", "before the first Linear"])
def test_batch_norm_folds_into_the_linear_beside_it(torch, nn, place):
    norm = nn.BatchNorm1d(6)
    model = {
        "behind a Linear": nn.Sequential(nn.Linear(6, 6), norm, nn.ReLU(), nn.Linear(6, 2)),
        "behind an activation": nn.Sequential(nn.Linear(6, 6), nn.ReLU(), norm, nn.Linear(6, 2)),
        "before the first Linear": nn.Sequential(norm, nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2)),
    }[place].train()
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.uniform_(-1, 1)
        x = torch.rand(64, 6)
        model(x)
    snn = convert(model, x)
    assert [layer.operation.kind for layer in snn.graph] == ["linear", "linear"]
    assert follows(torch, model, x)


@pytest.mark.parametrize("name", ["Sigmoid", "LogSigmoid", "Tanh", "Softmax", "LogSoftmax"])
def test_what_only_squashes_the_output_is_to_be_left_off_not_trained_away(nn, name):
    module = getattr(nn, name)(*([1] if "Soft" in name else []))
    assert "leave it off" in refusal(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1), module))


@quiet
def test_a_clamp_of_ones_own_converts_and_a_threshold_that_is_no_relu_says_what_stands_for_it(torch, nn):
    class Clamp(nn.Module):
        def forward(self, x):
            return x.clamp(0, 0.25)

    assert follows(torch, nn.Sequential(nn.Linear(4, 4), Clamp(), nn.Linear(4, 2)), torch.rand(64, 4))
    assert follows(torch, nn.Sequential(nn.Linear(4, 4), nn.Threshold(0, 0), nn.Linear(4, 2)), torch.rand(64, 4))
    assert "nn.ReLU()" in refusal(nn.Sequential(nn.Linear(4, 4), nn.Threshold(0.1, 0), nn.Linear(4, 2)))


def test_names_that_we_invent_never_collide(nn):
    model = nn.Sequential()
    for name, module in [("0", nn.Linear(4, 4)), ("1", nn.ReLU()), ("layer_0", nn.Linear(4, 2))]:
        model.add_module(name, module)
    assert [layer.name for layer in convert(model).graph] == ["layer_0_", "layer_0"]


def test_a_theta_that_is_nan_is_not_blamed_on_the_data(torch, nn):
    model = nn.Sequential(nn.Linear(4, 4), QCFSActivation(4, learn_theta=True), nn.Linear(4, 2))
    with torch.no_grad():
        model[1].theta.fill_(float("nan"))
    with pytest.raises(ConversionError, match="θ is nan, so its training has diverged"):
        convert(model, torch.rand(16, 4))


# What is warned of


def test_a_theta_at_its_floor_is_said_aloud(torch, nn):
    model = nn.Sequential(nn.Linear(4, 4), QCFSActivation(4, learn_theta=True), nn.Linear(4, 2))
    with torch.no_grad():
        model[1].theta.fill_(-17.0)
    with pytest.warns(ConversionWarning, match="layer_0: θ was learnt down to its smallest value"):
        convert(model)


@quiet
def test_a_percentile_of_a_share_is_taken_for_one(two_sides, halves):
    with pytest.warns(ConversionWarning, match=r"percentile=0.999 lies among the smallest.* give percentile=99.9"):
        convert(two_sides, halves[0], percentile=0.999)


@quiet
@pytest.mark.parametrize(("n", "said"), [(50, "all 50 calibration samples are the same"), (1, "on 1 sample: ")])
def test_calibration_that_says_nothing_is_said_aloud(torch, two_sides, n, said):
    with pytest.warns(ConversionWarning, match=said):
        snn = convert(two_sides, torch.full((n, 16), 0.5))
    assert "95 % interval" in str(snn.certificate)
    assert snn.certificate.agreement_interval[0] < 0.95


def test_an_outlier_that_ruins_the_network_is_warned_of(torch, two_sides, halves):
    x = halves[0].clone()
    x[7] *= 1e4
    with pytest.warns(ConversionWarning, match=r"answer for .*% of samples only, on 200 calibration samples at T=16"):
        convert(two_sides, x, percentile=100)


def test_good_data_raises_no_warning(two_sides, halves):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        snn = convert(two_sides, halves[0])
    assert snn.certificate.agreement == 1


# The certificate speaks of the run that the user will make


def test_the_certificate_is_measured_for_the_default_encoding_too(two_sides, halves):
    x = 0.02 * halves[0]
    with pytest.warns(ConversionWarning, match=r"drawn as Poisson spikes.* encoding='current'"):
        snn = convert(two_sides, x, T=8, percentile=99.9)
    (poisson,) = snn.certificate.further
    samples = x[[*range(0, 200)]].numpy()
    expected = two_sides(x).detach().numpy().argmax(1)
    assert snn.certificate.agreement == (snn.classify(samples, encoding="current") == expected).mean()
    assert poisson.agreement == (snn.classify(samples) == expected).mean()
    assert poisson.agreement < 0.9 <= snn.certificate.agreement
    assert str(snn.certificate).count("agreement") == 2 and "Poisson" in str(snn.certificate)


def test_inputs_that_are_no_rates_are_said_in_the_certificate(two_sides, halves):
    snn = convert(two_sides, 16 * halves[0])
    assert "run with encoding='current'" in str(snn.certificate)
    with pytest.raises(KernelError, match="encoding='current'") as caught:
        snn.classify(16 * halves[0].numpy())
    assert "scale the input" not in str(caught.value)


def test_values_that_are_no_classes_have_no_agreement(torch, nn, halves):
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))
    with_values = [(halves[0], torch.rand(200, 2))]
    assert convert(model, with_values, T=64).certificate.agreement is None
    assert convert(model, halves[0], T=64, classes=False).certificate.agreement is None
    assert convert(model, [halves], T=64).certificate.agreement is not None
    assert convert(model, halves[0], T=64, classes=["left", "right"]).classes == ["left", "right"]
    for wrong in (["left"], "lr", [1, 2]):
        with pytest.raises(ConversionError) as caught:
            convert(model, halves[0], classes=wrong)
        assert caught.value.code == "classes"


@pytest.mark.parametrize("kind", ["relu", "qcfs"])
def test_a_model_that_ends_in_an_activation_is_compared_and_read_out_behind_it(torch, nn, halves, kind):
    last = nn.ReLU() if kind == "relu" else QCFSActivation(8, theta=0.5)
    model = nn.Sequential(nn.Linear(16, 3), last)
    snn = convert(model, halves[0], T=64)
    got = snn.run(halves[0].numpy(), encoding="current", readout="membrane")
    expected = model(halves[0]).detach().numpy()
    assert got == pytest.approx(expected, abs=1e-5)
    assert (expected == 0).any()
    assert snn.certificate.largest_difference < 1e-5 and snn.certificate.agreement == 1


def test_one_output_is_classified_by_its_sign(torch, nn, halves):
    model = nn.Sequential(nn.Linear(16, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0] * 8 + [-1.0] * 8]))
        model[0].bias.zero_()
    x, labels = halves
    snn = convert(model, x, T=16)
    assert (snn.classify(x.numpy(), encoding="current") == 1 - labels.numpy()).all()
    assert snn.classify(x[0].numpy(), encoding="current") == 1 - int(labels[0])


def test_a_run_far_outside_the_calibration_warns_and_one_inside_does_not(two_sides, halves):
    snn = convert(two_sides, halves[0])
    with pytest.warns(InputRangeWarning, match="values from .* to 255, and the network was calibrated with"):
        snn.classify(255 * np.ones((2, 16)), encoding="current")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        snn.classify(1.5 * halves[0].numpy(), encoding="current")
        with pytest.raises(KernelError, match="NaN or infinity"):
            snn.classify(np.full((2, 16), np.nan))


# Calibration data as people have it


def as_given(kind, x, y, torch):
    data = torch.utils.data
    return {
        "tensor": lambda: x,
        "array": lambda: x.numpy(),
        "samples": lambda: list(x),
        "samples with gradients": lambda: [row.clone().requires_grad_() for row in x],
        "numbers": lambda: x.tolist(),
        "batches": lambda: list(x.split(64)),
        "unequal batches": lambda: [x[:3], x[3:100], x[100:]],
        "pair": lambda: (x, y),
        "dict": lambda: {"x": x, "y": y},
        "dataset": lambda: data.TensorDataset(x, y),
        "loader": lambda: data.DataLoader(data.TensorDataset(x, y), batch_size=48),
        "loader without labels": lambda: data.DataLoader(x, batch_size=48),
        "iterator": lambda: iter(x.split(50)),
        "generator of pairs": lambda: ((part, y[:1]) for part in x.split(50)),
    }[kind]()


KINDS = [
    "tensor",
    "array",
    "samples",
    "samples with gradients",
    "numbers",
    "batches",
    "unequal batches",
    "pair",
    "dict",
    "dataset",
    "loader",
    "loader without labels",
    "iterator",
    "generator of pairs",
]


@pytest.mark.parametrize("kind", KINDS)
def test_calibration_data_of_any_kind_gives_the_same_network(torch, two_sides, halves, kind):
    x, y = halves
    snn = convert(two_sides, as_given(kind, x, y, torch))
    plain = convert(two_sides, x)
    assert np.hstack(snn.scales) == pytest.approx(np.hstack(plain.scales), rel=1e-6)
    assert (snn.input_range, snn.certificate.samples) == (plain.input_range, plain.certificate.samples)


def test_images_come_as_samples_or_batches(torch, nn):
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    x = torch.rand(40, 1, 4, 4)
    scales = [convert(model, given).scales for given in (x, list(x), list(x.split(16)), iter(x))]
    assert scales[1:] == [pytest.approx(scales[0])] * 3


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (np.zeros((4, 3)), "shape", r"takes \(batch, 16\)"),
        ([np.zeros((4, 16)), np.zeros((4, 15))], "shape", r"\(4, 15\)"),
        ({"images": np.zeros((4, 16)), "labels": np.zeros(4)}, "dtype", "images, labels: call the samples x"),
        ("calib.npy", "dtype", "the text 'calib.npy'"),
        (7, "dtype", "a int: give an array, a list of batches, or a DataLoader"),
        (iter([]), "calibration_empty", "no sample"),
        ([np.full((2, 16), np.nan)], "non_finite", "NaN"),
    ],
)
def test_what_cannot_calibrate_says_what_can(two_sides, given, code, said):
    with pytest.raises(ConversionError, match=said) as caught:
        convert(two_sides, given)
    assert caught.value.code == code


@quiet
def test_what_is_run_is_an_array_and_a_loader_is_named_as_none(torch, two_sides):
    from torch.utils.data import DataLoader

    snn = convert(two_sides, torch.rand(16, two_sides[0].in_features), T=4)
    with pytest.raises(ConversionError, match="x is a DataLoader, and no array: give") as caught:
        snn.run(DataLoader([1, 2]))
    assert caught.value.code == "shape"


def test_a_stream_is_remembered_evenly_and_in_bounded_memory():
    seen = Seen()
    for part in np.arange(100_000.0).reshape(-1, 1).repeat(2, 1).reshape(1000, 100, 2):
        seen.add(Batch(part))
    compared = seen.compared[:, 0]
    assert len(compared) == 256 and (seen.count, seen.low, seen.high) == (100_000, 0.0, 99_999.0)
    assert np.diff(compared).max() <= 2 * np.diff(compared).min() <= 1024
    assert not seen.is_constant


def test_percentiles_of_more_values_than_are_kept_are_within_their_error():
    rng = np.random.default_rng(5)
    parts = [rng.gamma(2, 3, KEPT // 4) * rng.choice([-1.0, 1.0], KEPT // 4) for _ in range(12)]
    values = PositiveValues()
    for part in parts:
        values.add(part)
    everything = np.concatenate(parts)
    positive = everything[everything > 0]
    assert not values.is_exact and values.count == positive.size
    for percentile in (0.1, 1, 50, 99, 99.9, 100):
        assert values.percentile(percentile) == pytest.approx(
            np.percentile(positive, percentile), rel=2 * RELATIVE_ERROR
        )
    assert values.percentile(100) == positive.max()


@pytest.mark.parametrize("smallest", [5e-324, 1e-30, 0.5])
def test_a_histogram_is_the_same_however_its_values_came(smallest):
    rng = np.random.default_rng(6)
    everything = np.concatenate([rng.gamma(2, 3, 4000), [smallest, 1.0, 1.0, 1e300], rng.gamma(2, 3e-4, 4000)])
    rng.shuffle(everything)
    at_once, in_parts = PositiveValues(kept=10), PositiveValues(kept=10)
    at_once.add(everything)
    for part in np.array_split(everything, 37):
        in_parts.add(part)
    assert not at_once.is_exact and at_once.count == in_parts.count == everything.size
    for percentile in np.linspace(1e-9, 100, 200):
        value = at_once.percentile(percentile)
        assert in_parts.percentile(percentile) == value
        low, high = (np.percentile(everything, percentile, method=side) for side in ("lower", "higher"))
        subnormal = low < 1e-300  # of these not even the leading bits are there
        assert subnormal or low * (1 - 2 * RELATIVE_ERROR) <= value <= high * (1 + 2 * RELATIVE_ERROR)


def test_an_array_is_read_in_parts():
    parts = [len(batch.samples) for batch in batches(np.ones((5000, 3)), SampleForm(3))]
    assert sum(parts) == 5000 and max(parts) <= 1024


# What was converted is kept


def test_a_saved_network_comes_back_whole(tmp_path, two_sides, halves):
    import spikeport

    snn = convert(two_sides, [halves], T=8, classes=["left", "right"])
    snn.save(tmp_path / "net")
    back = spikeport.load(tmp_path / "net")
    assert back == snn and back.certificate == snn.certificate
    assert (back.classes, back.input_range, back.T) == (["left", "right"], snn.input_range, 8)
    assert (back.classify(halves[0].numpy(), seed=3) == snn.classify(halves[0].numpy(), seed=3)).all()


def test_a_checkpoint_that_is_no_conversion_says_how_to_run_it(tmp_path, two_sides):
    import spikeport
    from spikeport.transfer import SNNCheckpoint, save_checkpoint

    snn = convert(two_sides)
    save_checkpoint(SNNCheckpoint.from_graph(snn.graph), tmp_path / "bare")
    with pytest.raises(ConversionError, match="from_graph") as caught:
        spikeport.load(tmp_path / "bare")
    assert caught.value.code == "metadata"
    save_checkpoint(SNNCheckpoint.from_graph(snn.graph, metadata={"T": 8, "scales": [1.0]}), tmp_path / "odd")
    with pytest.raises(ConversionError, match="1 entries for 2 layers") as caught:
        spikeport.load(tmp_path / "odd")
    assert caught.value.code == "metadata"
    view = ConvertedSNN.from_graph(snn.graph, 8)
    assert view.classify(np.ones(16)) == snn.classify(np.ones(16), T=8)
