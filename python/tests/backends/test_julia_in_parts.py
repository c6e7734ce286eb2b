"""The Julia backend in many short calls: the bits of one, and Ctrl-C between two of them. Julia is a stand-in here."""

import ctypes
import math
import runpy
import signal
from pathlib import Path

import numpy as np
import pytest
from bits import same_bits

from spikeport import LayerNode, SNNGraph, backends
from spikeport.backends import parts
from spikeport.backends.julia import Julia
from spikeport.backends.julia_calls import work
from spikeport.backends.reference import Reference
from spikeport.kernels import if_constant, if_multistep, st_bif_multistep
from spikeport.neuron import Neuron
from spikeport.operations import OPERATIONS, Linear

EMBEDDED = Path(__file__).with_name("embedded_julia.py")
TYPES = {"f64": np.float64, "f32": np.float32, "u64": np.uint64}
TYPES |= {"i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64}
REFERENCE = Reference()


class StandIn:
    """Answers as Julia's ``SpikePort.Python.answer`` does, by the reference; ``work`` has the operations of each call.

    Like a call into Julia it is not to be stopped: a signal that comes meanwhile is seen when the call has ended.
    """

    def __init__(self, at_call=None):
        self.work, self.at_call = [], at_call

    def __call__(self, kernel, words):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            if self.at_call == len(self.work):
                signal.raise_signal(signal.SIGINT)
            given = {key: read(value) for key, value in (word.split("=", 1) for word in words.split(" "))}
            self.work.append(getattr(self, kernel)(given))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return ""

    def if_multistep(self, given):
        return write(given, if_multistep(given["currents"], **parameters(given))._asdict())

    def if_constant(self, given):
        return write(
            given, if_constant(given["current"], timesteps=int(given["timesteps"]), **parameters(given))._asdict()
        )

    def st_bif_multistep(self, given):
        return write(given, st_bif_multistep(given["currents"], **parameters(given, "threshold v_init"))._asdict())

    def layer_forward(self, given):
        neuron = Neuron(given["kind"], **parameters(given))
        trace = REFERENCE.layer_forward(given["inputs"], given["weight"], given.get("bias"), neuron)
        return write(given, trace._asdict()) * given["weight"].shape[1]

    def operation_currents(self, given):
        operation, signals = operation_of(given), []
        while f"signal.{len(signals)}" in given:
            signals.append(given[f"signal.{len(signals)}"])
        given["currents"][...] = REFERENCE.operation_currents(operation, *signals)
        return math.prod(given["currents"].shape[:2]) * work(operation, given["currents"].shape[2:])

    def encode_poisson(self, given):
        drawn = {"timesteps": int(given["timesteps"]), "seed": int(given["seed"]), "samples": given.get("samples")}
        return write(given, {"spikes": REFERENCE.encode_poisson(given["rates"], **drawn)})

    def qcfs(self, given):
        given["y"][...] = REFERENCE.qcfs(given["x"], timesteps=int(given["timesteps"]), threshold=given["threshold"])
        return 0

    def network_run(self, given):
        own = [{k.removesuffix(f".{n}"): v for k, v in given.items()} for n in range(int(given["nodes"]))]
        names = ["input", *map(str, range(len(own)))]
        nodes = [
            LayerNode.of(
                f"{n}",
                operation_of(one),
                Neuron(one["kind"], **parameters(one)),
                [names[int(place)] for place in one["inputs"].split(",")],
            )
            for n, one in enumerate(own)
        ]
        T, record = int(given["timesteps"]), "spikes.0" in given
        how = {"timesteps": T, "encoding": given["encoding"], "seed": int(given["seed"]), "record": record}
        how["input_shape"] = given["inputs"].shape[2 if given["encoding"] == "spikes" else 1 :]
        run = REFERENCE.network_run(nodes, given["inputs"], **how)
        for n in range(len(nodes)):
            answers = {"counts": run.counts[n], "membrane": run.membrane[n]}
            write(own[n], answers | ({"spikes": run.spikes[n]} if record else {}))
        given["drive"][...] = run.drive
        if run.settled is not None:
            given["settled"][...] = run.settled
        each = sum(work(node.operation, counts.shape[1:]) for node, counts in zip(nodes, run.counts, strict=True))
        return run.drive.shape[0] * T * each


def operation_of(given):
    """Return the operation that a node's words describe."""
    arrays = {key: given[key] for key in ("weight", "bias") if key in given}
    keys = (
        ("stride", "padding", "dilation", "groups") if given["operation"] == "conv" else ("kernel", "stride", "padding")
    )
    rest = {key: tuple(map(int, given[key].split(","))) for key in keys if key in given}
    rest |= {"groups": int(given["groups"])} if "groups" in given else {}
    return OPERATIONS[given["operation"]](**arrays, **rest)


def read(word):
    """Return the memory that a word describes, or the word."""
    if "@" not in word:
        return word
    kind, where = word.split("@")
    address, dimensions = where.split(":")
    shape = tuple(map(int, filter(None, dimensions.split(","))))
    size = np.dtype(TYPES[kind]).itemsize * math.prod(shape)
    return np.frombuffer((ctypes.c_char * size).from_address(int(address)), TYPES[kind]).reshape(shape)


def parameters(given, names="threshold v_init v_reset beta"):
    found = {key: given[key] for key in names.split() if key in given}
    found = {key: value if value.size > 1 else value[0] for key, value in found.items()}
    return found | {key: int(given[key]) for key in ("tracer_min", "tracer_max", "max_spikes") if key in given}


def write(given, answers):
    for key, values in answers.items():
        given[key][...] = values
    return answers["spikes"].size if "spikes" in answers else 0


@pytest.mark.parametrize("at_once", [1, 24, 1 << 27])
def test_in_any_number_of_calls_it_gives_the_bits_of_the_reference(monkeypatch, at_once):
    monkeypatch.setattr(parts, "OPERATIONS_AT_ONCE", at_once)
    assert runpy.run_path(str(EMBEDDED))["compare"](Julia(StandIn())) == []


@pytest.mark.parametrize("encoding", ["current", "pulse"])
def test_a_graph_of_integers_runs_in_julia_by_name(monkeypatch, encoding):
    rng = np.random.default_rng(2)
    weights = [rng.integers(-90, 90, shape).astype(np.int8) for shape in ((5, 6), (3, 5))]
    neurons = [Neuron("IF", threshold=100, v_init=0.5), Neuron("identity")]
    layers = [LayerNode.of(name, Linear(W), neuron) for name, W, neuron in zip("ab", weights, neurons, strict=True)]
    graph, x = SNNGraph(layers), rng.integers(0, 9, (4, 6))
    expected = graph.run(x, T=8, encoding=encoding, backend="reference")
    julia = StandIn()
    monkeypatch.setattr(backends, "_load", lambda name: {"julia": Julia(julia)}[name])
    found = graph.run(x, T=8, encoding=encoding, backend="julia")
    assert same_bits(found, expected) and julia.work
    assert found.drive.dtype == np.int32 and found.counts[1].dtype == np.int64 and found.drive.any()


def graph_of(n_in=6, hidden=5, n_out=3):
    rng = np.random.default_rng(1)
    return SNNGraph(
        [
            LayerNode("a", n_in, hidden, rng.normal(0, 1, (hidden, n_in)), "IF"),
            LayerNode("b", hidden, n_out, rng.normal(0, 1, (n_out, hidden)), "IF"),
        ]
    )


LONG = {
    "a network on constant current": lambda b: b.network_run(graph_of().layers, np.full((2, 6), 0.25), timesteps=400),
    "a network on Poisson spikes": lambda b: b.network_run(
        graph_of().layers, np.full((8, 6), 0.25), timesteps=100, encoding="poisson"
    ),
    "a layer": lambda b: b.layer_forward(np.ones((400, 2, 6)), np.ones((5, 6)), None, Neuron()),
    "neurons": lambda b: b.if_multistep(np.full((100, 4, 9), 0.3)),
    "neurons, constant current": lambda b: b.if_constant(np.full((4, 9), 0.3), timesteps=100),
    "bipolar neurons": lambda b: b.st_bif_multistep(np.full((100, 4, 9), 0.3)),
    "draws": lambda b: b.encode_poisson(np.full((8, 6), 0.5), timesteps=100),
}


@pytest.mark.parametrize("what", LONG)
def test_no_call_does_more_than_a_moment_of_work_where_it_can_be_divided(monkeypatch, what):
    monkeypatch.setattr(parts, "OPERATIONS_AT_ONCE", 1000)
    julia = StandIn()
    LONG[what](Julia(julia))
    assert len(julia.work) > 3 and max(julia.work) <= 1000


@pytest.mark.parametrize("what", LONG)
def test_ctrl_c_ends_a_long_run_after_the_call_it_came_in_and_the_backend_goes_on(monkeypatch, what):
    monkeypatch.setattr(parts, "OPERATIONS_AT_ONCE", 1000)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        julia = StandIn(at_call=1)
        backend = Julia(julia)
        with pytest.raises(KeyboardInterrupt):
            LONG[what](backend)
        assert len(julia.work) == 2
        whole = LONG[what](backend)
    finally:
        signal.signal(signal.SIGINT, before)
    expected = LONG[what](REFERENCE)
    if hasattr(expected, "drive"):
        whole, expected = (*whole.counts, whole.drive), (*expected.counts, expected.drive)
    assert same_bits(tuple(whole), tuple(expected))
