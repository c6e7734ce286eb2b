"""Kernels timed inside the runner, on arguments that every language makes.

With g(i) = (i mod 17)/16: see `conformance/SPEC.md`, Timing. Building the
arguments, loading a network included, is not timed.
"""
from std.time import perf_counter_ns

from spikeport.checkpoint import load_checkpoint
from spikeport.checks import refusal
from spikeport.encode import encode_poisson
from spikeport.finetune import step
from spikeport.integrate_fire import if_constant, if_multistep
from spikeport.layer import layer_forward
from spikeport.network import Network
from spikeport.neuron import Neuron
from spikeport.qcfs import qcfs
from spikeport.running import network_run
from spikeport.st_bif import st_bif_multistep

from .words import Arguments, Reply


def answer_bench(arguments: Arguments, mut reply: Reply) raises:
    """Answers `bench`."""
    var kernel = arguments.text("kernel")
    var n = arguments.integer("size")
    var repeats = arguments.integer("repeats")
    var clock = Clock(repeats)

    if kernel == "if.multistep":
        var currents = [g(7 * i) for i in range(64 * n)]
        while clock.goes_on():
            var trace = if_multistep(currents, 64, n)
            clock.stop(total(trace.counts))
    elif kernel == "if.constant":
        var current = [g(i) for i in range(n)]
        while clock.goes_on():
            var trace = if_constant(current, 64)
            clock.stop(total(trace.counts))
    elif kernel == "st_bif.multistep":
        var currents = [g(5 * i) - 0.5 for i in range(64 * n)]
        while clock.goes_on():
            var trace = st_bif_multistep(currents, 64, n)
            clock.stop(total(trace.counts))
    elif kernel == "layer.forward":
        var inputs = [1.0 if i % 4 == 0 else 0.0 for i in range(16 * n)]
        var weights = [(g(11 * i) - 0.5) / 8 for i in range(n * n)]
        var neuron = Neuron("IF", v_init=[0.5])
        while clock.goes_on():
            var trace = layer_forward(
                inputs, 16, 1, n, weights, n, None, neuron
            )
            clock.stop(total(trace.counts))
    elif kernel == "network.run":
        var checkpoint = load_checkpoint(
            arguments.text("checkpoint")
        ).checkpoint.copy()
        if checkpoint.dtype() == DType.float64:
            time_network(checkpoint.network[DType.float64](), n, clock)
        elif checkpoint.dtype() != DType.float32:
            time_network(checkpoint.network[DType.int32](), n, clock)
        else:
            time_network(checkpoint.network[DType.float32](), n, clock)
    elif kernel == "encode.poisson":
        var rates = [g(i) for i in range(n)]
        while clock.goes_on():
            var spikes = encode_poisson(rates, 1, n, timesteps=64, seed=1)
            clock.stop(total(spikes))
    elif kernel == "qcfs":
        var x = [g(i) for i in range(n)]
        while clock.goes_on():
            var y = qcfs(x, timesteps=16)
            clock.stop(sixteenths(y))
    elif kernel == "finetune.step":
        var weights: List[List[Float64]] = [[g(i) for i in range(n)]]
        var gradients: List[List[Float64]] = [[g(3 * i) for i in range(n)]]
        var names: List[String] = ["layer"]
        while clock.goes_on():
            var result = step(
                weights, gradients, [0.5], layer_names=names, momentum=0.5
            )
            clock.stop(0 * len(result.weights))
    elif kernel == "checkpoint.read":
        var path = arguments.text("checkpoint")
        while clock.goes_on():
            var loaded = load_checkpoint(path)
            clock.stop(loaded.checkpoint.total_params())
    else:
        raise refusal("usage", String("bench does not time ", kernel))

    reply.texts("seconds", clock.seconds())
    reply.text("check", String(clock.check))


def g(i: Int) -> Float64:
    """Returns the number that the arguments are made of."""
    return Float64(i % 17) / 16


struct Clock(Copyable):
    """Times one untimed call and then as many as are asked for."""

    var left: Int
    """Calls that are still to come."""
    var started: Int
    """When the call that runs began, in nanoseconds."""
    var nanoseconds: List[Int]
    """How long every call took."""
    var check: Int
    """The check of the last call."""

    def __init__(out self, repeats: Int):
        """Sets the clock."""
        self.left = repeats + 1
        self.started = 0
        self.nanoseconds = []
        self.check = 0

    def goes_on(mut self) -> Bool:
        """Starts the clock for another call."""
        self.left -= 1
        self.started = Int(perf_counter_ns())
        return self.left >= 0

    def stop(mut self, check: Int):
        """Stops the clock; a check is cheap beside its call."""
        self.nanoseconds.append(Int(perf_counter_ns()) - self.started)
        self.check = check

    def seconds(self) -> List[String]:
        """Returns the timed calls."""
        var result = List[String]()
        for k in range(1, len(self.nanoseconds)):
            var ns = self.nanoseconds[k]
            var digits = String(ns % 1_000_000_000)
            result.append(
                String(
                    ns // 1_000_000_000,
                    ".",
                    String("0") * (9 - digits.byte_length()),
                    digits,
                )
            )
        return result^


def total[dtype: DType, //](values: List[Scalar[dtype]]) -> Int:
    """Adds integers up."""
    var sum = 0
    for value in values:
        sum += Int(value)
    return sum


def sixteenths(values: List[Float64]) -> Int:
    """Adds multiples of 1/16 up."""
    var sum = 0.0
    for value in values:
        sum += value
    return Int(16 * sum)


def time_network[
    dtype: DType, //
](network: Network[dtype], n: Int, mut clock: Clock) raises:
    """Times `network.run` on `n` samples."""
    comptime unit = 16.0 if dtype == DType.int32 else 1.0
    var inputs = [
        Scalar[dtype](unit * g(3 * i)) for i in range(n * network.n_inputs())
    ]
    while clock.goes_on():
        var result = network_run(network, inputs, n, timesteps=16)
        clock.stop(total(result.counts[len(network.nodes) - 1]))
