"""Tests of version 2 of the checkpoint: nodes that name what they read."""
from std.tempfile import TemporaryDirectory
from std.testing import TestSuite, assert_equal, assert_raises, assert_true

from spikeport.checkpoint import (
    Checkpoint,
    LayerArrays,
    LayerSize,
    StoredArray,
    StoredNode,
    checkpoint_bytes,
    load_checkpoint,
    save_checkpoint,
)
from spikeport.checkpoint.archive import Archive
from spikeport.checkpoint.members import (
    check_size,
    expected_members,
    read_layers,
    write_layers,
)
from spikeport.checkpoint.neurons import (
    neuron_from_rows,
    neuron_rows,
    with_max_spikes,
    without_max_spikes,
)
from spikeport.checkpoint.sidecar import read_sidecar
from spikeport.checks import code_of
from spikeport.network import INPUT
from spikeport.neuron import Neuron
from spikeport.running import network_run


def example() -> Checkpoint:
    """Makes a residual network on inputs of (1, 4, 4)."""
    var weights = [Float64(k % 5) / 4 for k in range(18)]
    var conv = LayerArrays(StoredArray.of(weights, [2, 1, 3, 3]))
    conv.bias = StoredArray.of([0.25, -0.5], [2])
    conv.neuron = StoredArray.of(
        [1.0, 0.5, 0.5, 0.5, 0, 0, 0, 0, 1, 1, 0, 0, 31, 31], [7, 2]
    )
    var skip = LayerArrays(StoredArray.of([0.5, 1.0, 1.0, 0.25], [2, 2, 1, 1]))
    var out = LayerArrays(
        StoredArray.of([Float64(k) / 8 for k in range(8)], [1, 8])
    )
    return Checkpoint(
        [1, 4, 4],
        [
            StoredNode(
                "conv",
                "conv",
                [INPUT],
                "IF",
                [2, 4, 4],
                kernel=[3, 3],
                stride=[1, 1],
                padding=[1, 1],
                dilation=[1, 1],
            ),
            StoredNode(
                "pool",
                "max_pool",
                [0],
                "identity",
                [2, 2, 2],
                kernel=[2, 2],
                stride=[2, 2],
                padding=[0, 0],
            ),
            StoredNode(
                "skip",
                "conv",
                [1],
                "IF",
                [2, 2, 2],
                kernel=[1, 1],
                stride=[1, 1],
                padding=[0, 0],
                dilation=[1, 1],
            ),
            StoredNode("join", "add", [1, 2], "IF", [2, 2, 2]),
            StoredNode("out", "linear", [3], "IF", [1]),
        ],
        [conv^, LayerArrays(), skip^, LayerArrays(), out^],
        ["out", "conv"],
        '{"note": "é"}',
    )


def test_what_was_saved_loads_and_saves_the_same_bytes() raises:
    """Nodes, attributes, what is read, and the network that runs."""
    with TemporaryDirectory() as folder:
        var path = folder + "/net"
        save_checkpoint(example(), path)
        var loaded = load_checkpoint(path).checkpoint.copy()
        assert_equal(loaded.version(), 2)
        assert_equal(loaded.input_shape, [1, 4, 4])
        assert_equal(
            loaded.layer_names(), ["conv", "pool", "skip", "join", "out"]
        )
        assert_equal(loaded.frozen_layers, ["conv", "out"])
        assert_equal(loaded.nodes[3].sources, [1, 2])
        assert_equal(loaded.nodes[0].padding, [1, 1])
        assert_equal(loaded.total_params(), 32)
        # The eighth row is of the file, not of the content.
        assert_equal(loaded.arrays[0].neuron.value().shape, [7, 2])
        var one = checkpoint_bytes(example())
        var other = checkpoint_bytes(loaded)
        assert_true(one.archive == other.archive)
        assert_true(one.sidecar == other.sidecar)
        var x = [Float64(k) / 16 for k in range(16)]
        var result = network_run(
            loaded.network[DType.float64](), x, 1, timesteps=8
        )
        var expected = network_run(
            example().network[DType.float64](), x, 1, timesteps=8
        )
        assert_equal(result.drive, expected.drive)
        assert_true(result.counts[4][0] > 0)


def test_a_sidecar_has_a_line_for_each_node() raises:
    """Keys in alphabetical order, as the contract shows them."""
    var bytes = checkpoint_bytes(example())
    var text = String(from_utf8=bytes.sidecar)
    assert_true('\n  "input_shape": [1, 4, 4],\n' in text)
    assert_true(
        '\n  "nodes": [\n    {"dilation": [1, 1], "groups": 1, "inputs":'
        ' ["input"], "kernel": [3, 3], "name": "conv", "neuron": "IF",'
        ' "operation": "conv", "padding": [1, 1], "shape": [2, 4, 4],'
        ' "stride": [1, 1]},\n    {"inputs": ["conv"], "kernel": [2, 2],'
        ' "name": "pool", "neuron": "identity", "operation": "max_pool",'
        ' "padding": [0, 0], "shape": [2, 2, 2], "stride": [2, 2]},\n'
        in text
    )
    assert_true(
        '\n    {"inputs": ["join"], "name": "out", "neuron": "IF",'
        ' "operation": "linear", "shape": [1]}\n  ],\n'
        '  "total_params": 32,\n  "version": 2\n}\n'
        in text
    )


def test_a_chain_is_written_in_version_1() raises:
    """The same bytes, whichever way it was made."""
    var arrays: List[LayerArrays] = [
        LayerArrays(StoredArray.of([0.5, 1.0], [1, 2]))
    ]
    var chain = Checkpoint(["a"], [LayerSize(2, 1)], ["IF"], arrays.copy())
    var nodes = Checkpoint(
        [2], [StoredNode("a", "linear", [INPUT], "IF", [1])], arrays.copy()
    )
    assert_equal(nodes.version(), 1)
    var one = checkpoint_bytes(chain)
    var other = checkpoint_bytes(nodes)
    assert_true(one.sidecar == other.sidecar)
    assert_true(one.archive == other.archive)


def sidecar_code(text: String) -> String:
    """Reads a sidecar."""
    try:
        _ = read_sidecar(List[UInt8](text.as_bytes()))
        return ""
    except e:
        return code_of(e)


def test_sidecars_are_refused_by_code() raises:
    """Small changes to a good sidecar, and the code of each."""
    var bytes = checkpoint_bytes(example()).sidecar.copy()
    var good = String(from_utf8=bytes)
    assert_equal(sidecar_code(good), "")
    var cases: List[List[String]] = [
        ['"version": 2', '"version": 1', "sidecar_schema"],
        ['"version": 2', '"version": 3', "version"],
        ['"input_shape": [1, 4, 4]', '"input_shape": []', "sidecar_schema"],
        [
            '"input_shape": [1, 4, 4]',
            '"input_shape": [2, 65536, 65536]',
            "sidecar_schema",
        ],
        ['"input_shape": [1, 4, 4]', '"input_shape": [1, 5, 4]', "layer_chain"],
        ['"input_shape": [1, 4, 4]', '"input_shape": [4, 4]', "layer_chain"],
        ['"operation": "add"', '"operation": "mul"', "sidecar_schema"],
        ['"operation": "add"', '"operation": "concat"', "layer_chain"],
        ['"operation": "add"', '"operation": "conv"', "sidecar_schema"],
        ['"operation": "max_pool"', '"operation": "avg_pool"', ""],
        ['"name": "join"', '"name": "input"', "sidecar_schema"],
        ['"name": "join"', '"name": "skip"', "sidecar_schema"],
        ['"name": "join"', '"name": ""', "sidecar_schema"],
        ['"name": "join"', '"name": "junction"', "layer_chain"],
        ['"neuron": "identity"', '"neuron": ""', "sidecar_schema"],
        ['["pool", "skip"]', "[]", "sidecar_schema"],
        ['["pool", "skip"]', '["pool"]', "layer_chain"],
        ['["pool", "skip"]', '["pool", "out"]', "layer_chain"],
        ['["pool", "skip"]', '["pool", "join"]', "layer_chain"],
        ['["pool", "skip"]', '["pool", "input"]', "layer_chain"],
        ['"groups": 1', '"groups": 0', "sidecar_schema"],
        ['"groups": 1', '"groups": 2', "layer_chain"],
        ['"kernel": [3, 3]', '"kernel": [3]', "sidecar_schema"],
        ['"kernel": [3, 3]', '"kernel": [3, 0]', "sidecar_schema"],
        ['"kernel": [3, 3]', '"kernel": [3, 65536]', "sidecar_schema"],
        ['"kernel": [3, 3]', '"kernel": [3, 65535]', "layer_chain"],
        ['"kernel": [3, 3]', '"kernel": [3, 2.0]', "sidecar_schema"],
        ['"padding": [1, 1]', '"padding": [-1, 1]', "sidecar_schema"],
        ['"padding": [1, 1]', '"padding": [65535, 65535]', "layer_chain"],
        ['"stride": [2, 2]', '"stride": [2, 2, 2]', "sidecar_schema"],
        ['"stride": [2, 2]', '"stride": [2, 1]', "layer_chain"],
        ['"shape": [2, 4, 4]', '"shape": [2, 4, 5]', "layer_chain"],
        ['"shape": [1]', '"shape": [1, 1]', "layer_chain"],
        ['"shape": [1]', '"shape": [0]', "sidecar_schema"],
        ['"shape": [1]', '"shape": 1', "sidecar_schema"],
        ['"nodes": [', '"nodes": [[], ', "sidecar_schema"],
        ['"shape": [1]}', '"shape": [1], "groups": 1}', "sidecar_schema"],
        [
            '_layers": ["conv", "out"]',
            '_layers": ["out", "conv"]',
            "sidecar_schema",
        ],
        ['"total_params": 32', '"total_params": 0', "sidecar_schema"],
    ]
    for k in range(len(cases)):
        var text = good.replace(cases[k][0], cases[k][1])
        assert_true(text != good, cases[k][0])
        assert_equal(sidecar_code(text), cases[k][2], cases[k][1])
    var chain = String(
        '{"archive": {"bytes": 1, "sha256": "',
        String("0") * 64,
        '"}, "format": "spikeport-checkpoint", "frozen_layers": [],',
        ' "input_shape": [2], "metadata": {}, "nodes": [{"inputs": ["input"],',
        ' "name": "a", "neuron": "IF", "operation": "linear", "shape": [1]}],',
        ' "total_params": 2, "version": 2}',
    )
    # Whether version 1 could hold it is known with its neurons.
    assert_equal(sidecar_code(chain), "")
    assert_equal(sidecar_code(chain.replace("[2]", "[1, 2]")), "")


def test_nothing_is_made_before_sizes_are_checked() raises:
    """A sidecar may claim giants; its archive may not."""
    var sidecar = example().check()
    sidecar.archive_bytes = (
        22
        + (3 * 268 + 8 * (18 + 9 * 2))
        + (268 + 8 * (8 * 2))
        + (3 * 268 + 8 * (4 + 9 * 2))
        + (268 + 8 * (8 * 2))
        + (3 * 268 + 8 * (8 + 9 * 1))
    )
    check_size(sidecar, expected_members(sidecar))
    sidecar.archive_bytes += 1
    with assert_raises(contains="too_large:"):
        check_size(sidecar, expected_members(sidecar))
    sidecar.archive_bytes = 22
    sidecar.nodes[0].shape = [1 << 20, 4, 4]
    sidecar.nodes[0].kernel = [65535, 65535]
    with assert_raises(contains="too_large: layer_0.weight.npy has over"):
        check_size(sidecar, expected_members(sidecar))


def archive_code(content: List[UInt8], checkpoint: Checkpoint) -> String:
    """Reads an archive as that of a checkpoint."""
    try:
        var sidecar = checkpoint.check()
        var members = expected_members(sidecar)
        _ = read_layers(Archive(content.copy(), members^), sidecar)
        return ""
    except e:
        return code_of(e)


def test_members_are_those_of_the_operations() raises:
    """No weight where an operation has none, and one where it has."""
    var content = checkpoint_bytes(example()).archive.copy()
    assert_equal(archive_code(content, example()), "")
    var other = example()
    other.nodes[3].sources = [1, 1]
    other.nodes[2].operation = "max_pool"
    other.arrays[2].weight = None
    assert_equal(archive_code(content, other), "unexpected_entry")
    content = checkpoint_bytes(other).archive.copy()
    assert_equal(archive_code(content, example()), "missing_entry")
    content = checkpoint_bytes(example()).archive.copy()
    for at in range(0, len(content), 7):
        content[at] ^= 64
        assert_true(archive_code(content, example()) != "", String(at))
        content[at] ^= 64


def test_saving_refuses_what_would_not_load() raises:
    """Arrays of other shapes, a weight too many, names, and shapes."""
    var broken = example()
    broken.arrays[1].weight = StoredArray.of([1.0], [1])
    with assert_raises(contains="shape: pool: max_pool and its weight"):
        _ = checkpoint_bytes(broken)
    broken = example()
    broken.arrays[0].weight = None
    broken.arrays[0].bias = None
    with assert_raises(contains="shape: conv: conv and its weight"):
        _ = checkpoint_bytes(broken)
    broken = example()
    broken.arrays[3].bias = StoredArray.of([1.0, 1.0], [2])
    with assert_raises(contains="shape: join has no place for a bias"):
        _ = checkpoint_bytes(broken)
    broken = example()
    broken.nodes[4].sources = [4]
    with assert_raises(contains="layer_chain: out reads a node"):
        _ = checkpoint_bytes(broken)
    broken = example()
    broken.nodes[0].name = "input"
    broken.frozen_layers = []
    with assert_raises(contains="sidecar_schema: input is the network's"):
        _ = checkpoint_bytes(broken)
    broken = example()
    broken.arrays[0].neuron = StoredArray.of(
        List[Float64](length=7 * 32, fill=1), [7, 32]
    )
    with assert_raises(contains="shape:"):
        _ = checkpoint_bytes(broken)


def test_weights_are_of_one_type() raises:
    """Both sides refuse what would not run."""
    var mixed = example()
    mixed.arrays[4].weight = StoredArray.of(
        [Float32(k) / 8 for k in range(8)], [1, 8]
    )
    with assert_raises(contains="dtype: the weights differ"):
        _ = checkpoint_bytes(mixed)
    var content = write_layers(mixed.arrays, 2)
    assert_equal(archive_code(content, example()), "dtype")


def test_the_row_of_spikes_is_held_where_it_says_something() raises:
    """The eighth row is held only where neurons may send several spikes."""
    var rows = StoredArray.of([1.0, 0, 0, 0, 1, 0, 31], [7, 1])
    var eight = with_max_spikes(rows)
    assert_equal(eight.shape, [8, 1])
    assert_true(without_max_spikes(eight).data == rows.data)
    eight = StoredArray.of([1.0, 0, 0, 0, 1, 0, 31, 2], [8, 1])
    assert_equal(without_max_spikes(eight).shape, [8, 1])
    assert_equal(neuron_rows(Neuron("IF", max_spikes=5), 3).shape, [8, 1])
    var row = List[Float64](eight.values[DType.float64]())
    assert_equal(neuron_from_rows("IF", row, 8).max_spikes, 2)
    for wrong in [0.0, 128.0, 2.5]:
        row[7] = wrong
        with assert_raises(contains="neuron: "):
            _ = neuron_from_rows("IF", row, 8)


def test_a_chain_is_version_2_where_neurons_send_several_spikes() raises:
    """The lowest version that can hold it."""
    for most in [1, 3]:
        var arrays = LayerArrays()
        arrays.weight = StoredArray.of([1.0, 2.0], [1, 2])
        arrays.neuron = neuron_rows(Neuron("IF", max_spikes=most), 1)
        var chain = Checkpoint(["only"], [LayerSize(2, 1)], ["IF"], [arrays^])
        assert_equal(chain.version(), 1 if most == 1 else 2)
        if most == 1:
            with assert_raises(contains="version: "):
                chain.check_version(2)
        else:
            chain.check_version(2)


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
