"""Laws of conversion, on networks of dyadic numbers, where equality is equality of bits."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spikeport.conversion import QCFSActivation, convert

pytest.importorskip("torch")
# Random layers may be silent, and their answers near to ties; the laws hold for them too, or are not asked of them.
pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")


def dyadic(rng, shape, denominator=16, bound=32):
    return rng.integers(-bound, bound + 1, shape) / denominator


def network(rng, widths, activation):
    import torch

    modules = []
    for n_in, n_out in itertools.pairwise(widths):
        linear = torch.nn.Linear(n_in, n_out, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(dyadic(rng, (n_out, n_in))))
            linear.bias.copy_(torch.tensor(dyadic(rng, n_out)))
        modules += [linear, activation()]
    return torch.nn.Sequential(*modules[:-1])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), log_T=st.integers(0, 5), log_theta=st.integers(-2, 2))
def test_a_qcfs_layer_converted_at_its_own_timesteps_is_that_layer(seed, log_T, log_theta):
    import torch

    rng, T, theta = np.random.default_rng(seed), 2**log_T, 2.0**log_theta
    model = network(rng, (5, 7, 3), lambda: QCFSActivation(T, theta))
    x = dyadic(rng, (6, 5))
    snn = convert(model, T=T)
    with torch.no_grad():
        hidden, logits = model[:2](torch.tensor(x)).numpy(), model(torch.tensor(x)).numpy()
    assert np.array_equal(snn.graph.run(x, T=T).counts[0] * theta / T, hidden)
    assert np.array_equal(snn.run(x, encoding="current", readout="membrane"), logits)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), scales=st.lists(st.integers(-4, 4), min_size=2, max_size=2))
def test_rescaling_the_hidden_layers_changes_nothing(seed, scales):
    import torch

    rng = np.random.default_rng(seed)
    model = network(rng, (4, 6, 5, 3), torch.nn.ReLU)
    x = rng.integers(0, 17, (12, 4)) / 16
    with torch.no_grad():
        before = convert(model, x, T=8, percentile=100)
        assume("silent_layers" not in before.certificate.details)  # nothing to rescale by
        first, second = 2.0 ** scales[0], 2.0 ** scales[1]
        model[0].weight.mul_(first)
        model[0].bias.mul_(first)
        model[2].weight.mul_(second / first)
        model[2].bias.mul_(second)
        model[4].weight.div_(second)
        after = convert(model, x, T=8, percentile=100)
    assert after.graph == before.graph
    assert after.scales[2] == before.scales[2]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_rate_of_a_first_layer_is_within_half_a_step_of_its_activation(seed):
    import torch

    rng = np.random.default_rng(seed)
    model, T = network(rng, (4, 6, 3), torch.nn.ReLU), 16
    x = rng.integers(0, 17, (12, 4)) / 16
    snn = convert(model, x, T=T, percentile=100)
    with torch.no_grad():
        activation = model[:2](torch.tensor(x)).numpy()
    rate = snn.graph.run(x, T=T).counts[0] / T
    assert np.abs(rate * snn.scales[0] - activation).max() <= snn.scales[0] * (0.5 / T + 1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), order=st.permutations(range(6)))
def test_a_sample_does_not_depend_on_its_place_in_the_batch(seed, order):
    import torch

    rng = np.random.default_rng(seed)
    model = network(rng, (4, 6, 3), torch.nn.ReLU)
    x = rng.random((6, 4))
    snn = convert(model, x, T=8)
    for encoding in ("poisson", "current"):
        whole = snn.run(x, encoding=encoding, seed=1)
        assert np.array_equal(snn.run(x[order], encoding=encoding, seed=1), whole[order])
