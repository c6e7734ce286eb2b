"""Spikes into a caller's array, as bits, or not kept: the same spikes, at every border of tiles, runs and bytes."""

import numpy as np
import pytest
from bits import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeport.backends import BIT_EQUAL, available_backends, get_backend
from spikeport.errors import KernelError
from spikeport.kernels import pack_spikes, unpack_spikes

BACKENDS = [name for name in ("reference", "rust") if name in BIT_EQUAL and available_backends()[name] is None]
WIDTHS = st.sampled_from([0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 1023, 1025, 2047, 2048, 2049, 4097])
CALLS = {
    "soft": {},
    "hard": {"v_reset": -0.25},
    "leaky": {"beta": 0.875},
    "leaky and hard": {"beta": 0.5, "v_reset": 0.0},
}


@st.composite
def currents(draw):
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    shape = (draw(st.integers(0, 9)), *draw(st.sampled_from([(), (3,)])), draw(WIDTHS))
    return np.random.default_rng(draw(st.integers(0, 99))).normal(0.4, 0.6, shape).astype(dtype)


@pytest.mark.parametrize("name", BACKENDS)
@given(I=currents(), call=st.sampled_from(sorted(CALLS)), each=st.booleans())
@settings(max_examples=40, deadline=None)
def test_out_packed_and_counts_are_those_of_a_fresh_run(name, I, call, each):
    backend, given = get_backend(name), CALLS[call]
    if each and I.shape[-1]:
        given = given | {"threshold": np.linspace(0.5, 1.5, I.shape[-1])}
    wanted = get_backend("reference").if_multistep(I, **given)
    out, bits = np.full(I.shape, 5, np.int8), pack_spikes(wanted.spikes)
    written = backend.if_multistep(I, **given, out=out)
    assert written.spikes is out
    assert_same_bits(written, wanted)
    as_bits = np.full(bits.shape, 255, np.uint8)
    packed = backend.if_multistep(I, **given, packed=True, out=as_bits)
    assert_same_bits(packed, wanted._replace(spikes=bits))
    assert np.array_equal(unpack_spikes(as_bits, I.shape[-1]), wanted.spikes)
    unkept = backend.if_multistep(I, **given, record=False)
    assert_same_bits(unkept, wanted._replace(spikes=np.empty((0, *I.shape[1:]), np.int8)))


@pytest.mark.parametrize("name", BACKENDS)
@given(I=currents(), timesteps=st.integers(0, 9), call=st.sampled_from(sorted(CALLS)), most=st.sampled_from([1, 5]))
@settings(max_examples=40, deadline=None)
def test_a_constant_current_is_that_current_at_every_step(name, I, timesteps, call, most):
    backend, current = get_backend(name), I[0] if len(I) else np.zeros(I.shape[1:], I.dtype)
    given = {"max_spikes": most} if most > 1 else CALLS[call]
    steps = np.broadcast_to(current, (timesteps, *current.shape))
    wanted = get_backend("reference").if_multistep(steps, **given)
    assert_same_bits(backend.if_constant(current, timesteps=timesteps, **given), wanted)
    unkept = backend.if_constant(current, timesteps=timesteps, **given, record=False)
    assert_same_bits((unkept.membrane, unkept.counts), (wanted.membrane, wanted.counts))
    if most == 1:
        packed = backend.if_constant(current, timesteps=timesteps, **given, packed=True)
        assert_same_bits(packed, wanted._replace(spikes=pack_spikes(wanted.spikes)))


@pytest.mark.parametrize("name", BACKENDS)
@given(I=currents(), low=st.integers(-3, 0), high=st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_st_bif_writes_into_out_what_it_gives(name, I, low, high):
    given, out = {"threshold": 0.75, "tracer_min": low, "tracer_max": high}, np.full(I.shape, 5, np.int8)
    wanted = get_backend("reference").st_bif_multistep(I - I.dtype.type(0.4), **given)
    written = get_backend(name).st_bif_multistep(I - I.dtype.type(0.4), **given, out=out)
    assert written.spikes is out
    assert_same_bits(written, wanted)


@pytest.mark.parametrize("name", BACKENDS)
@given(n=WIDTHS, batch=st.integers(0, 3), timesteps=st.integers(0, 4), seed=st.integers(0, 2**64 - 1))
@settings(max_examples=40, deadline=None)
def test_packed_draws_are_the_draws(name, n, batch, timesteps, seed):
    rates = np.random.default_rng(n).random((batch, n))
    rates[:, ::3] = np.round(rates[:, ::3])
    given = {"timesteps": timesteps, "seed": seed}
    wanted = get_backend("reference").encode_poisson(rates, **given)
    out = np.full(wanted.shape, 5, np.int8)
    assert get_backend(name).encode_poisson(rates, **given, out=out) is out
    assert np.array_equal(out, wanted)
    assert np.array_equal(get_backend(name).encode_poisson(rates, **given, packed=True), pack_spikes(wanted))


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("call", sorted(CALLS))
def test_no_kind_of_reset_hides_a_current_that_is_not_finite(name, value, call):
    for place in ((0, 0), (3, 40), (8, 64)):
        I = np.full((9, 65), 0.3, np.float32)
        I[place] = value
        with pytest.raises(KernelError, match=r"currents holds NaN or infinity") as failure:
            get_backend(name).if_multistep(I, **CALLS[call])
        assert failure.value.code == "non_finite"


def refused():
    I = np.zeros((4, 16), np.float32)
    return {
        "another shape": (I, {"out": np.empty((4, 15), np.int8)}, "shape"),
        "another type": (I, {"out": np.empty((4, 16), np.float32)}, "dtype"),
        "bytes for bits": (I, {"out": np.empty((4, 16), np.int8), "packed": True}, "dtype"),
        "not in C order": (I, {"out": np.empty((16, 4), np.int8).T}, "out"),
        "overlapping": (I, {"out": I.reshape(-1).view(np.int8)[:64].reshape(4, 16)}, "out"),
        "several spikes in a bit": (I, {"packed": True, "max_spikes": 2}, "max_spikes"),
        "spikes that are not kept": (I, {"out": np.empty((4, 16), np.int8), "record": False}, "out"),
    }


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("case", sorted(refused()))
def test_an_out_that_cannot_be_is_refused(name, case):
    I, given, code = refused()[case]
    with pytest.raises(KernelError) as failure:
        get_backend(name).if_multistep(I, **given)
    assert failure.value.code == code


def test_only_zeros_and_ones_are_packed():
    with pytest.raises(KernelError, match="not all 0 or 1"):
        pack_spikes(np.array([0, 2, 1]))
    with pytest.raises(KernelError, match="which is not"):
        unpack_spikes(np.zeros((2, 3), np.uint8), 5)
