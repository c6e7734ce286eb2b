"""The sidecar: what `<name>.json` says of the archive beside it."""

from ..checks import refusal
from .hex import hex_value
from .strict_json import LIST, OBJECT, TEXT, WHOLE, Json, escape

comptime FORMAT = "spikeport-checkpoint"
"""The value of the key `format`."""
comptime VERSION = 1
"""The version that is written and read."""
comptime LARGEST_SIDECAR = 16 << 20
"""Bytes that a sidecar may have."""
comptime MOST_LAYERS = 16384
"""Layers that a checkpoint may have."""
comptime LARGEST_WIDTH = (1 << 31) - 1
"""Inputs or neurons that a layer may have."""
comptime KEYS: List[String] = [
    "archive",
    "format",
    "frozen_layers",
    "layer_names",
    "layer_sizes",
    "metadata",
    "n_layers",
    "neuron_types",
    "total_params",
    "version",
]
"""The keys of a sidecar, in their order."""


@fieldwise_init
struct LayerSize(Equatable, ImplicitlyCopyable):
    """The widths of a layer."""

    var n_in: Int
    """Number of inputs."""
    var n_out: Int
    """Number of neurons."""


@fieldwise_init
struct Sidecar(Copyable):
    """The content of a sidecar."""

    var layer_names: List[String]
    """Unique names, input side first."""
    var layer_sizes: List[LayerSize]
    """Widths of the layers, chained."""
    var neuron_types: List[String]
    """A label for each layer."""
    var frozen_layers: List[String]
    """Names of the frozen layers, in network order."""
    var total_params: Int
    """Number of weights and biases."""
    var archive_bytes: Int
    """Length of the archive."""
    var archive_sha256: String
    """SHA-256 of the archive."""
    var metadata: String
    """A JSON object, as the text it was read from."""

    def check(self) raises:
        """Checks every field's range, then the chain of layers."""
        var count = len(self.layer_names)
        demand(
            1 <= count <= MOST_LAYERS,
            String("layer_names must hold 1 to ", MOST_LAYERS, " names"),
        )
        var places = Dict[String, Int]()
        for k in range(count):
            demand(self.layer_names[k] != "", "a layer's name is empty")
            places[self.layer_names[k]] = k
        demand(len(places) == count, "layer_names must be unique")
        demand(
            len(self.neuron_types) == count,
            String("neuron_types must hold ", count, " labels"),
        )
        for label in self.neuron_types:
            demand(label != "", "a label is empty")
        demand(
            len(self.layer_sizes) == count,
            String("layer_sizes must hold ", count, " pairs"),
        )
        for size in self.layer_sizes:
            demand(
                1 <= size.n_in <= LARGEST_WIDTH
                and 1 <= size.n_out <= LARGEST_WIDTH,
                "layer_sizes must be whole numbers from 1 to 2^31 - 1",
            )
        var last = -1
        for name in self.frozen_layers:
            var place = places.get(name).or_else(-1)
            demand(
                place > last,
                "frozen_layers must name layers, each once, in network order",
            )
            last = place
        demand(self.total_params > 0, "total_params must be above 0")
        for k in range(1, count):
            if self.layer_sizes[k - 1].n_out != self.layer_sizes[k].n_in:
                raise refusal(
                    "layer_chain",
                    String(
                        self.layer_names[k - 1],
                        " has ",
                        self.layer_sizes[k - 1].n_out,
                        " outputs, ",
                        self.layer_names[k],
                        " takes ",
                        self.layer_sizes[k].n_in,
                    ),
                )


def write_sidecar(sidecar: Sidecar) raises -> List[UInt8]:
    """Returns the one encoding of a checked sidecar."""
    var sizes = String("[")
    for k in range(len(sidecar.layer_sizes)):
        var size = sidecar.layer_sizes[k]
        if k > 0:
            sizes += ", "
        sizes += String("[", size.n_in, ", ", size.n_out, "]")
    sizes += "]"
    var archive = String(
        '{"bytes": ',
        sidecar.archive_bytes,
        ', "sha256": ',
        escape(sidecar.archive_sha256),
        "}",
    )
    var values: List[String] = [
        archive,
        escape(FORMAT),
        _texts(sidecar.frozen_layers),
        _texts(sidecar.layer_names),
        sizes,
        sidecar.metadata,
        String(len(sidecar.layer_names)),
        _texts(sidecar.neuron_types),
        String(sidecar.total_params),
        String(VERSION),
    ]
    var keys = materialize[KEYS]()
    var text = String("{\n")
    for k in range(len(keys)):
        var comma = "," if k + 1 < len(keys) else ""
        text += String("  ", escape(keys[k]), ": ", values[k], comma, "\n")
    text += "}\n"
    if text.byte_length() > LARGEST_SIDECAR:
        raise refusal("too_large", "the sidecar has more than 16 MiB")
    return List[UInt8](text.as_bytes())


def read_sidecar(var content: List[UInt8]) raises -> Sidecar:
    """Reads and checks a sidecar."""
    if len(content) > LARGEST_SIDECAR:
        raise refusal("too_large", "the sidecar has more than 16 MiB")
    var json: Json
    try:
        json = Json(content^)
    except e:
        raise refusal("sidecar_syntax", String("not strict JSON: ", e))
    demand(json.kind(0) == OBJECT, "the content must be a JSON object")
    _check_version(json)

    # One node for each key, in the order of KEYS.
    var keys = materialize[KEYS]()
    var nodes = List[Int]()
    for key in keys:
        var node = json.member(0, key)
        demand(Bool(node), String("the key ", key, " is missing"))
        nodes.append(node.value())
    demand(
        len(json.children(0)) == 2 * len(keys),
        "there is a key that a sidecar does not have",
    )
    demand(json.kind(nodes[5]) == OBJECT, "metadata must be a JSON object")
    demand(
        json.kind(nodes[0]) == OBJECT and len(json.children(nodes[0])) == 4,
        "archive must be {bytes, sha256}",
    )
    var bytes = json.member(nodes[0], "bytes")
    var sha256 = json.member(nodes[0], "sha256")
    demand(Bool(bytes) and Bool(sha256), "archive must be {bytes, sha256}")
    var archive_bytes = _whole(json, bytes.value(), "archive.bytes")
    demand(archive_bytes >= 0, "archive.bytes must be at least 0")
    var digest = _text(json, sha256.value(), "archive.sha256")
    demand(_is_digest(digest), "archive.sha256 must be 64 digits 0-9a-f")

    var sidecar = Sidecar(
        _texts_of(json, nodes[3], "layer_names"),
        _sizes_of(json, nodes[4]),
        _texts_of(json, nodes[7], "neuron_types"),
        _texts_of(json, nodes[2], "frozen_layers"),
        _whole(json, nodes[8], "total_params"),
        archive_bytes,
        digest,
        String(json.source(nodes[5])),
    )
    demand(
        _whole(json, nodes[6], "n_layers") == len(sidecar.layer_names),
        "n_layers must be the number of layers",
    )
    sidecar.check()
    return sidecar^


def demand(condition: Bool, expected: String) raises:
    """Refuses a sidecar unless a condition holds."""
    if not condition:
        raise refusal("sidecar_schema", expected)


def _check_version(json: Json) raises:
    var format = json.member(0, "format")
    if format and not (
        json.kind(format.value()) == TEXT
        and json.string(format.value()) == FORMAT
    ):
        raise refusal("version", String("format is not ", FORMAT))
    var version = json.member(0, "version")
    if version and not (
        json.kind(version.value()) == WHOLE
        and json.whole(version.value()) == VERSION
    ):
        raise refusal("version", String("version is not ", VERSION))


def _whole(json: Json, node: Int, key: StringSpan) raises -> Int:
    demand(json.kind(node) == WHOLE, String(key, " must be a whole number"))
    return json.whole(node)


def _text(json: Json, node: Int, key: StringSpan) raises -> String:
    demand(json.kind(node) == TEXT, String(key, " must be a text"))
    return json.string(node)


def _texts_of(json: Json, node: Int, key: StringSpan) raises -> List[String]:
    demand(json.kind(node) == LIST, String(key, " must be a list of texts"))
    return [_text(json, item, key) for item in json.children(node)]


def _sizes_of(json: Json, node: Int) raises -> List[LayerSize]:
    demand(json.kind(node) == LIST, "layer_sizes must be a list of pairs")
    var sizes = List[LayerSize]()
    for pair in json.children(node):
        var widths = json.children(pair)
        demand(
            json.kind(pair) == LIST and len(widths) == 2,
            "layer_sizes must hold pairs [in, out]",
        )
        sizes.append(
            LayerSize(
                _whole(json, widths[0], "layer_sizes"),
                _whole(json, widths[1], "layer_sizes"),
            )
        )
    return sizes^


def _texts(items: List[String]) -> String:
    var text = String("[")
    for k in range(len(items)):
        if k > 0:
            text += ", "
        text += escape(items[k])
    text += "]"
    return text^


def _is_digest(text: String) -> Bool:
    if text.byte_length() != 64:
        return False
    for byte in text.as_bytes():
        if hex_value(byte) < 0 or 65 <= Int(byte) <= 70:
            return False
    return True
