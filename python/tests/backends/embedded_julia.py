"""Julia in this process without juliacall, for the test of a backend that needs no more of it than one function.

    python embedded_julia.py LIBJULIA BINDIR IMAGE PACKAGE

starts Julia through its C interface, loads the package, and compares the backend with the reference on every kernel, in
one call each and in many.
"""

import ctypes
import itertools
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bits import same_bits
from whole_calls import whole_calls, whole_faults

from spikeport.backends import parts
from spikeport.backends.julia import Julia
from spikeport.backends.reference import Reference
from spikeport.errors import KernelError
from spikeport.graph import LayerNode
from spikeport.neuron import Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool

REFERENCE = Reference()


def start(library, bindir, image, package):
    """Return Julia's ``SpikePort.Python.answer`` as a function of two texts."""
    lib = ctypes.PyDLL(library, mode=ctypes.RTLD_GLOBAL)
    init = getattr(lib, "jl_init_with_image__threading", None) or lib.jl_init_with_image
    init.argtypes, init.restype = [ctypes.c_char_p, ctypes.c_char_p], None
    init(bindir.encode(), image.encode())
    lib.jl_eval_string.argtypes, lib.jl_eval_string.restype = [ctypes.c_char_p], ctypes.c_void_p
    lib.jl_string_ptr.argtypes, lib.jl_string_ptr.restype = [ctypes.c_void_p], ctypes.c_char_p

    def text_of(code):
        value = lib.jl_eval_string(f'try; {code}; catch err; "crash " * sprint(showerror, err); end'.encode())
        return lib.jl_string_ptr(value).decode()

    loaded = text_of(f'pushfirst!(LOAD_PATH, raw"{package}"); @eval(Main, import SpikePort); "loaded"')
    assert loaded == "loaded", loaded
    return lambda kernel, words: text_of(f'Base.invokelatest(SpikePort.Python.answer, "{kernel}", "{words}")')


def compare(backend):
    """Call every kernel of the backend and of the reference; return the names of the calls that differ."""
    answered, refused = itertools.chain(calls(), whole_calls()), itertools.chain(faults(), whole_faults())
    differ = [name for name, call in answered if not same_bits(call(backend), call(REFERENCE))]
    return differ + [name for name, call in refused if code_of(call, backend) != code_of(call, REFERENCE)]


def code_of(call, backend):
    """Return the code with which a backend refuses a call, None where it answers."""
    try:
        call(backend)
    except KernelError as error:
        return error.code
    return None


def calls():
    """Return (name, call of a backend) pairs: floats with no pattern, several shapes, both types."""
    rng = np.random.default_rng(4)

    def draw(dtype, *shape):
        return rng.normal(0.3, 1.0, shape).astype(dtype)

    for dtype, shape in itertools.product((np.float64, np.float32), ((6, 3), (5, 2, 4), (0, 3), (4, 0))):
        I, name, n = draw(dtype, *shape), f"{np.dtype(dtype)}{shape}", shape[-1]
        θ = rng.uniform(0.5, 2.0, n) if n else 1.0
        yield f"soft {name}", lambda b, I=I, θ=θ: b.if_multistep(I, threshold=θ, beta=0.9)
        yield f"hard {name}", lambda b, I=I, θ=θ: b.if_multistep(I[::-1], threshold=θ, v_init=0.0, v_reset=-0.1)
        yield f"bipolar {name}", lambda b, I=I, θ=θ: b.st_bif_multistep(I, threshold=θ, tracer_min=-3, tracer_max=4)
        yield f"qcfs {name}", lambda b, I=I, θ=θ: b.qcfs(I, timesteps=5, threshold=θ)
        if len(I):
            yield f"constant {name}", lambda b, I=I, θ=θ: b.if_constant(I[0], timesteps=7, threshold=θ)
        x, W, bias = draw(dtype, 6, 2, 5), draw(dtype, 3, 5), draw(dtype, 3)
        for kind in ("IF", "LIF", "ST-BIF", "identity"):
            neuron = Neuron(kind, v_init=0.5)
            yield f"layer {kind} {name}", lambda b, a=(x, W, bias, neuron): b.layer_forward(*a)
    for dtype, last in itertools.product((np.float64, np.float32), (Neuron("IF"), Neuron("identity"))):
        hidden = Neuron("LIF", threshold=[0.5, 1.0, 1.5, 2.0], v_reset=0.0, beta=0.75)
        layers = [
            LayerNode.with_neuron("hidden", draw(dtype, 4, 3), draw(dtype, 4), hidden),
            LayerNode.with_neuron("output", draw(dtype, 2, 4), None, last),
        ]
        rates, spikes = rng.uniform(0, 1, (5, 3)), rng.integers(0, 2, (6, 5, 3))
        for encoding, inputs in (("current", rates), ("poisson", rates), ("spikes", spikes)):
            given = {"timesteps": 6, "encoding": encoding, "seed": 3, "record": True}
            yield f"{encoding} {last.kind}", lambda b, a=(layers, inputs), k=given: b.network_run(*a, **k)
    yield from graph_calls(draw)
    rates = rng.uniform(0, 1, (3, 4))
    yield "poisson", lambda b: (b.encode_poisson(rates, timesteps=9, seed=2**64 - 1),)
    yield "samples", lambda b: (b.encode_poisson(rates, timesteps=9, samples=[1, 2**64 - 1, 0]),)


def graph_calls(draw):
    """Return (name, call of a backend) pairs: every operation by itself, and networks with branches."""
    for dtype in (np.float64, np.float32):
        conv = Conv(draw(dtype, 6, 2, 3, 2), draw(dtype, 6), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=3)
        x, line = draw(dtype, 3, 2, 6, 5, 6), draw(dtype, 3, 2, 4, 7)
        reads = {"conv": (conv, [x]), "line": (Conv(draw(dtype, 3, 4, 3)), [line])}
        reads |= {
            "linear": (Linear(draw(dtype, 4, 28)), [line]),
            "add": (Add(), [x, x[::-1], x]),
            "concat": (Concat(), [x, x]),
        }
        reads |= {kind.kind: (kind((3, 2), stride=2, padding=1), [x]) for kind in (SumPool, AvgPool, MaxPool)}
        reads |= {f"line {kind.kind}": (kind((2,)), [line]) for kind in (SumPool, MaxPool)}
        for name, (operation, signals) in reads.items():
            yield f"{name} {np.dtype(dtype)}", lambda b, o=operation, s=signals: (b.operation_currents(o, *s),)
        for neuron in (Neuron("IF", threshold=[0.5, 1.0, 1.5, 2.0]), Neuron("ST-BIF", v_init=0.5), Neuron("identity")):
            nodes = [
                LayerNode.of("first one", Conv(draw(dtype, 4, 2, 3, 3), draw(dtype, 4), padding=1), neuron),
                LayerNode.of("pool", MaxPool(2)),
                LayerNode.of("skip", Conv(draw(dtype, 4, 2, 1, 1), stride=2), Neuron("identity"), ["input"]),
                LayerNode.of("join", Add(), neuron, ["skip", "pool"]),
                LayerNode.of("out", Linear(draw(dtype, 3, 16)), Neuron("IF", v_init=0.5)),
            ]
            rates = np.abs(draw(dtype, 3, 2, 4, 4)).clip(0, 1)
            for encoding, inputs in (("current", rates), ("poisson", rates), ("spikes", draw(dtype, 5, 3, 2, 4, 4))):
                given = {"timesteps": 5, "encoding": encoding, "record": True, "input_shape": (2, 4, 4)}
                name = f"graph {neuron.kind} {encoding} {np.dtype(dtype)}"
                yield name, lambda b, a=(nodes, inputs), k=given: b.network_run(*a, **k)


def faults():
    """Return (name, call of a backend) pairs that are refused."""
    I, layer = np.ones((3, 2)), LayerNode("a", 2, 1, [[1.0, 1.0]])
    yield "threshold", lambda b: b.if_multistep(I, threshold=0.0)
    yield "beta", lambda b: b.if_multistep(I, beta=1.5)
    yield "v_reset", lambda b: b.if_multistep(I, v_reset=2.0)
    yield "shape", lambda b: b.if_multistep(I, threshold=[1.0, 1.0, 1.0])
    yield "non_finite", lambda b: b.if_constant([np.nan], timesteps=1)
    yield "timesteps", lambda b: b.if_constant(I, timesteps=-1)
    yield "tracer", lambda b: b.st_bif_multistep(I, tracer_min=1)
    yield "levels", lambda b: b.qcfs(I, timesteps=0)
    yield "layer", lambda b: b.layer_forward(I[None], np.ones((2, 3)), None, Neuron())
    yield "bias", lambda b: b.layer_forward(I[None], np.ones((3, 2)), [1.0], Neuron())
    yield "encoding", lambda b: b.network_run([layer], I, timesteps=1, encoding="rate")
    yield "rates", lambda b: b.encode_poisson(2 * I, timesteps=1)
    yield "seed", lambda b: b.encode_poisson(I, timesteps=1, seed=-1)
    yield "samples", lambda b: b.encode_poisson(I, timesteps=1, samples=[1])
    yield "signals", lambda b: b.operation_currents(Add(), I[None])
    yield "channels", lambda b: b.network_run([layer], np.ones((3, 1, 2)), timesteps=1)


if __name__ == "__main__":
    julia = Julia(start(*sys.argv[1:]))
    found = compare(julia)
    parts.OPERATIONS_AT_ONCE = 24
    found += [f"{name}, in parts" for name in compare(julia)]
    print("differ:", found)
    sys.exit(bool(found))
