"""Laws of operations on every backend: a convolution is its unrolled matrix, a max pool's count the largest."""

import numpy as np
import pytest
from bits import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeport.backends import BackendError, get_backend
from spikeport.operations import Conv, Linear, MaxPool, SumPool


@pytest.fixture(scope="module", params=["reference", "rust", "mojo"])
def backend(request):
    try:
        return get_backend(request.param)
    except BackendError as error:
        pytest.skip(str(error))


def geometry(rng, axes):
    """Draw a convolution that fits an image, and the image's shape."""
    groups = int(rng.integers(1, 4))
    kernel, dilation = rng.integers(1, 4, axes), rng.integers(1, 3, axes)
    padding, stride = rng.integers(0, 3, axes), rng.integers(1, 4, axes)
    sizes = np.maximum(1, dilation * (kernel - 1) + 1 - 2 * padding) + rng.integers(0, 4, axes)
    shape = (groups * int(rng.integers(1, 3)), *map(int, sizes))
    weights = (groups * int(rng.integers(1, 3)), shape[0] // groups, *map(int, kernel))
    per_axis = {"stride": stride, "padding": padding, "dilation": dilation}
    return shape, weights, {key: tuple(map(int, value)) for key, value in per_axis.items()} | {"groups": groups}


def unrolled(conv, shape):
    """Return the matrix of a convolution: its columns are what single inputs of 1 give."""
    n = int(np.prod(shape))
    units = np.eye(n, dtype=conv.weight.dtype).reshape(1, n, *shape)
    bare = Conv(conv.weight, None, conv.stride, conv.padding, conv.dilation, conv.groups)
    return bare.currents(units).reshape(n, -1).T


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 2), st.sampled_from([np.float32, np.float64]), st.booleans())
def test_a_convolution_has_the_bits_of_its_unrolled_matrix(backend, seed, axes, dtype, spikes):
    rng = np.random.default_rng(seed)
    shape, weights, rest = geometry(rng, axes)
    conv = Conv(rng.normal(size=weights).astype(dtype), rng.normal(size=weights[0]).astype(dtype), **rest)
    out = conv.output_shape(shape)
    matrix = unrolled(conv, shape)
    linear = Linear(matrix, np.repeat(conv.bias, int(np.prod(out[1:]))))
    x = (rng.random((2, 2, *shape)) < 0.4) * (1 if spikes else rng.normal(size=(2, 2, *shape)))
    got = backend.operation_currents(conv, x.astype(dtype))
    assert got.shape == (2, 2, *out)
    assert_same_bits(got.reshape(2, 2, -1), backend.operation_currents(linear, x.astype(dtype)))
    assert conv.fan_out(shape).ravel().tolist() == np.count_nonzero(matrix, axis=0).tolist()


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 2), st.booleans())
def test_the_count_of_a_max_pool_is_the_largest_in_its_window(backend, seed, axes, bipolar):
    rng = np.random.default_rng(seed)
    kernel = tuple(map(int, rng.integers(1, 4, axes)))
    padding = tuple(int(rng.integers(0, k)) for k in kernel)
    pool = MaxPool(kernel, tuple(map(int, rng.integers(1, 3, axes))), padding)
    shape = (2, *(int(n) for n in rng.integers(3, 7, axes)))
    spikes = rng.integers(-1 if bipolar else 0, 2, (9, 2, *shape)).astype(np.float64)
    given_out = backend.operation_currents(pool, spikes)
    windows = pool.window.padded(spikes.sum(0), -np.inf)
    largest = np.max([pool.window.read(windows, tap) for tap in pool.window.taps()], axis=0)
    assert np.array_equal(given_out.sum(0), largest)
    assert set(np.unique(given_out)) <= ({-1.0, 0.0, 1.0} if bipolar else {0.0, 1.0})


def test_a_sum_pool_is_a_depthwise_convolution_of_ones(backend):
    x = np.random.default_rng(3).normal(size=(2, 1, 3, 5, 4))
    pool, conv = SumPool((2, 3), 1, (1, 2)), Conv(np.ones((3, 1, 2, 3)), stride=1, padding=(1, 2), groups=3)
    assert_same_bits(backend.operation_currents(pool, x), backend.operation_currents(conv, x))
