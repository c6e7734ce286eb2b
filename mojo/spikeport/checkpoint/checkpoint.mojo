"""A checkpoint: weights with what is needed to use them again."""
from ..checks import refusal
from ..network import Network, Node
from ..neuron import Neuron, is_kind
from ..operations import Linear
from .neurons import NEURON_ROWS, neuron_from_rows
from .npy import StoredArray, product_of
from .sha256 import SHA256, sha256
from .sidecar import LayerSize, Sidecar, demand, write_sidecar
from .strict_json import OBJECT, Json
from .version_1 import LayerArrays, write_layers


struct Checkpoint(Copyable):
    """A spiking network at rest."""

    var layer_names: List[String]
    """Unique names, input side first."""
    var layer_sizes: List[LayerSize]
    """Widths of the layers."""
    var neuron_types: List[String]
    """A label for each layer; a network runs where each is a kind of neuron."""
    var frozen_layers: List[String]
    """Names of layers that fine-tuning leaves alone."""
    var metadata: String
    """A JSON object, carried as the text it was read from."""
    var arrays: List[LayerArrays]
    """Weights, biases and neuron parameters of every layer."""

    def __init__(
        out self,
        var layer_names: List[String],
        var layer_sizes: List[LayerSize],
        var neuron_types: List[String],
        var arrays: List[LayerArrays],
        var frozen_layers: List[String] = [],
        var metadata: String = "{}",
    ):
        """Puts the parts together; `check` says whether they fit.

        Args:
            layer_names: Unique names, input side first.
            layer_sizes: Widths of the layers.
            neuron_types: A label for each layer.
            arrays: The arrays of every layer.
            frozen_layers: Names of frozen layers, in any order.
            metadata: A JSON object.
        """
        self.layer_names = layer_names^
        self.layer_sizes = layer_sizes^
        self.neuron_types = neuron_types^
        self.frozen_layers = frozen_layers^
        self.metadata = metadata^
        self.arrays = arrays^

    def total_params(self) -> Int:
        """Returns the number of weights and biases.

        Returns:
            The number.
        """
        var total = 0
        for layer in self.arrays:
            total += layer.weight.count()
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
            digest.update(layer.weight.data)
            if layer.bias:
                digest.update(layer.bias.value().data)
            if layer.neuron:
                digest.update(layer.neuron.value().data)
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
                self.neuron_types[k], stored.values[DType.float64]()
            )
        if not is_kind(self.neuron_types[k]):
            raise refusal(
                "neuron",
                String(
                    self.layer_names[k],
                    ": no neuron is called '",
                    self.neuron_types[k],
                    "'",
                ),
            )
        return Neuron(self.neuron_types[k])

    def network[dtype: DType](self) raises -> Network[dtype]:
        """Returns the network, ready to run.

        Parameters:
            dtype: Element type, that of all weights.

        Returns:
            The network: one linear node for each layer.

        Raises:
            Error: `neuron`, `dtype`.
        """
        var neurons = [self.neuron(k) for k in range(len(self.arrays))]
        if self.is_double() != (dtype == DType.float64):
            raise refusal("dtype", "the weights are of another type")
        var nodes = List[Node[dtype]]()
        for k in range(len(self.arrays)):
            ref layer = self.arrays[k]
            var size = self.layer_sizes[k]
            var bias = Optional[List[Scalar[dtype]]](None)
            if layer.bias:
                bias = layer.bias.value().values[dtype]()
            var linear = Linear(
                layer.weight.values[dtype](), size.n_in, size.n_out, bias
            )
            nodes.append(Node(linear^, neurons[k].copy()))
        return Network([self.layer_sizes[0].n_in], nodes^)

    def is_double(self) raises -> Bool:
        """Tells the type of the weights.

        Returns:
            True for float64, False for float32.

        Raises:
            Error: `dtype` where they differ.
        """
        for layer in self.arrays:
            if layer.weight.double != self.arrays[0].weight.double:
                raise refusal("dtype", "the weights differ in dtype")
        return self.arrays[0].weight.double

    def check(self) raises -> Sidecar:
        """Checks all that reading checks.

        Returns:
            The sidecar; length and digest of the archive are still empty.

        Raises:
            Error: `sidecar_schema`, `layer_chain`, `shape`, `dtype`,
                `non_finite`, `neuron`.
        """
        var metadata: String  # without space around it
        try:
            var json = Json(List[UInt8](self.metadata.as_bytes()), depth=1)
            demand(json.kind(0) == OBJECT, "it is not an object")
            metadata = String(json.source(0))
        except e:
            raise refusal("sidecar_schema", String("metadata: ", e))
        var sidecar = Sidecar(
            self.layer_names.copy(),
            self.layer_sizes.copy(),
            self.neuron_types.copy(),
            [
                name.copy()
                for name in self.layer_names
                if name in self.frozen_layers
            ],
            self.total_params(),
            0,
            "",
            metadata^,
        )
        for name in self.frozen_layers:
            demand(
                name in self.layer_names,
                String("frozen_layers names no layer: ", name),
            )
        demand(
            len(self.arrays) == len(self.layer_names),
            "there must be arrays for every layer",
        )
        sidecar.check()
        for k in range(len(self.arrays)):
            self._check_arrays(k)
        return sidecar^

    def _check_arrays(self, k: Int) raises:
        ref layer = self.arrays[k]
        var size = self.layer_sizes[k]
        var shape: List[Int] = [size.n_out, size.n_in]
        _check_array(self.layer_names[k], layer.weight, shape)
        if layer.bias:
            _check_array(self.layer_names[k], layer.bias.value(), [size.n_out])
            if layer.bias.value().double != layer.weight.double:
                raise refusal("dtype", "bias and weight differ in dtype")
        if layer.neuron:
            ref neuron = layer.neuron.value()
            var width = 1 if neuron.count() == NEURON_ROWS else size.n_out
            _check_array(self.layer_names[k], neuron, [NEURON_ROWS, width])
            if not neuron.double:
                raise refusal("dtype", "neuron must be float64")
            _ = self.neuron(k)


@fieldwise_init
struct CheckpointBytes(Copyable):
    """The content of the two files."""

    var archive: List[UInt8]
    """The archive."""
    var sidecar: List[UInt8]
    """The sidecar."""


def checkpoint_bytes(checkpoint: Checkpoint) raises -> CheckpointBytes:
    """Encodes a checkpoint: the same content, the same bytes.

    Args:
        checkpoint: The checkpoint.

    Returns:
        The bytes of archive and sidecar.

    Raises:
        Error: Those of `Checkpoint.check`, and `too_large`.
    """
    var sidecar = checkpoint.check()
    var archive = write_layers(checkpoint.arrays)
    sidecar.archive_bytes = len(archive)
    sidecar.archive_sha256 = sha256(archive)
    return CheckpointBytes(archive^, write_sidecar(sidecar))


def _check_array(name: String, array: StoredArray, shape: List[Int]) raises:
    if array.shape != shape or array.count() != product_of(shape):
        raise refusal(
            "shape", String(name, ": an array does not fit the sizes")
        )
    if not array.is_finite():
        raise refusal("non_finite", String(name, " holds NaN or infinity"))
