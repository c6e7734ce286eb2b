import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spikeport.kernels.st_bif import st_bif_multistep
from spikeport.roberta.errors import RobertaError
from spikeport.roberta.modules.lsq import LSQInteger
from spikeport.roberta.modules.st_bif import STBIF, _fused_walk, _walk

EIGHTHS = st.integers(-64, 64).map(lambda k: k / 8)
CURRENTS = arrays.arrays(np.float64, st.tuples(st.integers(1, 14), st.integers(1, 5)), elements=EIGHTHS)
BOUNDS = st.tuples(st.integers(-8, 0), st.integers(1, 9))
THRESHOLD = st.sampled_from([0.25, 0.5, 1.0, 2.0])


def neuron(bounds, threshold):
    return STBIF(*bounds, torch.tensor(threshold, dtype=torch.float64)).double()


@given(CURRENTS, BOUNDS, THRESHOLD)
def test_spikes_are_those_of_the_reference_kernel(currents, bounds, threshold):
    expected = st_bif_multistep(currents, threshold=threshold, tracer_min=bounds[0], tracer_max=bounds[1])
    module = neuron(bounds, threshold)
    with torch.no_grad():
        spikes = module.changes(torch.tensor(currents)) / threshold
    assert np.array_equal(spikes.numpy(), expected.spikes)
    assert np.array_equal(module.tracer.numpy(), expected.counts)
    assert np.array_equal(module.activity.numpy(), np.abs(expected.spikes).sum(-1))


@given(CURRENTS, BOUNDS, THRESHOLD)
def test_settles_on_the_quantised_sum_within_the_number_of_levels(currents, bounds, threshold):
    quiet = np.zeros((bounds[1] - bounds[0], currents.shape[1]))
    module = neuron(bounds, threshold)
    with torch.no_grad():
        total = module.changes(torch.tensor(np.concatenate([currents, quiet]))).sum(0)
        levels = np.clip(np.floor(currents.sum(0) / threshold + 0.5), *bounds)
        assert np.array_equal(total.numpy(), levels * threshold)
        assert not module.changes(torch.zeros(1, currents.shape[1], dtype=torch.float64)).any()


@given(CURRENTS, st.booleans())
def test_the_twin_of_a_quantiser_settles_on_its_value(currents, signed):
    quantiser = LSQInteger(8, signed, scale=0.5).double()
    twin = STBIF.from_quantiser(quantiser)
    steps = np.concatenate([currents, np.zeros((8, currents.shape[1]))])
    with torch.no_grad():
        expected = quantiser(torch.tensor(currents.sum(0)))
        assert torch.equal(twin.changes(torch.tensor(steps)).sum(0), expected)


@given(CURRENTS, BOUNDS, st.integers(1, 5))
def test_a_stream_in_pieces_gives_the_same_spikes(currents, bounds, piece):
    whole, parts = neuron(bounds, 0.5), neuron(bounds, 0.5)
    stream = torch.tensor(currents)
    with torch.no_grad():
        together = whole.changes(stream)
        assert torch.equal(torch.cat([parts.changes(x) for x in stream.split(piece)]), together)


@given(CURRENTS, BOUNDS)
def test_training_fused_and_in_place_walks_agree_to_the_bit(currents, bounds):
    total = torch.tensor(currents).cumsum(0)
    module = neuron(bounds, 0.5)
    module.clock.advance(len(total))
    with torch.enable_grad():
        trained = module(total).detach()
    S, θ = torch.zeros_like(total[0]), torch.tensor(0.5, dtype=torch.float64)
    plain = _walk(total.clone(), S, θ, *bounds)
    for ours, fused in zip(plain, _fused_walk(total, S, θ, *bounds), strict=True):
        assert torch.equal(ours, fused)
    assert torch.equal(plain[0], trained)
    assert torch.equal(plain[2], module.activity)


def test_a_total_is_not_written_over_unless_the_neuron_owns_it():
    module = neuron((-4, 3), 1.0)
    total = torch.tensor([[0.7], [1.4]], dtype=torch.float64)
    module.clock.advance(2)
    with torch.no_grad():
        module(total)
    assert total.tolist() == [[0.7], [1.4]]


def test_gradient_reaches_current_and_threshold_while_the_tracer_follows_and_stops_at_the_bound():
    module = neuron((0, 3), 1.0)
    total = torch.tensor([[0.6, 9.0]] * 4, dtype=torch.float64, requires_grad=True)
    module.clock.advance(4)
    module(total)[-1].sum().backward()
    assert total.grad[:, 0].tolist() == [0, 0, 0, 1]
    assert total.grad[:, 1].tolist() == [0, 0, 0, 0]
    assert module.threshold.grad.item() != 0


def test_reset_forgets_the_tracer():
    module = neuron((-4, 3), 1.0)
    stream = torch.tensor([[1.7], [0.2]], dtype=torch.float64)
    with torch.no_grad():
        first = module.changes(stream)
        module.reset()
        assert torch.equal(module.changes(stream), first)


@pytest.mark.parametrize("bounds", [(3, -1), (1, 5), (0, 0), (-4.5, 3), (True, 3)])
def test_bounds_that_leave_the_tracer_no_room_are_refused(bounds):
    with pytest.raises(RobertaError, match="tracer bounds"):
        STBIF(*bounds)


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan"), float("inf"), torch.tensor([1.0, 2.0])])
def test_a_threshold_that_cannot_be_is_refused(threshold):
    with pytest.raises(RobertaError, match="not one finite number above 0"):
        STBIF(-4, 3, threshold)
