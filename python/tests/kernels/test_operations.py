"""Operations sum in the order of the contract, whichever of the two loops does it, and refuse what does not fit."""

import numpy as np
import pytest
from bits import assert_same_bits
from hypothesis import given
from hypothesis import strategies as st

from spikeport import GraphError, LayerNode
from spikeport.operations import Linear, summed, weighted


def added_one_by_one(operation, rows):
    """The equation in scalars: every sum from +0, k ascending, the bias last."""
    matrix, bias = operation.weight, operation.bias
    total = np.zeros((len(rows), len(matrix)), matrix.dtype)
    for row, sums in zip(rows.astype(matrix.dtype), total, strict=True):
        for j in range(len(matrix)):
            for k in range(matrix.shape[1]):
                sums[j] = sums[j] + matrix[j, k] * row[k]
    return total if bias is None else total + bias


@given(
    st.integers(0, 2**32),
    st.integers(0, 40),
    st.integers(0, 9),
    st.integers(0, 4),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from(["spikes", "values"]),
    st.booleans(),
)
def test_both_loops_add_in_the_order_of_the_contract(seed, n_in, n_out, n_rows, dtype, kind, has_bias):
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=(n_out, n_in)).astype(dtype), rng.normal(size=n_out).astype(dtype)
    operation = Linear(weight, bias if has_bias else None)
    rows = rng.integers(-1, 2, (n_rows, n_in)).astype(np.int8)
    if kind == "values":
        rows = (rows * rng.normal(size=rows.shape)).astype(dtype)
    expected = added_one_by_one(operation, rows)
    assert_same_bits(operation.currents(rows[None])[0], expected)
    by_patches = summed(operation, rows[None])[0, :, :, 0] if n_in else expected
    assert_same_bits(by_patches, expected)
    for loop in (weighted._term_by_term, weighted._row_by_row):
        sums = loop(rows, weight)
        assert_same_bits(sums + bias if has_bias else sums, expected)


def test_a_wide_layer_adds_in_the_order_of_the_contract():
    rng = np.random.default_rng(0)
    for n_out in (1, 2, 70):
        operation = Linear(rng.normal(size=(n_out, 5000)).astype(np.float32))
        rows = (rng.random((2, 5000)) < 0.5).astype(np.int8)
        chain = np.add.accumulate(operation.weight.T * rows[:, :, None].astype(np.float32), axis=1)[:, -1]
        assert_same_bits(operation.currents(rows[None])[0], chain + np.float32(0))


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (Linear(np.ones(3)), "shape"),
        (Linear(np.ones((2, 3)), np.ones(3)), "shape"),
        (Linear(np.ones((2, 3)), np.ones(2, np.float32)), "dtype"),
        (Linear(np.ones((2, 3), int)), "dtype"),
        ("linear", "operation"),
    ],
)
def test_parts_that_do_not_fit_are_refused_by_the_layer(operation, code):
    with pytest.raises(GraphError) as caught:
        LayerNode.of("a", operation)
    assert caught.value.code == code


def test_a_layer_of_an_operation_holds_its_arrays_and_a_copy_has_its_own():
    weight = np.ones((2, 3))
    layer = LayerNode.of("a", Linear(weight))
    assert layer.weights is weight and layer.neuron_type == "identity" and (layer.n_inputs, layer.n_neurons) == (3, 2)
    copy = layer.copy()
    copy.weights[:] = 7
    assert weight.max() == 1 and copy != layer
