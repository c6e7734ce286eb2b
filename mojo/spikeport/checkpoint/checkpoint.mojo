"""A checkpoint: weights with what is needed to use them again."""
from ..checks import product, refusal
from ..network import Network, Node
from ..neuron import Neuron, is_kind
from ..operations.any_operation import operation_named
from .members import LayerArrays, check_array, check_types
from .neurons import (
    NEURON_ROWS,
    neuron_from_rows,
    sends_several,
    with_max_spikes,
)
from .npy import StoredArray
from .sha256 import SHA256
from .sidecar import (
    LayerSize,
    Sidecar,
    StoredNode,
    chain_nodes,
    demand,
    is_chain,
    read_shapes,
)
from .sidecar.version_1 import Chain
from .strict_json import OBJECT, Json


struct Checkpoint(Copyable):
    """A spiking network at rest: nodes, the last of which is the output.

    It is written in the lowest version that can hold it: a chain of linear
    layers on inputs of one axis is version 1, everything else version 2. Where
    its weights are integers of 8 or 16 bits, it is an integer network.
    """

    var input_shape: List[Int]
    """Shape of one sample of the input, of 1 to 3 axes."""
    var nodes: List[StoredNode]
    """The nodes, in an order in which each reads only what is before it. A
    network runs where each label is a kind of neuron."""
    var arrays: List[LayerArrays]
    """Weight, bias and neuron parameters of every node."""
    var frozen_layers: List[String]
    """Names of nodes that fine-tuning leaves alone."""
    var metadata: String
    """A JSON object, carried as the text it was read from."""

    def __init__(
        out self,
        var input_shape: List[Int],
        var nodes: List[StoredNode],
        var arrays: List[LayerArrays],
        var frozen_layers: List[String] = [],
        var metadata: String = "{}",
    ):
        """Puts the parts together; `check` says whether they fit.

        Args:
            input_shape: Shape of one sample of the input.
            nodes: What is said of every node.
            arrays: The arrays of every node.
            frozen_layers: Names of frozen nodes, in any order.
            metadata: A JSON object.
        """
        self.input_shape = input_shape^
        self.nodes = nodes^
        self.arrays = arrays^
        self.frozen_layers = frozen_layers^
        self.metadata = metadata^

    def __init__(
        out self,
        var layer_names: List[String],
        var layer_sizes: List[LayerSize],
        var neuron_types: List[String],
        var arrays: List[LayerArrays],
        var frozen_layers: List[String] = [],
        var metadata: String = "{}",
    ) raises:
        """Makes a chain of linear layers.

        Args:
            layer_names: Unique names, input side first.
            layer_sizes: Widths of the layers.
            neuron_types: A label for each layer.
            arrays: The arrays of every layer.
            frozen_layers: Names of frozen layers, in any order.
            metadata: A JSON object.

        Raises:
            Error: `sidecar_schema`, `layer_chain`.
        """
        demand(len(layer_sizes) > 0, "there must be a layer")
        self.input_shape = [layer_sizes[0].n_in]
        self.nodes = chain_nodes(
            Chain(layer_names^, layer_sizes^, neuron_types^)
        )
        self.arrays = arrays^
        self.frozen_layers = frozen_layers^
        self.metadata = metadata^

    def layer_names(self) -> List[String]:
        """Lists the names of the nodes.

        Returns:
            The names, input side first.
        """
        return [node.name.copy() for node in self.nodes]

    def neuron_types(self) -> List[String]:
        """Lists the labels of the nodes.

        Returns:
            The labels, input side first.
        """
        return [node.neuron.copy() for node in self.nodes]

    def layer_sizes(self) -> List[LayerSize]:
        """Lists how many values the nodes read and give.

        Returns:
            The numbers, input side first.
        """
        var sizes = List[LayerSize]()
        for k in range(len(self.nodes)):
            var n_in = 0
            for shape in read_shapes(self.input_shape, self.nodes, k):
                n_in += product(shape)
            sizes.append(LayerSize(n_in, product(self.nodes[k].shape)))
        return sizes^

    def version(self) -> Int:
        """Returns the version in which it is written.

        Returns:
            1 for a chain of linear layers on inputs of one axis, whose weights
            are floats and whose neurons send at most one spike in a step,
            else 2.
        """
        if self.is_whole():
            return 2
        for layer in self.arrays:
            if layer.neuron and sends_several(layer.neuron.value()):
                return 2
        return 1 if is_chain(self.input_shape, self.nodes) else 2

    def check_version(self, given: Int) raises:
        """Refuses, as `version`, version 2 where version 1 could hold it.

        Args:
            given: The version in which it is said.

        Raises:
            Error: `version`.
        """
        if given != self.version():
            raise refusal(
                "version", "version 1 holds a chain of linear layers of floats"
            )

    def total_params(self) -> Int:
        """Returns the number of weights and biases.

        Returns:
            The number.
        """
        var total = 0
        for layer in self.arrays:
            if layer.weight:
                total += layer.weight.value().count()
            if layer.bias:
                total += layer.bias.value().count()
        return total

    def arrays_digest(self) -> String:
        """Digests the values of all arrays, in the order of the archive.

        Returns:
            The SHA-256 of their bytes, headers left out.
        """
        var digest = SHA256()
        for layer in self.arrays:
            if layer.weight:
                digest.update(layer.weight.value().data)
            if layer.bias:
                digest.update(layer.bias.value().data)
            if layer.neuron:
                ref rows = layer.neuron.value()
                if self.version() == 2:
                    digest.update(with_max_spikes(rows).data)
                else:
                    digest.update(rows.data)
        return digest.hexdigest()

    def neuron(self, k: Int) raises -> Neuron:
        """Returns the neurons of a layer; defaults where none are stored.

        Args:
            k: Index of the layer.

        Returns:
            The neurons.

        Raises:
            Error: `neuron`.
        """
        if self.arrays[k].neuron:
            ref stored = self.arrays[k].neuron.value()
            return neuron_from_rows(
                self.nodes[k].neuron,
                stored.values[DType.float64](),
                stored.shape[0],
            )
        if not is_kind(self.nodes[k].neuron):
            raise refusal(
                "neuron",
                String(
                    self.nodes[k].name,
                    ": no neuron is called '",
                    self.nodes[k].neuron,
                    "'",
                ),
            )
        return Neuron(self.nodes[k].neuron)

    def network[dtype: DType](self) raises -> Network[dtype]:
        """Returns the network, ready to run.

        Parameters:
            dtype: Element type, that of `Checkpoint.dtype`.

        Returns:
            The network, its nodes in the same order.

        Raises:
            Error: `neuron`, `dtype`, `shape`, `operation`.
        """
        self.check_integers()
        var neurons = [self.neuron(k) for k in range(len(self.arrays))]
        if self.dtype() != dtype:
            raise refusal("dtype", "the weights are of another type")
        var nodes = List[Node[dtype]]()
        for k in range(len(self.arrays)):
            ref node = self.nodes[k]
            ref layer = self.arrays[k]
            var weights = List[Scalar[dtype]]()
            var weight_shape = List[Int]()
            var bias = Optional[List[Scalar[dtype]]](None)
            if layer.weight:
                weights = layer.weight.value().values[dtype]()
                weight_shape = layer.weight.value().shape.copy()
            if layer.bias:
                bias = layer.bias.value().values[dtype]()
            var operation = operation_named(
                node.operation,
                weights,
                weight_shape,
                bias,
                kernel=node.kernel,
                stride=node.stride.copy(),
                padding=node.padding.copy(),
                dilation=node.dilation.copy(),
                groups=node.groups,
            )
            nodes.append(
                Node(
                    held=operation^,
                    neuron=neurons[k].copy(),
                    sources=node.sources.copy(),
                )
            )
        return Network(self.input_shape.copy(), nodes^)

    def dtype(self) raises -> DType:
        """Returns the element type of a run.

        Returns:
            That of the weights, or `int32` where they are integers.

        Raises:
            Error: `dtype` where they differ.
        """
        var types = List[DType]()
        for layer in self.arrays:
            if layer.weight:
                types.append(layer.weight.value().dtype)
        if len(types) == 0:
            raise refusal("dtype", "there is no weight to say the type")
        for dtype in types:
            if dtype != types[0]:
                raise refusal("dtype", "the weights differ in dtype")
        return DType.int32 if self.is_whole() else types[0]

    def is_whole(self) -> Bool:
        """Tells whether it is an integer network.

        Returns:
            True where its first weight is of integers.
        """
        for layer in self.arrays:
            if layer.weight:
                return layer.weight.value().dtype.is_integral()
        return False

    def check_integers(self) raises:
        """Refuses, node by node, what an integer network cannot run: leaks,
        neurons that are no whole numbers, averages.

        Raises:
            Error: `neuron`, `operation`.
        """
        if not self.is_whole():
            return
        for k in range(len(self.nodes)):
            ref node = self.nodes[k]
            if node.neuron == "LIF" or (
                self.arrays[k].neuron and is_kind(node.neuron)
            ):
                try:
                    self.neuron(k).check[DType.int32](node.shape[0])
                except e:
                    raise refusal("neuron", String(node.name, ": ", e))
            if node.operation == "avg_pool":
                raise refusal(
                    "operation",
                    String(node.name, ": an average of integers is none"),
                )

    def check(self) raises -> Sidecar:
        """Checks all that reading checks.

        Returns:
            The sidecar; length and digest of the archive are still empty.

        Raises:
            Error: `sidecar_schema`, `layer_chain`, `shape`, `dtype`,
                `non_finite`, `neuron`, `operation`.
        """
        var metadata: String  # without space around it
        try:
            var json = Json(List[UInt8](self.metadata.as_bytes()), depth=1)
            demand(json.kind(0) == OBJECT, "it is not an object")
            metadata = String(json.source(0))
        except e:
            raise refusal("sidecar_schema", String("metadata: ", e))
        var names = self.layer_names()
        var sidecar = Sidecar(
            self.input_shape.copy(),
            self.nodes.copy(),
            [name.copy() for name in names if name in self.frozen_layers],
            self.total_params(),
            0,
            "",
            metadata^,
            self.version(),
        )
        for name in self.frozen_layers:
            demand(
                name in names,
                String("frozen_layers names no layer: ", name),
            )
        demand(
            len(self.arrays) == len(self.nodes),
            "there must be arrays for every layer",
        )
        sidecar.check()
        for k in range(len(self.arrays)):
            self._check_arrays(k)
        if sidecar.version == 2:
            _ = self.dtype()
        self.check_integers()
        return sidecar^

    def _check_arrays(self, k: Int) raises:
        ref node = self.nodes[k]
        ref layer = self.arrays[k]
        if Bool(layer.weight) != node.has_weight():
            raise refusal(
                "shape",
                String(node.name, ": ", node.operation, " and its weight"),
            )
        if layer.bias and not layer.weight:
            raise refusal(
                "shape", String(node.name, " has no place for a bias")
            )
        if layer.weight:
            var reads = read_shapes(self.input_shape, self.nodes, k)
            ref weight = layer.weight.value()
            check_array(node.name, weight, node.weight_shape(reads))
            if weight.dtype == DType.int32:
                raise refusal("dtype", "weights have 8 or 16 bits, not 32")
            if layer.bias:
                ref bias = layer.bias.value()
                check_array(node.name, bias, [node.shape[0]])
        if layer.neuron:
            ref neuron = layer.neuron.value()
            var rows = NEURON_ROWS
            if len(neuron.shape) == 2 and neuron.shape[0] > NEURON_ROWS:
                rows = NEURON_ROWS + 1
            var width = 1 if neuron.count() == rows else node.shape[0]
            check_array(node.name, neuron, [rows, width])
        check_types(node.name, layer)
        if layer.neuron:
            _ = self.neuron(k)
