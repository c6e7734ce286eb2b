"""The Mojo backend: the reference's bits on any floats, its refusals word for word, a library built once."""

import itertools
import shutil
import threading

import numpy as np
import pytest
from bits import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from mojo_here import MOJO

from spikeport.backends import BackendError, get_backend, mojo_library
from spikeport.backends.mojo import Mojo
from spikeport.errors import KernelError
from spikeport.graph import LayerNode
from spikeport.neuron import Neuron

REFERENCE = get_backend("reference")

SHAPES = [(0, 3), (4, 0), (5, 1), (6, 3), (3, 2, 4), (2, 2, 1, 3), (9, 77), (0, 0)]
WIDTHS = [1, 3, 31, 32, 33, 64, 70]
NEURONS = [
    Neuron("IF", 1.0, 0.5),
    Neuron("IF", 0.75, 0.0, v_reset=-0.125),
    Neuron("LIF", 1.0, 0.0, beta=0.9),
    Neuron("LIF", 0.5, 0.25, v_reset=0.1, beta=0.3),
    Neuron("ST-BIF", 0.6, 0.5, tracer_min=-2, tracer_max=3),
    Neuron("identity"),
]

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
dtypes = st.sampled_from([np.float32, np.float64])


def assert_agree(call):
    assert_same_bits(call(MOJO), call(REFERENCE))


def one_or_each(random, n, low, high):
    return random.uniform(low, high, n) if random.integers(2) else float(random.uniform(low, high))


@given(seeds, st.sampled_from(SHAPES), dtypes, st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_integrate_and_fire_gives_the_same_bits(random, shape, dtype, hard, constant):
    I = random.normal(size=shape).astype(dtype)
    given = {
        "threshold": one_or_each(random, shape[-1], 0.25, 2.0),
        "v_init": one_or_each(random, shape[-1], -1.0, 1.0),
        "v_reset": one_or_each(random, shape[-1], -1.0, 0.2) if hard else None,
        "beta": one_or_each(random, shape[-1], 0.0, 1.0),
    }
    if constant:
        assert_agree(lambda backend: backend.if_constant(I, timesteps=7, **given))
    else:
        assert_agree(lambda backend: backend.if_multistep(I, **given))


@given(seeds, st.sampled_from(SHAPES), dtypes, st.integers(-3, 0), st.sampled_from([0, 1, 3, 2**31 - 1]))
@settings(max_examples=100, deadline=None)
def test_st_bif_gives_the_same_bits(random, shape, dtype, lowest, highest):
    I = random.normal(size=shape).astype(dtype)
    given = {
        "threshold": one_or_each(random, shape[-1], 0.25, 2.0),
        "v_init": one_or_each(random, shape[-1], -1.0, 1.5),
        "tracer_min": lowest,
        "tracer_max": highest,
    }
    assert_agree(lambda backend: backend.st_bif_multistep(I, **given))


@given(seeds, st.sampled_from([(5,), (2, 3), (0, 2), (2, 0), (40,)]), dtypes, st.integers(1, 70))
@settings(max_examples=80, deadline=None)
def test_qcfs_gives_the_same_bits(random, shape, dtype, timesteps):
    x = random.normal(size=shape).astype(dtype)
    threshold = one_or_each(random, shape[-1], 0.1, 3.0)
    assert_agree(lambda backend: backend.qcfs(x, timesteps=timesteps, threshold=threshold))


@given(seeds, st.sampled_from([(3, 5), (0, 2), (2, 0), (2, 41)]), dtypes, st.integers(0, 2**64 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_poisson_draws_the_same_spikes(random, shape, dtype, seed, named):
    rates = random.random(shape).astype(dtype)
    samples = random.integers(0, 2**64, shape[0], np.uint64) if named else None
    assert_agree(lambda backend: backend.encode_poisson(rates, timesteps=5, seed=seed, samples=samples))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("neuron", NEURONS, ids=repr)
def test_layer_forward_gives_the_same_bits(neuron, dtype):
    random = np.random.default_rng(3)
    weights, bias = random.normal(size=(37, 21)).astype(dtype), random.normal(size=37)
    for inputs in (random.integers(-1, 2, (7, 4, 21)).astype(np.int8), random.normal(size=(7, 21))):
        for b in (None, bias):
            assert_agree(lambda backend, x=inputs, b=b: backend.layer_forward(x, weights, b, neuron))


@given(seeds, st.sampled_from(["current", "poisson", "spikes"]), st.booleans())
@settings(max_examples=80, deadline=None)
def test_network_run_gives_the_same_bits(random, encoding, record):
    widths = random.choice(WIDTHS, random.integers(2, 5))
    layers, dtype = [], (np.float32, np.float64)[random.integers(2)]
    for k, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        neuron = NEURONS[random.integers(len(NEURONS))]
        if neuron.kind in ("IF", "LIF") and random.integers(2):
            neuron = Neuron(neuron.kind, random.uniform(0.5, 1.5, n_out), random.uniform(-1, 1, n_out))
        weights = (random.normal(size=(n_out, n_in)) * 1.5 / np.sqrt(n_in)).astype(dtype)
        bias = random.normal(size=n_out) * 0.2 if random.integers(2) else None
        layers.append(LayerNode.with_neuron(str(k), weights, bias, neuron))
    timesteps, batch = random.choice([0, 1, 5, 70]), random.choice([0, 1, 5, 40])
    x = random.random((timesteps, batch, widths[0]) if encoding == "spikes" else (batch, widths[0]))
    x = np.round(2 * x - 1) if encoding == "spikes" else x
    options = {"timesteps": timesteps, "encoding": encoding, "record": record, "seed": 11}
    assert_agree(lambda backend: backend.network_run(layers, x, **options))


@pytest.mark.parametrize("encoding", ["current", "poisson", "spikes"])
def test_blocks_of_samples_change_nothing(encoding, monkeypatch):
    random = np.random.default_rng(4)
    layers = [LayerNode(str(k), 6, 6, random.normal(size=(6, 6)), "IF") for k in range(2)]
    x = random.random((9, 11, 6) if encoding == "spikes" else (11, 6))
    options = {"timesteps": 9, "encoding": encoding, "record": True}
    whole = MOJO.network_run(layers, x, **options)
    monkeypatch.setattr("spikeport.backends.network.VALUES_AT_ONCE", 200)
    assert_same_bits(MOJO.network_run(layers, x, **options), whole)


def test_arrays_that_are_not_contiguous_are_read_by_their_indices():
    random = np.random.default_rng(6)
    layer = LayerNode("a", 4, 5, random.normal(size=(5, 4)), "IF")
    layer.weights = np.asfortranarray(layer.weights)
    x = random.random((8, 4)).T[::-1].T
    assert_agree(lambda backend: backend.network_run([layer], x, timesteps=6))
    I = random.normal(size=(6, 8))[:, ::2]
    assert_agree(lambda backend: backend.if_multistep(I))


def test_a_contiguous_array_is_not_copied():
    I = np.ones((3, 4), np.float32)
    assert np.shares_memory(MOJO._floats("currents", I), I)


ONE_LAYER = [LayerNode("a", 3, 2, np.ones((2, 3)), "IF")]
X = np.full((2, 3), 0.5)
REFUSED = {
    "currents of one axis": lambda b: b.if_multistep([1.0, 2.0]),
    "NaN current": lambda b: b.if_multistep([[np.nan]]),
    "NaN in the middle of a vector": lambda b: b.if_multistep(np.where(np.arange(40) == 9, np.nan, 1.0)[None]),
    "complex current": lambda b: b.if_multistep(np.ones((2, 2), complex)),
    "infinite current": lambda b: b.if_constant([np.inf], timesteps=2),
    "single number as current": lambda b: b.if_constant(1.0, timesteps=2),
    "threshold 0": lambda b: b.if_multistep([[1.0]], threshold=0.0),
    "threshold that float32 rounds to 0": lambda b: b.if_multistep(np.ones((1, 1), np.float32), threshold=1e-60),
    "threshold of another width": lambda b: b.if_multistep(np.ones((2, 3)), threshold=[1.0, 2.0]),
    "NaN v_init": lambda b: b.if_multistep([[1.0]], v_init=np.nan),
    "beta above 1": lambda b: b.if_multistep([[1.0]], beta=1.5),
    "v_reset at the threshold": lambda b: b.if_multistep([[1.0]], v_reset=1.0),
    "negative timesteps": lambda b: b.if_constant([1.0], timesteps=-1),
    "tracer bounds above 0": lambda b: b.st_bif_multistep([[1.0]], tracer_min=1),
    "inputs that do not fit": lambda b: b.layer_forward(np.ones((2, 1, 4)), np.ones((2, 3)), None, Neuron("IF")),
    "inputs of one axis": lambda b: b.layer_forward(np.ones(3), np.ones((2, 3)), None, Neuron("IF")),
    "bias that does not fit": lambda b: b.layer_forward(np.ones((2, 3)), np.ones((2, 3)), [1.0], Neuron("IF")),
    "neuron that does not fit": lambda b: b.layer_forward(X, np.ones((2, 3)), None, Neuron("IF", [1.0, 1.0, 1.0])),
    "unknown encoding": lambda b: b.network_run(ONE_LAYER, X, timesteps=2, encoding="burst"),
    "no layers": lambda b: b.network_run([], X, timesteps=2),
    "layers that do not chain": lambda b: b.network_run(ONE_LAYER * 2, X, timesteps=2),
    "NaN input": lambda b: b.network_run(ONE_LAYER, X * np.nan, timesteps=2),
    "rate above 1": lambda b: b.network_run(ONE_LAYER, X * 3, timesteps=2, encoding="poisson"),
    "negative seed": lambda b: b.network_run(ONE_LAYER, X, timesteps=2, encoding="poisson", seed=-1),
    "rates of one axis": lambda b: b.encode_poisson([0.5], timesteps=2),
    "rates outside": lambda b: b.encode_poisson([[-0.5]], timesteps=2),
    "samples that do not fit": lambda b: b.encode_poisson([[0.5]], timesteps=2, samples=[1, 2]),
    "qcfs of no steps": lambda b: b.qcfs([1.0], timesteps=0),
    "qcfs of a number": lambda b: b.qcfs(1.0, timesteps=2),
    "qcfs threshold": lambda b: b.qcfs([1.0], timesteps=2, threshold=0.0),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refuses_in_the_words_of_the_reference(call):
    with pytest.raises(KernelError) as expected:
        call(REFERENCE)
    with pytest.raises(KernelError) as given:
        call(MOJO)
    assert (given.value.code, str(given.value)) == (expected.value.code, str(expected.value))


def test_sums_that_overflow_are_refused():
    with pytest.raises(KernelError) as refused:
        MOJO.network_run(ONE_LAYER, X * 1e308 * 3, timesteps=2)
    assert refused.value.code == "non_finite"


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A compiler that copies the library that is there, or does what a test writes into ``build``; an empty cache."""
    version = mojo_library._version(mojo_library.find_mojo())
    sources = next(folder for folder in mojo_library.SOURCES if folder.is_dir())
    built = mojo_library.library_path(sources, version)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    program, build = tmp_path / "mojo", tmp_path / "build"
    build.write_text(f"for last; do :; done; echo x >> {tmp_path}/built; sleep 0.1; cp {built} $last\n")
    program.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo stub; else . {build}; fi\n')
    program.chmod(0o755)
    monkeypatch.setattr(mojo_library, "find_mojo", lambda: str(program))
    return tmp_path


def refusal():
    with pytest.raises(BackendError) as refused:
        mojo_library.load_library()
    assert refused.value.code == "backend_unavailable"
    return str(refused.value)


def test_the_library_is_compiled_once(stub):
    for _ in range(2):
        assert_same_bits(Mojo(mojo_library.load_library()).if_multistep(X), REFERENCE.if_multistep(X))
    assert (stub / "built").read_text() == "x\n"


def test_first_uses_at_one_time_all_get_a_whole_library(stub):
    answers = []

    def use():
        answers.append(Mojo(mojo_library.load_library()).if_multistep(X))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_same_bits(answers, [REFERENCE.if_multistep(X)] * 4)
    assert [path.suffix for path in (stub / "cache").rglob("*") if path.is_file()] == [
        path.suffix for path in (stub / "cache").rglob("libspikeport.*")
    ]


def test_a_change_in_any_source_is_another_library(tmp_path):
    sources = next(folder for folder in mojo_library.SOURCES if folder.is_dir())
    copy = tmp_path / "mojo"
    shutil.copytree(sources, copy)
    files = [*sorted((copy / "spikeport").rglob("*.mojo")), copy / mojo_library.ENTRY]
    assert {file.parent.name for file in files} >= {"spikeport", "operations", "checkpoint", "extension"}
    paths = {mojo_library.library_path(copy, "1")}
    for file in files:
        file.write_text(file.read_text("utf-8") + "\n", "utf-8")
        paths.add(mojo_library.library_path(copy, "1"))
    assert len(paths) == len(files) + 1
    assert mojo_library.library_path(sources, "1") in paths


def test_another_compiler_compiles_again(stub):
    mojo_library.load_library()
    (stub / "mojo").write_text((stub / "mojo").read_text().replace("echo stub", "echo newer"))
    mojo_library.load_library()
    assert (stub / "built").read_text() == "x\nx\n"


def test_a_compiler_that_fails_is_quoted(stub):
    (stub / "build").write_text("echo 'kernels.mojo:1: error: no such thing' >&2; exit 1\n")
    assert "no such thing" in refusal()


def test_a_compiler_that_does_not_run_says_what_to_install(stub):
    (stub / "mojo").write_text("#!/bin/sh\nexit 3\n")
    assert "pip install 'spikeport[mojo]'" in refusal()


def test_a_cache_that_cannot_be_written_names_the_way_out(stub, monkeypatch):
    (stub / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(stub / "file"))
    assert "XDG_CACHE_HOME" in refusal()


def test_no_compiler_says_what_to_install(stub, monkeypatch):
    monkeypatch.setattr(mojo_library, "find_mojo", lambda: None)
    assert "pip install 'spikeport[mojo]'" in refusal()
