"""The members that the archive of a checkpoint has, in order.

For node i: `layer_<i>.weight` where its operation has one, then where they exist
`layer_<i>.bias` and `layer_<i>.neuron`.
"""
from ..checks import product, refusal
from .archive import (
    LARGEST_ARCHIVE,
    Archive,
    ArchiveWriter,
    Member,
    largest_archive,
)
from .neurons import NEURON_ROWS, with_max_spikes, without_max_spikes
from .npy import StoredArray, descr_of
from .sidecar import Sidecar, read_shapes
from .sidecar.nodes import LARGEST_SIZE

comptime FLOATS: List[DType] = [DType.float32, DType.float64]
"""The types of all members, but for integer networks. That a neuron's rows are
float64 is checked with its layer, since other checks come before."""
comptime WEIGHTS: List[DType] = [DType.int8, DType.int16]
"""The types of an integer network's weights."""


struct LayerArrays(Copyable):
    """The arrays of one node."""

    var weight: Optional[StoredArray]
    """Weights (out, in) or (out, C/groups, kernel…); None where its operation
    has none."""
    var bias: Optional[StoredArray]
    """Bias (out,), or None."""
    var neuron: Optional[StoredArray]
    """Neuron parameters (7, 1) or (7, first axis), float64, or None."""

    def __init__(
        out self,
        var weight: Optional[StoredArray] = None,
        var bias: Optional[StoredArray] = None,
        var neuron: Optional[StoredArray] = None,
    ):
        """Puts the arrays together.

        Args:
            weight: Weights (out, in) or (out, C/groups, kernel…), or None.
            bias: Bias (out,), or None.
            neuron: Neuron parameters (7, 1) or (7, first axis), or None.
        """
        self.weight = weight^
        self.bias = bias^
        self.neuron = neuron^


def member_name(layer: Int, part: StringSpan) -> String:
    """Names a member: `part` is `weight`, `bias` or `neuron`."""
    return String("layer_", layer, ".", part, ".npy")


def expected_members(sidecar: Sidecar) -> List[Member]:
    """Returns the members that an archive may have beside a checked sidecar:
    one for each node, and two more where its operation has a weight."""
    var floats = materialize[FLOATS]()
    var weights = floats.copy()
    var biases = floats.copy()
    if sidecar.version == 2:
        weights.extend(materialize[WEIGHTS]())
        biases.append(bias_type(DType.int8))
    var rows = NEURON_ROWS + Int(sidecar.version == 2)
    var members = List[Member]()
    for k in range(len(sidecar.nodes)):
        ref node = sidecar.nodes[k]
        var first = node.shape[0]
        if node.has_weight():
            var reads = read_shapes(sidecar.input_shape, sidecar.nodes, k)
            members.append(
                Member(
                    member_name(k, "weight"),
                    shapes=[node.weight_shape(reads)],
                    types=weights.copy(),
                    required=True,
                )
            )
            members.append(
                Member(
                    member_name(k, "bias"),
                    shapes=[[first]],
                    types=biases.copy(),
                    required=False,
                )
            )
        members.append(
            Member(
                member_name(k, "neuron"),
                shapes=[[rows, 1], [rows, first]],
                types=floats.copy(),
                required=False,
            )
        )
    return members^


def check_size(sidecar: Sidecar, expected: List[Member]) raises:
    """Refuses, as `too_large`, an archive that is said to have more bytes than
    its members can need, or weights of more values than there may be."""
    if sidecar.version == 2:
        for member in expected:
            if product(member.shapes[0]) > LARGEST_SIZE:
                raise refusal(
                    "too_large",
                    String(member.name, " has over 2^31 - 1 values"),
                )
    if sidecar.archive_bytes > min(largest_archive(expected), LARGEST_ARCHIVE):
        raise refusal(
            "too_large",
            String(
                "the archive should have ",
                sidecar.archive_bytes,
                " bytes, more than its layers could need",
            ),
        )


def read_layers(archive: Archive, sidecar: Sidecar) raises -> List[LayerArrays]:
    """Reads the arrays of nodes whose members `archive` was told to expect;
    refuses as `read_npy` does, and by `dtype` where types do not go together.
    """
    ref nodes = sidecar.nodes
    var layers = List[LayerArrays]()
    var member = 0
    for k in range(len(nodes)):
        var layer = LayerArrays()
        if nodes[k].has_weight():
            layer.weight = archive.array(member)
            layer.bias = archive.array(member + 1)
            member += 2
        layer.neuron = archive.array(member)
        member += 1
        check_types(String("layer_", k), layer)
        layers.append(layer^)
        if sidecar.version == 2:
            check_one_type(layers)
    return layers^


def bias_type(weight: DType) -> DType:
    """Returns the type of a bias beside a weight of some type."""
    return DType.int32 if weight.is_integral() else weight


def check_types(place: StringSpan, layer: LayerArrays) raises:
    """Refuses, as `dtype`, arrays of a node whose types do not go together."""
    if layer.bias:
        var wanted = bias_type(layer.weight.value().dtype)
        if layer.bias.value().dtype != wanted:
            raise refusal(
                "dtype",
                String(
                    place,
                    ": the bias beside this weight must be ",
                    descr_of(wanted),
                ),
            )
    if layer.neuron and layer.neuron.value().dtype != DType.float64:
        raise refusal("dtype", String(place, ": neuron must be float64"))


def check_array(name: String, array: StoredArray, shape: List[Int]) raises:
    """Refuses, by `shape` or `non_finite`, an array that is to be written."""
    if array.shape != shape or array.count() != product(shape):
        raise refusal(
            "shape", String(name, ": an array does not fit the sizes")
        )
    if not array.is_finite():
        raise refusal("non_finite", String(name, " holds NaN or infinity"))


def check_one_type(layers: List[LayerArrays]) raises:
    """Refuses, as `dtype`, a last weight of another type than the first."""
    ref last = layers[len(layers) - 1]
    if not last.weight:
        return
    for layer in layers:
        if layer.weight:
            if layer.weight.value().dtype != last.weight.value().dtype:
                raise refusal("dtype", "the weights differ in dtype")
            return


def write_layers(layers: List[LayerArrays], version: Int) raises -> List[UInt8]:
    """Returns the one archive of checked arrays; refuses by `too_large`."""
    var archive = ArchiveWriter()
    for k in range(len(layers)):
        ref layer = layers[k]
        if layer.weight:
            archive.add(member_name(k, "weight"), layer.weight.value())
        if layer.bias:
            archive.add(member_name(k, "bias"), layer.bias.value())
        if layer.neuron:
            ref rows = layer.neuron.value()
            archive.add(
                member_name(k, "neuron"),
                with_max_spikes(rows) if version
                == 2 else without_max_spikes(rows),
            )
    return archive^.finish()
