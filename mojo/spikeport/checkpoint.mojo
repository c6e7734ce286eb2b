"""A checkpoint: weights with what is needed to use them again."""
from .archive import NEURON_ROWS, LayerArrays, write_archive
from .checks import refusal
from .network import Layer
from .neuron import LARGEST_TRACER, Neuron, is_kind
from .npy import StoredArray, product_of
from .sha256 import SHA256, sha256
from .sidecar import Sidecar, LayerSize, demand, write_sidecar
from .strict_json import OBJECT, Json


struct Checkpoint(Copyable):
    """A spiking network at rest."""

    var layer_names: List[String]
    """Unique names, input side first."""
    var layer_sizes: List[LayerSize]
    """Widths of the layers."""
    var neuron_types: List[String]
    """A label a layer; a network runs where each is a kind of neuron."""
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
            neuron_types: A label a layer.
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

    def layers[dtype: DType](self) raises -> List[Layer[dtype]]:
        """Returns the network, ready to run.

        Parameters:
            dtype: Element type, that of all weights.

        Returns:
            The layers.

        Raises:
            Error: `neuron`, `dtype`.
        """
        var neurons = [self.neuron(k) for k in range(len(self.arrays))]
        if self.is_double() != (dtype == DType.float64):
            raise refusal("dtype", "the weights are of another type")
        var result = List[Layer[dtype]]()
        for k in range(len(self.arrays)):
            ref layer = self.arrays[k]
            var bias = Optional[List[Scalar[dtype]]](None)
            if layer.bias:
                bias = layer.bias.value().values[dtype]()
            result.append(
                Layer(
                    layer.weight.values[dtype](),
                    self.layer_sizes[k].n_in,
                    self.layer_sizes[k].n_out,
                    bias,
                    neurons[k].copy(),
                )
            )
        return result^

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
        demand(
            len(sidecar.frozen_layers) == len(self.frozen_layers),
            "frozen_layers must name layers, each once",
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
    var archive = write_archive(checkpoint.arrays)
    sidecar.archive_bytes = len(archive)
    sidecar.archive_sha256 = sha256(archive)
    return CheckpointBytes(archive^, write_sidecar(sidecar))


def neuron_rows(neuron: Neuron, n: Int) -> StoredArray:
    """Returns what a layer's neuron member holds.

    Args:
        neuron: The neurons.
        n: How many the layer has.

    Returns:
        Float64 of shape (7, 1) where one number a parameter says everything,
        else (7, n).
    """
    var rows: List[List[Float64]] = [
        neuron.threshold.copy(),
        neuron.v_init.copy(),
        [1.0 if neuron.v_reset else 0.0],
        neuron.v_reset.copy().or_else([0.0]),
        neuron.beta.copy(),
        [Float64(neuron.tracer_min)],
        [Float64(neuron.tracer_max)],
    ]
    var width = 1
    for row in rows:
        if len(row) > 1:
            width = n
    var values = List[Float64](capacity=NEURON_ROWS * width)
    for row in rows:
        for k in range(width):
            values.append(row[min(k, len(row) - 1)])
    return StoredArray.of(values, [NEURON_ROWS, width])


def neuron_from_rows(kind: String, rows: List[Float64]) raises -> Neuron:
    """Reads the parameters of a neuron member.

    Args:
        kind: The layer's label.
        rows: 7 rows of one length: threshold, v_init, hard_reset, v_reset,
            beta, tracer_min, tracer_max.

    Returns:
        The neurons.

    Raises:
        Error: `neuron`, also for -0 where 0 is meant: a content has one
            encoding only.
    """
    var width = len(rows) // NEURON_ROWS
    var row = [
        List[Float64](Span(rows)[r * width : (r + 1) * width])
        for r in range(NEURON_ROWS)
    ]
    for r in [2, 5, 6]:
        for value in row[r]:
            if value != row[r][0] or _is_minus_zero(value):
                raise refusal(
                    "neuron",
                    "hard_reset and the tracer are one value for the layer",
                )
    if row[2][0] != 0 and row[2][0] != 1:
        raise refusal("neuron", "hard_reset must be 0 or 1")
    var hard = row[2][0] == 1
    for value in row[3]:
        if not hard and (value != 0 or _is_minus_zero(value)):
            raise refusal("neuron", "v_reset must be 0 under soft reset")
    for bound in [row[5][0], row[6][0]]:
        # Compared before it is converted, so no bound is out of reach.
        if abs(bound) > Float64(LARGEST_TRACER) or Float64(Int(bound)) != bound:
            raise refusal("neuron", "a tracer bound is no whole number")
    try:
        var v_reset = Optional[List[Float64]](None)
        if hard:
            v_reset = row[3].copy()
        var neuron = Neuron(
            kind,
            threshold=row[0].copy(),
            v_init=row[1].copy(),
            v_reset=v_reset^,
            beta=row[4].copy(),
            tracer_min=Int(row[5][0]),
            tracer_max=Int(row[6][0]),
        )
        neuron.check(width)
        return neuron^
    except e:
        raise refusal("neuron", String(e))


def _is_minus_zero(value: Float64) -> Bool:
    return value == 0 and 1 / value < 0


def _check_array(name: String, array: StoredArray, shape: List[Int]) raises:
    if array.shape != shape or array.count() != product_of(shape):
        raise refusal(
            "shape", String(name, ": an array does not fit the sizes")
        )
    if not array.is_finite():
        raise refusal("non_finite", String(name, " holds NaN or infinity"))
