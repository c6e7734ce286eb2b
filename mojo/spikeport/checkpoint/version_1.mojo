"""Version 1 of the format: a chain of linear layers, and the members that its
archive has.

Members, for i = 0, 1, …: `layer_<i>.weight`, then where they exist
`layer_<i>.bias` and `layer_<i>.neuron`.
"""
from ..checks import refusal
from .archive import Archive, ArchiveWriter, Member
from .neurons import NEURON_ROWS
from .npy import StoredArray
from .sidecar import LayerSize

comptime FLOATS: List[String] = ["<f4", "<f8"]
"""The types of all members. That a neuron's rows are `<f8` is checked with its
layer, since other checks come before."""


struct LayerArrays(Copyable):
    """The arrays of one layer."""

    var weight: StoredArray
    """Weights (out, in)."""
    var bias: Optional[StoredArray]
    """Bias (out,), or None."""
    var neuron: Optional[StoredArray]
    """Neuron parameters (7, 1) or (7, out), float64, or None."""

    def __init__(
        out self,
        var weight: StoredArray,
        var bias: Optional[StoredArray] = None,
        var neuron: Optional[StoredArray] = None,
    ):
        """Puts the arrays together.

        Args:
            weight: Weights (out, in).
            bias: Bias (out,), or None.
            neuron: Neuron parameters (7, 1) or (7, out), or None.
        """
        self.weight = weight^
        self.bias = bias^
        self.neuron = neuron^


def member_name(layer: Int, part: StringSpan) -> String:
    """Names a member: `part` is `weight`, `bias` or `neuron`."""
    return String("layer_", layer, ".", part, ".npy")


def expected_members(sizes: List[LayerSize]) -> List[Member]:
    """Returns the members of an archive whose layers have these sizes: three
    for each layer."""
    var types = materialize[FLOATS]()
    var members = List[Member](capacity=3 * len(sizes))
    for k in range(len(sizes)):
        var n_in = sizes[k].n_in
        var n_out = sizes[k].n_out
        members.append(
            Member(
                member_name(k, "weight"),
                shapes=[[n_out, n_in]],
                types=types.copy(),
                required=True,
            )
        )
        members.append(
            Member(
                member_name(k, "bias"),
                shapes=[[n_out]],
                types=types.copy(),
                required=False,
            )
        )
        members.append(
            Member(
                member_name(k, "neuron"),
                shapes=[[NEURON_ROWS, 1], [NEURON_ROWS, n_out]],
                types=types.copy(),
                required=False,
            )
        )
    return members^


def read_layers(archive: Archive) raises -> List[LayerArrays]:
    """Reads the layers whose members `archive` was told to expect; refuses as
    `read_npy` does, and by `dtype` where types do not go together."""
    var layers = List[LayerArrays]()
    for k in range(len(archive.expected) // 3):
        var weight = archive.array(3 * k)  # required, so it is there
        var layer = LayerArrays(
            weight.take(), archive.array(3 * k + 1), archive.array(3 * k + 2)
        )
        if layer.bias and layer.bias.value().double != layer.weight.double:
            raise refusal(
                "dtype",
                String("layer_", k, ": bias and weight differ in dtype"),
            )
        if layer.neuron and not layer.neuron.value().double:
            raise refusal(
                "dtype", String("layer_", k, ": neuron must be float64")
            )
        layers.append(layer^)
    return layers^


def write_layers(layers: List[LayerArrays]) raises -> List[UInt8]:
    """Returns the one archive of checked arrays; refuses by `too_large`."""
    var archive = ArchiveWriter()
    for k in range(len(layers)):
        ref layer = layers[k]
        archive.add(member_name(k, "weight"), layer.weight)
        if layer.bias:
            archive.add(member_name(k, "bias"), layer.bias.value())
        if layer.neuron:
            archive.add(member_name(k, "neuron"), layer.neuron.value())
    return archive^.finish()
