"""What both versions of a sidecar say, read and written."""
from ...checks import refusal
from ..hex import hex_value
from ..strict_json import OBJECT, TEXT, WHOLE, Json, escape
from .fields import demand, members, text, texts, whole, wholes
from .fields import written_texts, written_wholes
from .graph import check_graph, named_sources
from .nodes import StoredNode, check_shape_field
from .version_1 import KEYS_1, read_chain, write_chain
from .version_2 import KEYS_2, read_graph, write_graph

comptime FORMAT = "spikeport-checkpoint"
"""The value of the key `format`."""
comptime LARGEST_SIDECAR = 16 << 20
"""Bytes that a sidecar may have."""
comptime MOST_LAYERS = 16384
"""Nodes that a checkpoint may have."""


@fieldwise_init
struct Sidecar(Copyable):
    """The content of a sidecar, of either version."""

    var input_shape: List[Int]
    """Shape of one sample of the input."""
    var nodes: List[StoredNode]
    """What is said of every node."""
    var frozen_layers: List[String]
    """Names of the frozen nodes, in network order."""
    var total_params: Int
    """Number of weights and biases."""
    var archive_bytes: Int
    """Length of the archive."""
    var archive_sha256: String
    """SHA-256 of the archive."""
    var metadata: String
    """A JSON object, as the text it was read from."""
    var version: Int
    """The version in which it is said, 1 or 2."""

    def check_fields(self, version: Int) raises:
        """Checks every field by itself; refuses by `sidecar_schema`."""
        var count = len(self.nodes)
        demand(
            1 <= count <= MOST_LAYERS,
            String("there must be 1 to ", MOST_LAYERS, " layers"),
        )
        check_shape_field("input_shape", self.input_shape)
        var places = Dict[String, Int]()
        for k in range(count):
            self.nodes[k].check()
            demand(
                version == 1 or self.nodes[k].name != "input",
                "input is the network's input: no node is called so",
            )
            places[self.nodes[k].name] = k
        demand(len(places) == count, "names must be unique")
        var last = -1
        for name in self.frozen_layers:
            var place = places.get(name).or_else(-1)
            demand(
                place > last,
                "frozen_layers must name layers, each once, in network order",
            )
            last = place
        demand(self.total_params > 0, "total_params must be above 0")

    def connect(mut self, reads: List[List[String]]) raises:
        """Checks every field of version 2, then lets the nodes read what they
        name, then checks the shapes that follow; refuses by `sidecar_schema`,
        `layer_chain`."""
        self.check_fields(2)
        var sources = named_sources(
            [node.name.copy() for node in self.nodes], reads
        )
        for k in range(len(sources)):
            self.nodes[k].sources = sources[k].copy()
        check_graph(self.input_shape, self.nodes)

    def check(self) raises:
        """Checks every field, then what the nodes read and the shapes that
        follow; refuses by `sidecar_schema`, `layer_chain`."""
        self.check_fields(self.version)
        check_graph(self.input_shape, self.nodes)


def write_sidecar(sidecar: Sidecar) raises -> List[UInt8]:
    """Returns the one encoding of a checked sidecar."""
    var version = sidecar.version
    var values: Dict[String, String]
    if version == 1:
        values = write_chain(sidecar.input_shape, sidecar.nodes)
    else:
        values = {
            "input_shape": written_wholes(sidecar.input_shape),
            "nodes": write_graph(sidecar.nodes),
        }
    values["archive"] = String(
        '{"bytes": ',
        sidecar.archive_bytes,
        ', "sha256": ',
        escape(sidecar.archive_sha256),
        "}",
    )
    values["format"] = escape(FORMAT)
    values["frozen_layers"] = written_texts(sidecar.frozen_layers)
    values["metadata"] = sidecar.metadata
    values["total_params"] = String(sidecar.total_params)
    values["version"] = String(version)
    var keys = _keys(version)
    var content = String("{\n")
    for k in range(len(keys)):
        content += String("  ", escape(keys[k]), ": ", values[keys[k]])
        content += ",\n" if k + 1 < len(keys) else "\n"
    content += "}\n"
    if content.byte_length() > LARGEST_SIDECAR:
        raise refusal("too_large", "the sidecar has more than 16 MiB")
    return List[UInt8](content.as_bytes())


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
    var version = _version(json)
    var values = members(json, 0, _keys(version))
    var metadata = values[5 if version == 1 else 4]
    demand(json.kind(metadata) == OBJECT, "metadata must be a JSON object")
    var archive = members(json, values[0], ["bytes", "sha256"])
    var archive_bytes = whole(json, archive[0], "archive.bytes")
    demand(archive_bytes >= 0, "archive.bytes must be at least 0")
    var digest = text(json, archive[1], "archive.sha256")
    demand(_is_digest(digest), "archive.sha256 must be 64 digits 0-9a-f")
    var sidecar = Sidecar(
        [],
        [],
        texts(json, values[2], "frozen_layers"),
        whole(json, values[len(values) - 2], "total_params"),
        archive_bytes,
        digest,
        String(json.source(metadata)),
        version,
    )
    if version == 1:
        var chain = read_chain(json, values)
        sidecar.nodes = chain.nodes()
        demand(len(chain.sizes) > 0, "there must be a layer")
        sidecar.input_shape = [chain.sizes[0].n_in]
        sidecar.check_fields(1)
        chain.check()
        return sidecar^
    var graph = read_graph(json, values[5])
    sidecar.input_shape = wholes(json, values[3], "input_shape")
    sidecar.nodes = graph.nodes.copy()
    sidecar.connect(graph.reads)
    return sidecar^


def _keys(version: Int) -> List[String]:
    return materialize[KEYS_1]() if version == 1 else materialize[KEYS_2]()


def _version(json: Json) raises -> Int:
    var format = json.member(0, "format")
    if format and not (
        json.kind(format.value()) == TEXT
        and json.string(format.value()) == FORMAT
    ):
        raise refusal("version", String("format is not ", FORMAT))
    var version = json.member(0, "version")
    if not version:
        return 1  # whose keys are not all there
    if json.kind(version.value()) == WHOLE:
        var number = json.whole(version.value())
        if number == 1 or number == 2:
            return number
    raise refusal("version", "version is neither 1 nor 2")


def _is_digest(digest: String) -> Bool:
    if digest.byte_length() != 64:
        return False
    for byte in digest.as_bytes():
        if hex_value(byte) < 0 or 65 <= Int(byte) <= 70:
            return False
    return True
