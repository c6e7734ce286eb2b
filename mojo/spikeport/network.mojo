"""A whole network, node by node over all steps.

    s⁰ = encode(x);   sˡ = neurons(operation(what node l reads))  for l = 1 … L

A node reads the input or nodes before it, so one may finish all its steps
before the next begins. The samples of a batch are independent and run in
blocks: the same bits with less memory.
"""
from .checks import check_finite, check_shape, check_timesteps, product, refusal
from .encode import encode_poisson
from .neuron import Neuron, sum_in_order
from .operations import AnyOperation, Operation, Signal

comptime INPUT = -1
"""What a node reads that reads the network's input."""
comptime VALUES_AT_ONCE = 1 << 20
"""How many currents of one node are held at a time, about."""


struct Node[dtype: DType](Copyable):
    """An operation on what the node reads, and the neurons behind it.

    Parameters:
        dtype: Element type of the network.
    """

    var operation: AnyOperation[Self.dtype]
    """What it does with the signals that it reads."""
    var neuron: Neuron
    """The neurons."""
    var sources: List[Int]
    """Indices of the nodes it reads, or `INPUT`; none for the node before."""

    def __init__[
        T: Operation
    ](
        out self: Node[T.dtype],
        var operation: T,
        var neuron: Neuron,
        var sources: List[Int] = [],
    ):
        """Puts the parts together; a network checks whether they fit.

        Parameters:
            T: The kind of operation.

        Args:
            operation: What it does with the signals that it reads.
            neuron: The neurons.
            sources: Indices of the nodes it reads, in order, or `INPUT`; none
                for the node before it (the input, where it is the first).
        """
        self.operation = AnyOperation[T.dtype](operation^)
        self.neuron = neuron^
        self.sources = sources^

    def __init__(
        out self,
        *,
        var held: AnyOperation[Self.dtype],
        var neuron: Neuron,
        var sources: List[Int],
    ):
        """Puts the parts together where the operation was read from a file.

        Args:
            held: What it does with the signals that it reads.
            neuron: The neurons.
            sources: Indices of the nodes it reads, in order, or `INPUT`.
        """
        self.operation = held^
        self.neuron = neuron^
        self.sources = sources^


struct Network[dtype: DType](Copyable):
    """Nodes, checked once and ready to run; the last one is the output.

    Signals have places: 0 for the input, k + 1 for what node k passes on.

    Parameters:
        dtype: Element type.
    """

    var nodes: List[Node[Self.dtype]]
    """The nodes, in an order in which each reads only what is before it."""
    var sources: List[List[Int]]
    """For each node the places of the signals that it reads."""
    var shapes: List[List[Int]]
    """For each signal the shape of one sample."""
    var last_reader: List[Int]
    """For each signal the last node that reads it, -1 where there is none."""

    def __init__(
        out self,
        var input_shape: List[Int],
        var nodes: List[Node[Self.dtype]],
    ) raises:
        """Checks the nodes, works out their shapes and prepares the walk.

        Args:
            input_shape: Shape of one sample of the input, of 1 to 3 axes.
            nodes: The nodes, input side first.

        Raises:
            Error: `shape`, and the codes of the neurons.
        """
        if len(nodes) == 0:
            raise refusal("shape", "a network needs at least one layer")
        if not 1 <= len(input_shape) <= 3:
            raise refusal(
                "shape",
                String("the input has 1 to 3 axes, not ", len(input_shape)),
            )
        self.sources = []
        self.shapes = [input_shape^]
        self.last_reader = List[Int](length=len(nodes) + 1, fill=-1)
        for k in range(len(nodes)):
            ref node = nodes[k]
            var places = [source + 1 for source in node.sources]
            if len(places) == 0:
                places = [k]
            for place in places:
                if place < 0 or place > k:
                    raise refusal(
                        "shape",
                        String(
                            "node ",
                            k,
                            " reads node ",
                            place - 1,
                            ": it may read the input, or a node before it",
                        ),
                    )
                self.last_reader[place] = k
            var shape = node.operation.output_shape(
                [self.shapes[place].copy() for place in places]
            )
            node.neuron.check(shape[0])
            self.shapes.append(shape^)
            self.sources.append(places^)
        self.nodes = nodes^

    def n_inputs(self) -> Int:
        """Returns the number of values of one sample of the input.

        Returns:
            The number.
        """
        return product(self.shapes[0])


struct RunResult[dtype: DType](Copyable):
    """What a run of a network gave: each list has one array for each node.

    Parameters:
        dtype: Element type.
    """

    var counts: List[List[Int64]]
    """Net spikes (B, n), n flat; nothing for `identity` nodes."""
    var sums: List[List[Scalar[Self.dtype]]]
    """What `identity` nodes passed on in all (B, n); else nothing."""
    var membrane: List[List[Scalar[Self.dtype]]]
    """Membrane after the last step (B, n)."""
    var drive: List[Scalar[Self.dtype]]
    """What the output node received in all (B, n_out)."""
    var settled: List[Int64]
    """Under `pulse`, for each sample after how many steps nothing moved any
    more, -1 where that was not seen; else nothing."""

    def __init__(out self, nodes: Int):
        """Makes the result of no samples.

        Args:
            nodes: Number of nodes.
        """
        self.counts = List[List[Int64]](length=nodes, fill=[])
        self.sums = List[List[Scalar[Self.dtype]]](length=nodes, fill=[])
        self.membrane = List[List[Scalar[Self.dtype]]](length=nodes, fill=[])
        self.drive = []
        self.settled = []


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
        Error: `timesteps`, `encoding`, `shape`, `non_finite`, `rate_range`.
    """
    check_timesteps(timesteps)
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
                "' is not one of current, poisson, spikes",
            ),
        )
    var n_in = network.n_inputs()
    var steps_in = timesteps if encoding == "spikes" else 1
    check_shape("inputs", len(inputs), product(steps_in, batch, n_in))
    check_finite("inputs", inputs)

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
