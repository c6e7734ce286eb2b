"""Inputs as whole numbers, normalised images among them, and what a network reads of them."""

import json

import numpy as np
import pytest
from integers.graphs import IF, normal

from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.integers import InputStep, Units, quantize
from spikeport.integers.inputs.entry import Entry
from spikeport.integers.inputs.grids import exact_step, moved_step
from spikeport.neuron import Neuron
from spikeport.operations import Conv, Linear, MaxPool

REFERENCE = {"backend": "reference"}
MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def pixels(rng, count=8, side=8):
    """Return 8-bit images of three channels, black and white places among them."""
    p = rng.integers(0, 256, (count, 3, side, side))
    p[0, :, 0, 0], p[0, :, 0, 1] = 0, 255
    return p


def normalised(p):
    """Return pixels as torchvision normalises them, in float32."""
    return (p.astype(np.float32) / 255 - MEAN[:, None, None]) / DEVIATION[:, None, None]


def network(rng, first, *shape, neuron=IF, weights=normal):
    """Return a network of one layer that reads the input by ``first``, and an output."""
    hidden = SNNGraph([LayerNode.of("first", first, neuron)], shape)
    out = LayerNode.of("out", Linear(weights(rng, 3, hidden.n_outputs)))
    return SNNGraph([*hidden.layers, out], shape)


READERS = {
    "padded": lambda rng: Conv(normal(rng, 4, 3, 3, 3), normal(rng, 4, 1)[:, 0], padding=1),
    "padded, strided": lambda rng: Conv(normal(rng, 4, 3, 3, 3), None, padding=2, stride=2),
    "not padded": lambda rng: Conv(normal(rng, 4, 3, 3, 3)),
    "in groups": lambda rng: Conv(normal(rng, 6, 1, 3, 3), normal(rng, 6, 1)[:, 0], groups=3),
    "linear": lambda rng: Linear(normal(rng, 5, 192)),
}


def test_a_normalised_image_lies_on_whole_numbers_channel_by_channel(rng):
    p = pixels(rng)
    x = normalised(p)
    step = moved_step(x)
    assert exact_step(x) is None and step.exact and step.off(x) < 1e-3
    whole = step.whole(x)
    zero = p[:, :, :1, :1] - whole[:, :, :1, :1]
    assert np.array_equal(whole, p - zero) and np.array_equal(zero[0].ravel(), [124, 116, 104])  # 255·mean, rounded
    assert np.allclose(step.step, 1 / (255 * DEVIATION), rtol=1e-6)
    assert np.array_equal(step.whole(x.reshape(len(x), -1)), whole.reshape(len(x), -1))
    assert step.largest == 255 - 104  # no 8-bit image goes further


def test_a_step_says_itself_in_words():
    assert [step.said for step in (InputStep(0.25, 1), InputStep(0.25, 1, offset=0.1))] == ["0.25", "0.25, from 0.1"]
    assert InputStep((0.25, 0.5), 1).said == "0.25 to 0.5, channel by channel"
    assert InputStep(0.25, 1, offset=(0.1, 0.2)).said == "0.25, channel by channel, each from an offset of its own"


def test_one_grid_serves_flat_images_too(rng):
    p = rng.integers(0, 256, (30, 20))
    p[0, :2] = 0, 255
    step = moved_step(((p / 255 - 0.1307) / 0.3081).astype(np.float32))
    assert isinstance(step.step, float) and step.largest == 255 - 33
    assert np.array_equal(step.whole((p / 255 - 0.1307) / 0.3081), p - 33)


def test_data_on_no_grid_have_none(rng):
    x = normalised(pixels(rng))
    assert moved_step(x + rng.normal(0, 1e-3, x.shape)) is None
    assert moved_step(rng.normal(size=(100, 6))) is None and moved_step(np.ones((5, 3, 4, 4))) is None


@pytest.mark.parametrize("reader", READERS)
def test_what_reads_an_offset_gives_the_same_currents_at_every_place(rng, reader):
    graph, x = network(rng, READERS[reader](rng), 3, 8, 8), normalised(pixels(rng)).astype(np.float64)
    entry = Entry.of(graph, moved_step(x))
    assert entry.has_one == reader.startswith("padded")
    read = entry.network(graph)
    before = graph["first"].operation.currents(x[None])
    assert np.allclose(read["first"].operation.currents(entry.moved(x)[None]), before, atol=1e-12)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("reader", READERS)
def test_a_normalised_image_enters_exactly_also_at_its_border(rng, reader, bits):
    graph, x = network(rng, READERS[reader](rng), 3, 8, 8), normalised(pixels(rng, 80))
    found = quantize(graph, bits, x, 64, T=8, **REFERENCE)
    assert found.units.input.exact and "inputs lie on the step" in str(found.certificate.further[0])
    fed, real = found.graph.run(found.whole(x), T=1, **REFERENCE), graph.run(x, T=1, **REFERENCE)
    at = [layer.name for layer in found.graph].index("first")
    θ = np.asarray(found.graph["first"].neuron.threshold).reshape(-1, *(1,) * (fed.counts[at].ndim - 2))
    charge = fed.counts[at] + fed.membrane[at] / θ, real.counts[0] + real.membrane[0]
    said = found.certificate.details["layers"]["first"]["shift"]
    assert np.abs(charge[0] - charge[1]).max() <= said * (1 + 1e-6) + 1e-6 < (1.0 if bits == 8 else 0.02)


def test_a_lossless_network_is_fed_the_channel_that_is_the_same_everywhere_once(rng):
    neuron = Neuron("ST-BIF", v_init=0.5, tracer_max=15)
    graph, x = network(rng, READERS["padded"](rng), 3, 8, 8, neuron=neuron), normalised(pixels(rng, 80))
    found = quantize(graph, 16, x, 64, encoding="pulse", **REFERENCE)
    run = found.graph.run(found.whole(x), T=64, encoding="pulse", **REFERENCE)
    real = graph.run(x, T=64, encoding="pulse", **REFERENCE)
    at = [layer.name for layer in found.graph].index("first")
    assert (run.settled >= 0).all() and (run.counts[at] == real.counts[0]).mean() > 0.999
    assert np.abs(run.drive * found.units.drive_step - real.drive).max() < 0.05 * real.drive.std()


def test_every_backend_runs_it(rng):
    graph, x = network(rng, READERS["padded"](rng), 3, 8, 8), normalised(pixels(rng, 70))
    found = quantize(graph, 8, x, 64, T=8, **REFERENCE)
    assert found.graph.layers[0].name == "input.with_one" and found.steps["input.with_one"].shape == (4,)
    drives = [found.graph.run(found.whole(x[:5]), T=8, backend=name).drive for name in ("reference", "rust", "torch")]
    assert np.array_equal(drives[0], drives[1]) and np.array_equal(drives[0], drives[2])


def test_a_name_that_is_taken_is_not_taken_again(rng):
    graph = network(rng, READERS["padded"](rng), 3, 8, 8)
    graph.layers[-1].name = "input.with_one"
    found = quantize(graph, 8, normalised(pixels(rng)), 64, T=8, **REFERENCE)
    assert [layer.name for layer in found.graph] == ["input.with_one'", "first", "input.with_one"]


def test_a_pool_on_the_input_takes_no_offset_and_the_step_is_measured(rng):
    x = normalised(pixels(rng))
    layers = [LayerNode.of("pool", MaxPool(2)), LayerNode.of("out", Linear(normal(rng, 3, 48)))]
    graph = SNNGraph(layers, (3, 8, 8))
    found = quantize(graph, 8, x, 16, T=4, **REFERENCE)
    assert not found.units.input.exact and found.units.input.offset == 0
    with pytest.raises(GraphError, match="leave input_offset=0") as caught:
        quantize(graph, 8, x, 16, input_step=[0.1] * 3, input_offset=0.01, **REFERENCE)
    assert caught.value.code == "input_step"


def test_steps_and_offsets_may_be_given_and_raw_pixels_are_such_numbers(rng):
    p = pixels(rng, 70)
    graph, x = network(rng, READERS["padded"](rng), 3, 8, 8), normalised(p)
    given = {"input_step": 1 / (255 * DEVIATION), "input_offset": -MEAN / DEVIATION}
    found = quantize(graph, 16, x, 64, T=8, **given, **REFERENCE)
    assert found.units.input.exact and found.units.input.largest == 255 and np.array_equal(found.whole(x), p)
    drive = graph.run(x, T=8, **REFERENCE).drive
    assert np.abs(found.drive(x, T=8, **REFERENCE) - drive).mean() < 0.02 * drive.std()
    alone = quantize(graph, 16, timesteps=64, input_largest=255, **given, **REFERENCE)
    assert np.array_equal(alone.whole(x), p)


@pytest.mark.parametrize(
    "given",
    [
        {"input_step": [0.1, 0.2]},
        {"input_step": [0.1, 0.2, 0.0]},
        {"input_step": 0.1, "input_offset": [0.1, 0.2]},
        {"input_step": 0.1, "input_offset": np.inf},
        {"input_offset": 0.1},
    ],
)
def test_steps_that_do_not_fit_the_input_are_refused(rng, given):
    with pytest.raises(GraphError) as caught:
        quantize(network(rng, READERS["padded"](rng), 3, 8, 8), 8, normalised(pixels(rng)), **given, **REFERENCE)
    assert caught.value.code == "input_step"


@pytest.mark.parametrize(
    ("step", "offset"), [(0.0, 0.0), (np.nan, 0.0), (0.1, np.inf), ((0.1, -0.2), 0.0), ((0.1, 0.2), (0.3, 0.4, 0.5))]
)
def test_what_is_no_grid_is_refused(step, offset):
    with pytest.raises(GraphError) as caught:
        InputStep(step, 10, offset=offset)
    assert caught.value.code == "input_step"


def test_channels_that_are_not_there_are_refused():
    step = InputStep((0.1, 0.2, 0.3), 10)
    for shape in ((3,), (2, 4), (2, 2, 5)):
        with pytest.raises(GraphError) as caught:
            step.whole(np.ones(shape))
        assert caught.value.code == "shape"


def test_units_are_kept_in_a_file(rng):
    step = moved_step(normalised(pixels(rng)))
    units = Units(step, 0.5, 8, 256)
    assert Units.from_dict(json.loads(json.dumps(units.to_dict()))) == units
    before = {"step": 0.25, "largest": 7, "exact": True}  # as files had it before there were offsets
    assert InputStep(**before) == InputStep(0.25, 7, True, 0.0)
