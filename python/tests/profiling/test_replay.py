"""A neuron is fitted to what was recorded of it, and one of another kind is not."""

import pytest


@pytest.fixture(scope="module")
def replay(torch):
    from spikeport.profiling.watching import replay

    return replay


def membranes_of(torch, neuron, currents):
    """Run the equation by hand, and return membranes at the decision and spikes."""
    v = s = torch.zeros_like(currents[0])
    membranes, spikes = [], []
    for current in currents:
        v = neuron.leak * v + neuron.gain * current - (neuron.threshold * s if neuron.reset == "after the leak" else 0)
        membranes.append(v)
        s = (v >= neuron.threshold).to(v.dtype)
        spikes.append(s)
        v = v * (1 - s) if neuron.reset == "to zero" else v - (neuron.threshold * s if "before" in neuron.reset else 0)
    return torch.stack(membranes), torch.stack(spikes)


@pytest.mark.parametrize("reset", ["before the leak", "after the leak", "to zero"])
@pytest.mark.parametrize(("leak", "gain"), [(0.9, 1.0), (1.0, 1.0), (0.5, 0.5)])
def test_the_constants_and_the_reset_are_found(torch, replay, reset, leak, gain):
    torch.manual_seed(0)
    neuron = replay.Neuron(leak, gain, 1.0, reset)
    currents = 2 * torch.rand(20, 8, 30) - 0.3
    membranes, spikes = membranes_of(torch, neuron, currents)
    assert 0.05 < float(spikes.mean()) < 0.99 and torch.equal(neuron.run(currents), spikes)
    found = replay.fit(currents, membranes, spikes, 1.0)
    assert (found.leak, found.gain) == (pytest.approx(leak, abs=1e-4), pytest.approx(gain, abs=1e-4))
    assert leak == 1.0 or found.reset == reset, "without a leak, before and after it are the same"


def test_a_silent_layer_shows_its_leak_and_a_single_step_its_gain(torch, replay):
    currents = 1e-3 * torch.rand(10, 4, 5)
    neuron = replay.Neuron(0.8, 2.0, 1.0)
    membranes, spikes = membranes_of(torch, neuron, currents)
    found = replay.fit(currents, membranes, spikes, 1.0)
    assert (found.leak, found.gain) == (pytest.approx(0.8, abs=1e-3), pytest.approx(2.0, abs=1e-3))
    single = replay.fit(currents[:1], membranes[:1], spikes[:1], 1.0)
    assert single.gain == pytest.approx(2.0, abs=1e-3)


def test_a_synaptic_current_or_a_membrane_that_was_not_at_zero_does_not_fit(torch, replay):
    torch.manual_seed(0)
    currents = 0.1 * torch.rand(20, 4, 5)
    synapse = torch.stack([sum(0.7 ** (t - i) * currents[i] for i in range(t + 1)) for t in range(20)])
    membranes, spikes = membranes_of(torch, replay.Neuron(0.9, 1.0, 50.0), synapse)
    assert replay.fit(currents, membranes, spikes, 50.0) is None
    assert replay.fit(currents, 3 + torch.rand(20, 4, 5), spikes, 50.0) is None
    assert replay.fit(torch.zeros(3, 2, 2), torch.zeros(3, 2, 2), torch.zeros(3, 2, 2), 1.0) is None
