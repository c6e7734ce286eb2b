"""The run of a network, node by node over all steps.

    s⁰ = encode(x);   sˡ = neurons(operation(what node l reads))  for l = 1 … L

A node reads the input or nodes before it, so one may finish all its steps
before the next begins. The samples of a batch are independent and run in
blocks: the same bits with less memory.
"""
from .bounds import largest
from .checks import check_finite, check_shape, check_timesteps, product, refusal
from .encode import encode_poisson
from .network import Network, RunResult
from .neuron import sum_in_order
from .operations import Signal

comptime VALUES_AT_ONCE = 1 << 20
"""How many currents of one node are held at a time, about."""


def network_run[
    dtype: DType, //
](
    network: Network[dtype],
    inputs: List[Scalar[dtype]],
    batch: Int,
    *,
    timesteps: Int,
    encoding: String = "current",
    seed: UInt64 = 0,
) raises -> RunResult[dtype]:
    """Runs a network.

    Parameters:
        dtype: Element type.

    Args:
        network: The network.
        inputs: Values (batch, input shape); for `spikes` (timesteps, batch,
            input shape).
        batch: Number of samples B.
        timesteps: Number of steps T.
        encoding: `current` feeds the values at every step, `poisson` draws
            spikes with the values as rates, `spikes` takes them step by step,
            `pulse` feeds values and biases at the first step alone.
        seed: Seed of the Poisson draws.

    Returns:
        Counts, membranes and the drive; under `pulse` also when each sample
        settled: after s steps where at step s no node passes on anything but 0.

    Raises:
        Error: `timesteps`, `encoding`, `shape`, `non_finite`, `rate_range`; of
            integers `overflow`.
    """
    check_timesteps(timesteps)
    check_encoding[dtype](encoding)
    var n_in = network.n_inputs()
    var steps_in = timesteps if encoding == "spikes" else 1
    check_shape("inputs", len(inputs), product(steps_in, batch, n_in))
    check_finite("inputs", inputs)
    comptime if dtype.is_integral():
        network.check_bound(largest(inputs), timesteps)

    var result = RunResult[dtype](len(network.nodes))
    if encoding == "pulse":
        var quiet = network.copy()
        var biases = List[List[Scalar[dtype]]]()
        for k in range(len(quiet.nodes)):
            biases.append(quiet.nodes[k].operation.take_bias())
        _run_blocks(
            quiet, inputs, batch, timesteps, encoding, seed, biases, result
        )
    else:
        _run_blocks(
            network, inputs, batch, timesteps, encoding, seed, [], result
        )
    return result^


def check_encoding[dtype: DType](encoding: String) raises:
    """Refuses, as `encoding`, what does not exist, or not for integers."""
    if not (
        encoding == "current"
        or encoding == "poisson"
        or encoding == "spikes"
        or encoding == "pulse"
    ):
        raise refusal(
            "encoding",
            String(
                "encoding '",
                encoding,
                "' is not one of current, poisson, spikes, pulse",
            ),
        )
    comptime if dtype.is_integral():
        if encoding == "poisson":
            raise refusal(
                "encoding", "integers are no rates: give current or spikes"
            )


def _run_blocks[
    dtype: DType, //
](
    network: Network[dtype],
    inputs: List[Scalar[dtype]],
    batch: Int,
    timesteps: Int,
    encoding: String,
    seed: UInt64,
    biases: List[List[Scalar[dtype]]],
    mut result: RunResult[dtype],
) raises:
    """Runs checked inputs, as many samples at a time as memory is meant for;
    `biases` are those of a pulse, which act at the first step alone."""
    var n_in = network.n_inputs()
    var steps_in = timesteps if encoding == "spikes" else 1
    var widest = 1
    for shape in network.shapes:
        widest = max(widest, product(shape))
    var at_once = max(1, VALUES_AT_ONCE // max(1, product(timesteps, widest)))
    for first in range(0, batch, at_once):
        var count = min(at_once, batch - first)
        var part = List[Scalar[dtype]](capacity=steps_in * count * n_in)
        for t in range(steps_in):
            var start = (t * batch + first) * n_in
            part.extend(Span(inputs)[start : start + count * n_in])
        var signal: Signal[dtype]
        if encoding == "pulse":
            part.resize(timesteps * count * n_in, 0)
            signal = Signal(
                network.shapes[0].copy(), values=part^, is_steady=False
            )
        elif encoding == "poisson":
            var rates = [value.cast[DType.float64]() for value in part]
            signal = Signal[dtype](
                network.shapes[0].copy(),
                spikes=encode_poisson(
                    rates, count, n_in, timesteps=timesteps, seed=seed
                ),
            )
        else:
            signal = Signal(
                network.shapes[0].copy(),
                values=part^,
                is_steady=encoding == "current",
            )
        _walk(network, signal^, count, timesteps, biases, result)


def _walk[
    dtype: DType, //
](
    network: Network[dtype],
    var signal: Signal[dtype],
    batch: Int,
    timesteps: Int,
    biases: List[List[Scalar[dtype]]],
    mut result: RunResult[dtype],
) raises:
    """Runs a block of samples through the network, adding to `result`."""
    var pulse = len(biases) > 0
    var moved = List[Bool](length=timesteps * batch if pulse else 0, fill=False)
    var signals = List[Signal[dtype]](
        length=len(network.shapes), fill=Signal[dtype]()
    )
    signals[0] = signal^
    for k in range(len(network.nodes)):
        ref node = network.nodes[k]
        ref sources = network.sources[k]
        ref shape = network.shapes[k + 1]
        var is_steady = not node.operation.remembers()
        for place in sources:
            is_steady = is_steady and signals[place].is_steady
        var size = batch * product(shape)
        var stride = 0 if is_steady else size
        var currents = node.operation.currents(
            signals, sources, 1 if is_steady else timesteps, batch
        )
        if pulse and timesteps > 0 and len(biases[k]) > 0:
            var each = product(shape) // shape[0]
            for b in range(batch):
                for j in range(product(shape)):
                    currents[b * product(shape) + j] += biases[k][j // each]
        if (
            timesteps > 0
        ):  # without a step no current flows, a steady one neither
            check_finite("currents", currents)
        for place in sources:
            if network.last_reader[place] == k:
                signals[place] = Signal[dtype]()  # forgotten

        var is_output = k + 1 == len(network.nodes)
        var is_identity = node.neuron.kind == "identity"
        if is_output or is_identity:
            var sums = sum_in_order(currents, timesteps, stride, size)
            if is_output:
                result.drive.extend(Span(sums))
            if is_identity:
                result.sums[k].extend(Span(sums))
        var passed_on: Signal[dtype]
        if is_identity:
            result.membrane[k].extend(List[Scalar[dtype]](length=size, fill=0))
            passed_on = Signal(
                shape.copy(), values=currents^, is_steady=is_steady
            )
        else:
            var each = product(shape) // max(1, shape[0])
            var fired = node.neuron.fire(
                currents, timesteps, stride, batch, shape[0], each
            )
            result.counts[k].extend(Span(fired.counts))
            result.membrane[k].extend(Span(fired.membrane))
            passed_on = Signal[dtype](shape.copy(), spikes=[])
            swap(passed_on.spikes, fired.spikes)
        if pulse:
            _mark_moves(passed_on, moved)
        if network.last_reader[k + 1] > k:
            signals[k + 1] = passed_on^
    if pulse:
        for b in range(batch):
            result.settled.append(_first_still(moved, b, timesteps, batch))


def _mark_moves[dtype: DType, //](signal: Signal[dtype], mut moved: List[Bool]):
    """Notes at which steps, for which samples, a signal is not 0 everywhere."""
    var n = product(signal.shape)
    for row in range(len(moved)):
        for j in range(n):
            if signal.is_spiking:
                moved[row] = moved[row] or signal.spikes[row * n + j] != 0
            else:
                moved[row] = moved[row] or signal.values[row * n + j] != 0


def _first_still(
    moved: List[Bool], sample: Int, timesteps: Int, batch: Int
) -> Int64:
    """Returns the first step from 1 on at which nothing moved, or -1."""
    for t in range(1, timesteps):
        if not moved[t * batch + sample]:
            return Int64(t)
    return -1
