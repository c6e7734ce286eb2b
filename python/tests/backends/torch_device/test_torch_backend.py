"""The backend on torch: bit-equal to the reference on integers, and on floats in all but the order of its sums."""

import numpy as np
import pytest
from bits import assert_same_bits
from interop.integer_graphs import integer_graph, integer_inputs

pytest.importorskip("torch")

import torch

from conformance.cases import load_cases
from conformance.compare import compare
from conformance.in_process import answer
from conformance.lines import expected_words, resolve
from conformance.random.draw import drawn
from spikeport import LayerNode, Neuron, SNNGraph, get_backend
from spikeport.backends.torch_device import operations
from spikeport.operations import Conv, Linear

TORCH, REFERENCE = get_backend("torch:cpu"), get_backend("reference")
STEPS = 6


@pytest.mark.parametrize("dtype", ["i32", "floats"])
def test_every_vector_whose_sums_do_not_round_is_answered_to_the_bit(dtype, tmp_path):
    asked = 0
    for case in load_cases():
        is_whole = case.arguments.get("dtype") == "i32" or "integers" in case.flags
        apart = case.kernel.startswith(("finetune.", "checkpoint.")) or "ordinary_floats" in case.flags
        if is_whole == (dtype == "i32") and not apart:
            difference = compare(expected_words(case), answer(TORCH, case.kernel, resolve(case, tmp_path)))
            assert difference == "", case.id
            asked += 1
    assert asked > 100


def test_drawn_calls_of_integers_and_refusals_are_the_reference(tmp_path):
    seen = {True: 0, False: 0}
    for number in range(700):
        case = drawn(23, number, tmp_path)
        is_whole, is_refused = case.arguments.get("dtype") == "i32", "error" in case.expected
        if (is_whole or is_refused) and not case.kernel.startswith(("finetune.", "checkpoint.")):
            reply = answer(TORCH, case.kernel, resolve(case, tmp_path))
            assert compare(case.expected, reply) == "", case.id
            seen[is_refused] += 1
    assert min(seen.values()) > 20


@pytest.mark.parametrize("encoding", ["current", "spikes", "pulse"])
@pytest.mark.parametrize("seed", range(25))
def test_a_random_graph_of_integers_runs_to_the_bit(seed, encoding):
    graph = integer_graph(seed, pulse=encoding == "pulse")
    x = integer_inputs(graph, seed, timesteps=STEPS if encoding == "spikes" else None)
    how = {"T": 40 if encoding == "pulse" else STEPS, "encoding": encoding, "record": True}
    expected = graph.run(x, **how, backend="reference")
    assert_same_bits(graph.run(x, **how, backend="torch:cpu"), expected)
    need = graph.network("torch:cpu").need(how["T"], record=True)
    parts = graph.run(x, **how, backend="torch:cpu", max_bytes=len(expected.drive) * need.results + need.work)
    assert_same_bits(parts, expected)


def test_a_convolution_in_parts_is_the_convolution(monkeypatch):
    rng = np.random.default_rng(6)
    x = rng.integers(-9, 10, (3, 4, 6, 9, 8)).astype(np.int32)
    operation = Conv(rng.integers(-9, 10, (4, 3, 3, 2)).astype(np.int8), None, padding=1, dilation=2, groups=2)
    expected = REFERENCE.operation_currents(operation, x)
    convolve, batches = torch.nn.functional.conv2d, []
    monkeypatch.setattr(
        torch.nn.functional, "conv2d", lambda x, *rest, **how: batches.append(len(x)) or convolve(x, *rest, **how)
    )
    for columns, sizes in ((1, [1] * 12), (5 * 36 * 63, [5, 5, 2]), (1 << 23, [12])):
        monkeypatch.setattr(operations, "COLUMNS_AT_ONCE", columns)
        batches.clear()
        assert_same_bits(TORCH.operation_currents(operation, x), expected)
        assert batches == sizes


@pytest.mark.parametrize("seed", range(20))
def test_a_convolution_tap_by_tap_is_the_convolution(seed):
    """By which other devices convolve integers: their libraries may transform a convolution, with fractions between."""
    for node in integer_graph(seed):
        if isinstance(node.operation, Conv):
            W = torch.tensor(node.operation.weight.astype(np.float64))
            x = torch.tensor(
                np.random.default_rng(seed)
                .integers(-9, 10, (3, W.shape[1] * node.operation.groups, *(7,) * (W.ndim - 2)))
                .astype(np.float64)
            )
            got = operations._tap_by_tap(x, W, node.operation.window, node.operation.groups)
            expected = node.operation.currents(x[None].numpy())
            plain = 0 if node.operation.bias is None else node.operation.bias.reshape(-1, *(1,) * (W.ndim - 2))
            assert np.array_equal(got.reshape(expected.shape[1:]).numpy() + plain, expected[0])


def test_sums_that_float32_cannot_hold_are_taken_in_one_that_can():
    assert operations.sums(2**24 - 1) == torch.float32
    assert operations.sums(2**24) == operations.sums(2**31 - 1) == torch.float64
    ones = np.ones((1, 3), np.int8)
    x = np.array([[[2**24, 1, 1]], [[2**29, -1, 2]]], np.int32)
    assert TORCH.operation_currents(Linear(ones), x).ravel().tolist() == [2**24 + 2, 2**29 + 1]
    image = x.reshape(2, 1, 3, 1)
    assert TORCH.operation_currents(Conv(ones.reshape(1, 3, 1)), image).ravel().tolist() == [2**24 + 2, 2**29 + 1]
    graph = SNNGraph([LayerNode.of("out", Linear(ones), Neuron("IF", threshold=2.0**24 + 2))])
    assert graph.run(x[0], T=1, backend="torch:cpu").counts[0].tolist() == [[1]]
    assert graph.run(x[0] - [[0, 0, 1]], T=1, backend="torch:cpu").counts[0].tolist() == [[0]]


def bound_of_rounding(operation, x):
    """Twice what any order of a sum of n terms can be off by: n·ε·Σ|W||x| (Higham 2002, section 4.2)."""
    arrays = {name: np.abs(array).astype(np.float64) for name, array in operation.arrays().items()}
    terms = operation.weight[0].size + 1
    return 2.1 * terms * np.finfo(x.dtype).eps * operation.with_arrays(arrays).currents(np.abs(x).astype(np.float64))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(6))
def test_sums_of_floats_are_as_near_as_another_order_of_them_must_be(seed, dtype):
    rng = np.random.default_rng(seed)
    axes = 1 + seed % 2
    weight = rng.normal(size=(8, 6, *rng.integers(1, 4, axes))).astype(dtype)
    conv = Conv(weight, rng.normal(size=8).astype(dtype), stride=2, padding=2, dilation=2, groups=1)
    grouped = Conv(weight, None, groups=2, padding=1)
    linear = Linear(rng.normal(size=(7, 90)).astype(dtype), rng.normal(size=7).astype(dtype))
    images = [rng.normal(size=(3, 2, channels, *(9,) * axes)).astype(dtype) for channels in (6, 12)]
    for operation, x in ((conv, images[0]), (grouped, images[1]), (linear, rng.normal(size=(3, 2, 90)).astype(dtype))):
        got, expected = (backend.operation_currents(operation, x) for backend in (TORCH, REFERENCE))
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        assert (np.abs(got.astype(np.float64) - expected) <= bound_of_rounding(operation, x)).all()
        assert not np.array_equal(operation.currents(x[:, :, ::-1]), expected)  # it hangs on what it reads


def test_it_says_on_what_it_is_exact():
    assert not TORCH.is_exact_on_floats
    assert REFERENCE.is_exact_on_floats and get_backend("auto").is_exact_on_floats


def test_poisson_draws_are_those_of_the_contract_for_any_seed():
    rng = np.random.default_rng(2)
    rates = rng.random((5, 33))
    for seed in (0, 1, 2**63 - 1, 2**63, 2**64 - 1):
        got, expected = (backend.encode_poisson(rates, timesteps=7, seed=seed) for backend in (TORCH, REFERENCE))
        assert_same_bits(got, expected)
    keys = rng.integers(0, 2**64, 5, dtype=np.uint64)
    got, expected = (b.encode_poisson(rates, timesteps=7, seed=1, samples=keys) for b in (TORCH, REFERENCE))
    assert_same_bits(got, expected)
