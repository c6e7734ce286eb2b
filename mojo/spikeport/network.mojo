"""A whole network: nodes, what they read, and what a run gave.

How it runs stands in `running`.
"""
from .checks import product, refusal
from .neuron import Neuron
from .operations import AnyOperation, Operation

comptime INPUT = -1
"""What a node reads that reads the network's input."""


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
            node.neuron.check[Self.dtype](shape[0])
            self.shapes.append(shape^)
            self.sources.append(places^)
        self.nodes = nodes^

    def n_inputs(self) -> Int:
        """Returns the number of values of one sample of the input.

        Returns:
            The number.
        """
        return product(self.shapes[0])

    def check_bound(self, largest_input: Float64, timesteps: Int) raises:
        """Refuses a run of integers that could pass 32 bits.

        Args:
            largest_input: The largest absolute value of the input.
            timesteps: Number of steps T.

        Raises:
            Error: `overflow`.
        """
        var reach: List[Float64] = [largest_input]  # of every signal
        for k in range(len(self.nodes)):
            ref node = self.nodes[k]
            var current = node.operation.bound(
                [reach[place] for place in self.sources[k]]
            )
            node.neuron.check_bound[Self.dtype](
                self.shapes[k + 1][0], timesteps, current
            )
            reach.append(node.neuron.passes_on(current))


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
