"""Sums in any order: equal bits where it is claimed, within the bound elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeport import LayerNode, SNNGraph
from spikeport.kernels.layer import weighted_sum
from spikeport.snn_optimizer import optimize
from spikeport.snn_optimizer.proofs.arithmetic import (
    Grid,
    exponent_above,
    lowest_bit,
    rounding,
    row_mass,
    sums_are_exact,
)

seeds = st.integers(0, 2**32 - 1)


def shuffled_current(rng, layer, x):
    order = rng.permutation(layer.n_inputs)
    return weighted_sum(x[:, order], layer.weights[:, order], layer.bias)


@settings(max_examples=200, deadline=None)
@given(seeds, st.integers(1, 40), st.sampled_from([np.float32, np.float64]))
def test_sums_said_to_be_exact_have_the_same_bits_in_any_order(seed, bits, dtype):
    rng = np.random.default_rng(seed)
    scale = 2.0 ** rng.integers(-20, 20)
    weights = (rng.integers(-(2**bits), 2**bits, (4, 30), endpoint=True) * scale).astype(dtype)
    layer = LayerNode("a", 30, 4, weights, bias=rng.integers(-8, 9, 4) * scale)
    x = rng.choice([-1.0, 0.0, 1.0], (20, 30)).astype(dtype)
    if sums_are_exact(layer, Grid(1.0, np.ones(30))):
        assert np.array_equal(shuffled_current(rng, layer, x), weighted_sum(x, layer.weights, layer.bias))
    else:
        assert bits > (18 if dtype == np.float32 else 40)


@settings(max_examples=200, deadline=None)
@given(seeds, st.sampled_from([np.float32, np.float64]))
def test_two_orders_differ_by_at_most_the_bound(seed, dtype):
    rng = np.random.default_rng(seed)
    layer = LayerNode("a", 50, 4, (rng.normal(size=(4, 50)) * 10 ** rng.uniform(-3, 3, (4, 50))).astype(dtype))
    x = rng.random((20, 50)).astype(dtype)
    moved = np.abs(shuffled_current(rng, layer, x) - weighted_sum(x, layer.weights, None)).max()
    assert moved <= rounding(52, dtype, float(row_mass(layer, np.ones(50)).max()))


@pytest.mark.parametrize("values, bit", [([0.75, 2.0], 0.25), ([0.0, 0.0], 1.0), ([-6.0, 0.0], 2.0), ([0.1], 2.0**-55)])
def test_the_lowest_bit_divides_every_value(values, bit):
    assert lowest_bit(np.array(values)) == bit


def test_the_exponent_above_a_power_of_two_is_its_own_and_of_the_next_float_one_more():
    exponents = np.arange(-1020, 1023)
    powers = np.ldexp(1.0, exponents)
    assert np.array_equal(exponent_above(powers), exponents)
    assert np.array_equal(exponent_above(np.nextafter(powers, np.inf)), exponents + 1)


def test_a_merge_on_ordinary_floats_claims_a_bound_and_no_more():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(8, 5))
    W[5] = W[1]
    graph = SNNGraph([LayerNode("a", 5, 8, W, "IF"), LayerNode("b", 8, 3, rng.normal(size=(3, 8)), "IF")])
    smaller, report = optimize(graph, passes=["merge"])
    certificate = report.pass_results[0].certificate
    assert smaller["a"].n_neurons == 7
    assert certificate.level == "bounded"
    assert 0 < certificate.bound < 1e-13
    assert "real arithmetic" in certificate.reason
    assert report.certificate.level == "measured"


def test_a_merge_on_dyadic_numbers_is_exact_and_says_why():
    W = np.arange(40).reshape(8, 5) / 16
    W[5] = W[1]
    graph = SNNGraph([LayerNode("a", 5, 8, W, "IF"), LayerNode("b", 8, 3, np.ones((3, 8)) / 4, "IF")])
    _, report = optimize(graph, passes=["merge"])
    assert report.certificate.level == "exact"
    assert "bit for bit" in report.pass_results[0].certificate.reason
