"""What is read of a forward computes what the forward does, for any geometry; and in as few nodes as may be."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

from spikeport.errors import ConversionError  # noqa: E402
from spikeport.reading.torch import evaluating, read_model  # noqa: E402


class Own(nn.Module):
    def __init__(self, run, *parts):
        super().__init__()
        self.run, self.parts = run, nn.ModuleList(parts)

    def forward(self, x):
        return self.run(x, *self.parts)


def read(model, *shape, n=3):
    """Return the network of ``model``, in double precision, after comparing it with the model."""
    torch.manual_seed(0)
    x = torch.rand(n, *shape, dtype=torch.float64) - 0.2
    model = model.double()
    with evaluating(model):
        network = read_model(model, sample=x)
        network.check_faithful(x)
    return network


def kinds(network):
    return [node.operation.kind for node in network.nodes]


def settled(norm):
    with torch.no_grad():
        for values in (norm.weight, norm.bias, norm.running_mean):
            values.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    return norm


edges = st.tuples(st.integers(0, 3), st.integers(0, 3))


@settings(max_examples=60)
@given(edges, edges, st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 2), st.booleans())
def test_padding_of_any_kind_before_a_convolution(rows, columns, stride, height, width, dilation, depthwise):
    conv = nn.Conv2d(2, 4, (height, width), stride, (1, 0), dilation, groups=2 if depthwise else 1)
    assume(7 + 2 + sum(rows) > dilation * (height - 1) and 6 + sum(columns) > dilation * (width - 1))
    network = read(Own(lambda x, c: c(F.pad(x, (*columns, *rows))), conv), 2, 7, 6)
    assert kinds(network) == ["conv"]


@settings(max_examples=60)
@given(st.data())
def test_any_slice_of_pixels_and_channels_with_zeros_around_it(data):
    def slices(n):
        start = data.draw(st.integers(0, n - 1))
        return slice(start, data.draw(st.integers(start + 1, n)), data.draw(st.integers(1, 3)))

    cut = (slice(None), slices(4), slices(7), slices(6))
    zeros = [data.draw(st.integers(0, 2)) for _ in range(6)]
    model = Own(lambda x, c: torch.relu(F.pad(c(x)[cut], zeros)), nn.Conv2d(3, 4, 1))
    network = read(model, 3, 7, 6)
    assert len(network.nodes) <= 3


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch's, of its own speed
@pytest.mark.parametrize("kernel", [2, 3, 4, (1, 2)])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_padding_same_of_even_and_dilated_kernels(kernel, dilation):
    network = read(nn.Sequential(nn.Conv2d(2, 3, kernel, padding="same", dilation=dilation)), 2, 9, 8)
    assert kinds(network) == ["conv"] and network.output.shape == (3, 9, 8)


PLACES = {
    "behind a convolution": lambda n: (nn.Conv2d(3, 4, 3, padding=1), n(4), nn.ReLU()),
    "behind a grouped one": lambda n: (nn.Conv2d(3, 6, 3, groups=3), n(6), nn.ReLU()),
    "behind one that has no bias": lambda n: (nn.Conv2d(3, 4, 3, bias=False), n(4), nn.ReLU()),
    "before a convolution without padding": lambda n: (n(3), nn.Conv2d(3, 4, 3), nn.ReLU()),
    "before a grouped one": lambda n: (n(3), nn.Conv2d(3, 6, 3, groups=3, bias=False), nn.ReLU()),
    "before and behind": lambda n: (n(3), nn.Conv2d(3, 4, 3), n(4), nn.ReLU()),
    "twice": lambda n: (nn.Conv2d(3, 4, 3), n(4), n(4), nn.ReLU()),
}


@pytest.mark.parametrize("place", PLACES)
def test_batch_normalisation_is_folded(place):
    torch.manual_seed(1)
    model = nn.Sequential(*PLACES[place](lambda n: settled(nn.BatchNorm2d(n))))
    assert kinds(read(model, 3, 6, 6)) == ["conv"]


@pytest.mark.parametrize("behind", [nn.Linear(36, 2), nn.Linear(36, 2, bias=False)])
def test_batch_normalisation_behind_the_activation_folds_into_a_linear_layer_that_flattens(behind):
    norm = settled(nn.BatchNorm2d(4))
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), norm, nn.Flatten(), behind)
    assert kinds(read(model, 1, 5, 5)) == ["conv", "linear"]


def test_batch_normalisation_before_a_padded_convolution_stays_a_convolution_of_its_own():
    norm = settled(nn.BatchNorm2d(3))
    network = read(nn.Sequential(norm, nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()), 3, 6, 6)
    assert kinds(network) == ["conv", "conv"]
    assert network.nodes[0].operation.groups == 3 and network.nodes[0].operation.weight.shape == (3, 1, 1, 1)


def test_what_an_addition_reads_too_is_not_folded_into():
    norm = settled(nn.BatchNorm2d(2))
    model = Own(lambda x, c, n: torch.relu(n(h := c(x)) + h), nn.Conv2d(1, 2, 3), norm)
    assert kinds(read(model, 1, 5, 5)) == ["conv", "conv", "add"]


def test_an_activation_goes_before_the_max_pool_that_stood_before_it():
    network = read(nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(3, 2, 1), nn.ReLU6()), 1, 8, 8)
    assert kinds(network) == ["conv", "max_pool"]
    assert [node.activation and node.activation.kind for node in network.nodes] == ["clamp", None]


def test_an_activation_stays_where_others_read_the_values_before_it():
    model = Own(lambda x, c: (h := F.max_pool2d(c(x), 2)).relu() + 2 * h, nn.Conv2d(1, 2, 3))
    network = read(model, 1, 6, 6)
    assert [node.activation is not None for node in network.nodes].count(True) == 1


def test_an_activation_stays_behind_a_max_pool_whose_values_others_read_before_it():
    model = Own(lambda x, c: F.max_pool2d(h := c(x), 3, 1, 1).relu() + h, nn.Conv2d(1, 2, 3))
    network = read(model, 1, 6, 6)
    assert [node.operation.kind for node in network.nodes if node.activation] == ["max_pool"]


def test_a_second_relu_and_what_flattens_are_no_nodes():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    assert kinds(read(model, 1, 6, 6)) == ["conv", "max_pool", "linear"]


def test_layers_are_called_as_their_modules():
    block = nn.Sequential()
    block.add_module("conv", nn.Conv2d(1, 2, 3))
    block.add_module("pool", nn.MaxPool2d(2))
    model = Own(lambda x, b, fc: fc(fc(b(x).flatten(1)).relu()), block, nn.Linear(8, 8))
    names = [node.name for node in read(model, 1, 6, 6).nodes]
    assert names == ["parts.0.conv", "parts.0.pool.max_pool", "parts.1", "parts.1_1"]


REARRANGED = {
    "permuted": lambda x: x.permute(0, 3, 1, 2).flatten(1),
    "transposed": lambda x: torch.transpose(x, 1, 2).reshape(len(x), -1),
    "flipped": lambda x: torch.flip(x, [1, 3]).flatten(1),
    "rolled": lambda x: x.roll(1, 2).flatten(1),
    "one pixel": lambda x: x[..., -1, 0],
    "repeated": lambda x: x.repeat(1, 1, 2, 1).flatten(1),
    "half of the channels": lambda x: x.split(1, 1)[1].flatten(1),
    "enlarged": lambda x: F.interpolate(x, scale_factor=2).flatten(1),
    "enlarged by a module": lambda x: nn.UpsamplingNearest2d(scale_factor=2)(x).flatten(1),
    "by words": lambda x: torch.flatten(input=x, start_dim=1),
}


@pytest.mark.parametrize("how", REARRANGED)
def test_a_vector_that_picks_values_in_any_order_is_a_matrix_of_0_and_1(how):
    network = read(Own(lambda x, c: REARRANGED[how](c(x)), nn.Conv2d(1, 2, 1)), 1, 4, 4)
    assert kinds(network) in (["conv", "linear"], ["conv"])


@pytest.mark.parametrize("how", REARRANGED)
def test_a_linear_layer_takes_its_values_in_any_order(how):
    n = REARRANGED[how](torch.zeros(1, 2, 4, 4)).numel()
    model = Own(lambda x, c, fc: fc(REARRANGED[how](torch.relu(c(x)))), nn.Conv2d(1, 2, 1), nn.Linear(n, 3))
    assert kinds(read(model, 1, 4, 4)) == ["conv", "linear"]


def test_an_image_that_is_enlarged_feeds_a_linear_layer_alone_and_by_its_own_values_alone():
    def model(*behind, **how):
        return nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Upsample(scale_factor=2, **how), *behind)

    torch.manual_seed(0)
    whole = model(nn.Flatten(), nn.Linear(128, 3))
    network = read(whole, 1, 4, 4)
    x = torch.rand(5, 1, 4, 4, dtype=torch.float64)
    assert kinds(network) == ["conv", "linear"] and network.nodes[1].operation.weight.shape == (3, 32)
    assert np.allclose(network.check_faithful(x), whole(x).detach().numpy(), atol=1e-6)
    with pytest.raises(ConversionError, match=r"2 \(Upsample\).* by values of its own: mode='nearest'"):
        read(model(nn.Flatten(), nn.Linear(128, 3), mode="bilinear"), 1, 4, 4)
    with pytest.raises(ConversionError, match=r"3 \(Conv2d\).*enlarged by interpolate or nn.Upsample.*Linear"):
        read(model(nn.Conv2d(2, 2, 1)), 1, 4, 4)
    halved = nn.Sequential(
        nn.Conv2d(1, 2, 1), nn.Upsample(scale_factor=0.5, mode="area"), nn.Flatten(), nn.Linear(8, 3)
    )
    with pytest.raises(ConversionError, match="by values of its own"):
        read(halved, 1, 4, 4)


def test_a_linear_layer_along_the_last_axis_is_refused_with_what_would_serve():
    own = Own(lambda x, a, b: b(torch.relu(a(x)).flatten(1)), nn.Linear(8, 16), nn.Linear(64, 3))
    chained = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    for model in (own, chained):
        with pytest.raises(ConversionError, match=r"last axis of a .* convolution"):
            read(model, 4, 8)
    with pytest.raises(ConversionError, match=r"layer_0 gives 16 values, layer_1 takes 20$"):
        read(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(20, 3)), 8)


def test_samples_that_are_mixed_are_refused():
    with pytest.raises(ConversionError, match="mixes samples"):
        read(Own(lambda x, fc: fc(x.flip(0)), nn.Linear(4, 2)), 4)


@pytest.mark.parametrize("pool", [nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(3, 2, ceil_mode=True)])
def test_windows_beyond_the_border_are_refused(pool):
    assert kinds(read(nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), pool), 1, 7, 7))[1].endswith("pool")
    with pytest.raises(ConversionError, match=r"2 \(.*Pool2d\) cannot be converted: .*ceil_mode"):
        read(nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), pool), 1, 8, 8)


def test_an_average_that_leaves_the_padding_out_is_refused():
    with pytest.raises(ConversionError, match="count_include_pad=True"):
        read(nn.Sequential(nn.Conv2d(1, 2, 1), nn.AvgPool2d(3, 2, 1, count_include_pad=False)), 1, 7, 7)


def test_arithmetic_with_constants_becomes_weights():
    constant = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64).view(1, 3, 1, 1)
    model = Own(lambda x, c: 1 - (-c((x - constant) / 4 + 0.5) * 2).relu() * 3, nn.Conv2d(3, 3, 2))
    network = read(model, 3, 4, 4)
    assert kinds(network) == ["conv", "conv"]
    with pytest.raises(ConversionError, match="from pixel to pixel"):
        read(Own(lambda x, c: c(x + torch.rand(4, 4)), nn.Conv2d(3, 3, 2)), 3, 4, 4)


def test_signals_are_added_with_a_factor_and_subtracted():
    model = Own(lambda x, a, b: torch.add(a(x), b(x), alpha=-3) - sum([x, x]), nn.Linear(4, 4), nn.Linear(4, 4))
    assert np.all([kind in ("linear", "add") for kind in kinds(read(model, 4))])
