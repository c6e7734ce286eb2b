"""Tests of `spikeport.checkpoint`: the files and what they hold."""
from std.os import listdir, makedirs, remove, symlink
from std.os.path import isdir
from std.tempfile import TemporaryDirectory
from std.testing import TestSuite, assert_equal, assert_raises, assert_true

from spikeport.checkpoint import (
    Checkpoint,
    LayerArrays,
    LayerSize,
    StoredArray,
    checkpoint_bytes,
    load_checkpoint,
    neuron_rows,
    save_checkpoint,
)
from spikeport.checkpoint.archive import (
    LARGEST_ARCHIVE,
    Archive,
    ArchiveWriter,
    Member,
)
from spikeport.checkpoint.members import (
    check_size,
    expected_members,
    read_layers,
)
from spikeport.checkpoint.neurons import neuron_from_rows
from spikeport.checkpoint.npy import npy_header, read_npy
from spikeport.checkpoint.sha256 import sha256
from spikeport.checkpoint.sidecar import read_sidecar
from spikeport.checkpoint.store import checkpoint_paths
from spikeport.checks import code_of
from spikeport.neuron import Neuron
from spikeport.running import network_run


def example() raises -> Checkpoint:
    """Makes a checkpoint of 2 -> 3 -> 1 with every kind of member."""
    var first = LayerArrays(
        StoredArray.of([0.5, 1.0, -0.25, 0.125, 2.0, 0.0], [3, 2])
    )
    first.bias = StoredArray.of([0.25, 0.0, -0.5], [3])
    first.neuron = StoredArray.of([1.0, 0.5, 1, -0.5, 0.75, 0, 31], [7, 1])
    var second = LayerArrays(StoredArray.of([1.0, -1.0, 0.5], [1, 3]))
    return Checkpoint(
        ["hidden", "output"],
        [LayerSize(2, 3), LayerSize(3, 1)],
        ["LIF", "IF"],
        [first^, second^],
        ["output", "hidden"],
        '{"accuracy": 0.10, "note": "é"}',
    )


def read_code(content: List[UInt8]) -> String:
    """Reads an archive of the example's sizes."""
    try:
        var sidecar = example().check()
        var expected = expected_members(sidecar)
        _ = read_layers(Archive(content.copy(), expected^), sidecar)
        return ""
    except e:
        return code_of(e)


def test_what_was_saved_loads_and_saves_the_same_bytes() raises:
    """Content comes back; metadata stays the text it was."""
    with TemporaryDirectory() as folder:
        var path = folder + "/net.v2"
        save_checkpoint(example(), path)
        var loaded = load_checkpoint(path + ".json")
        assert_equal(loaded.checkpoint.layer_names(), ["hidden", "output"])
        assert_equal(loaded.checkpoint.frozen_layers, ["hidden", "output"])
        assert_equal(loaded.checkpoint.metadata, example().metadata)
        assert_equal(loaded.checkpoint.total_params(), 12)
        var neuron = loaded.checkpoint.neuron(0)
        assert_equal(neuron.v_reset.value(), [-0.5])
        assert_equal(neuron.beta, [0.75])
        assert_equal(loaded.checkpoint.neuron(1).v_init, [0.0])
        var one = checkpoint_bytes(example())
        var other = checkpoint_bytes(loaded.checkpoint)
        assert_true(one.archive == other.archive)
        assert_true(one.sidecar == other.sidecar)


def test_a_loaded_network_runs() raises:
    """A checkpoint's network runs; float32 weights run as float32 only."""
    var network = example().network[DType.float64]()
    var result = network_run(network, [1.0, 1.0], 1, timesteps=4)
    assert_equal(len(result.counts[1]), 1)
    with assert_raises(contains="dtype:"):
        _ = example().network[DType.float32]()


def named(name: String, required: Bool) -> Member:
    """Makes a member of three doubles, or of 2 x 2."""
    return Member(name, [[3], [2, 2]], [DType.float64], required)


def test_an_archive_has_the_members_it_is_told_to_expect() raises:
    """Any names, shapes and types: the reader knows no layers."""
    var expected: List[Member] = [
        named("first.npy", True),
        named("second.npy", False),
        named("third.npy", True),
    ]
    var writer = ArchiveWriter()
    writer.add("first.npy", StoredArray.of([1.0, 2.0, 3.0], [3]))
    writer.add("third.npy", StoredArray.of([1.0, 2.0, 3.0, 4.0], [2, 2]))
    var content = writer^.finish()
    var archive = Archive(content.copy(), expected.copy())
    assert_equal(archive.array(0).value().shape, [3])
    assert_equal(Bool(archive.array(1)), False)
    assert_equal(archive.array(2).value().shape, [2, 2])

    expected[0].shapes = [[4]]
    expected[2].types = [DType.float32]
    archive = Archive(content.copy(), expected.copy())
    with assert_raises(contains="shape:"):
        _ = archive.array(0)
    with assert_raises(contains="dtype:"):
        _ = archive.array(2)
    expected[1].required = True
    with assert_raises(contains="missing_entry: second.npy"):
        _ = Archive(content.copy(), expected.copy())
    _ = expected.pop(0)
    with assert_raises(contains="unexpected_entry:"):
        _ = Archive(content.copy(), expected.copy())


def test_an_archive_is_as_long_as_its_members_can_need() raises:
    """22 bytes, and for each layer 804 + 8·(out·in + 8·out)."""
    var sidecar = example().check()
    sidecar.archive_bytes = (
        22 + 804 + 8 * (3 * 2 + 8 * 3) + 804 + 8 * (1 * 3 + 8 * 1)
    )
    check_size(sidecar, expected_members(sidecar))
    sidecar.archive_bytes += 1
    with assert_raises(contains="too_large:"):
        check_size(sidecar, expected_members(sidecar))
    var widest = (1 << 31) - 1
    sidecar.input_shape = [widest]
    sidecar.nodes[0].shape = [widest]
    sidecar.nodes[1].shape = [widest]
    sidecar.archive_bytes = LARGEST_ARCHIVE
    check_size(sidecar, expected_members(sidecar))
    sidecar.archive_bytes += 1
    with assert_raises(contains="too_large:"):
        check_size(sidecar, expected_members(sidecar))


def test_every_flipped_bit_of_an_archive_is_refused() raises:
    """No byte of an archive is free, and none makes the reader abort."""
    var content = checkpoint_bytes(example()).archive.copy()
    assert_equal(read_code(content), "")
    for at in range(len(content)):
        for bit in [0, 6, 7]:
            content[at] ^= UInt8(1) << UInt8(bit)
            assert_true(read_code(content) != "", String("byte ", at))
            content[at] ^= UInt8(1) << UInt8(bit)


def test_every_cut_and_every_tail_is_refused() raises:
    """An archive of any other length is refused."""
    var content = checkpoint_bytes(example()).archive.copy()
    for length in range(len(content)):
        var cut = List[UInt8](Span(content)[0:length])
        assert_equal(read_code(cut), "archive_syntax")
    content.append(0)
    assert_equal(read_code(content), "archive_syntax")


def test_npy_headers_are_a_multiple_of_64() raises:
    """One space more or less would be another file."""
    assert_equal(len(npy_header(DType.float64, [10, 256])), 128)
    assert_equal(len(npy_header(DType.float32, [3])), 128)
    var header = npy_header(DType.float32, [3])
    var text = String(from_utf8=Span(header)[10:70])
    assert_equal(
        text, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }   "
    )


def npy(text: StringSpan, values: Int) -> List[UInt8]:
    """Makes a `.npy` file with a header of one's own."""
    var data: List[UInt8] = [0x93]
    data.extend("NUMPY\x01\x00".as_bytes())
    data.append(118)
    data.append(0)
    data.extend(text.as_bytes())
    while len(data) < 127:
        data.append(32)
    data.append(10)
    for _ in range(values):
        data.append(0)
    return data^


def test_npy_headers_are_refused_by_code() raises:
    """The first of the faults, in the order of the contract."""
    comptime rest = "'fortran_order': False, 'shape': (3,), }"
    var cases: List[List[String]] = [
        [String("{'descr': '<f8', ", rest), "24", ""],
        [String("{'descr': '|O', ", rest), "24", "pickle"],
        [String("{'descr': '<i8', ", rest), "24", "dtype"],
        [String("{'descr': '>f8', ", rest), "24", "dtype"],
        [String("{'descr': '<i4', ", rest), "12", "dtype"],
        [String("{'descr': '<f8', ", rest), "16", "shape"],
        [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3,1), }",
            "24",
            "shape",
        ],
        [
            "{'descr': '<f8', 'fortran_order': True, 'shape': (3,), }",
            "24",
            "shape",
        ],
        [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (03,), }",
            "24",
            "archive_syntax",
        ],
        [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3), }",
            "24",
            "archive_syntax",
        ],
        [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3,,), }",
            "24",
            "archive_syntax",
        ],
        [
            (
                "{'descr': '<f8', 'fortran_order': False, 'shape':"
                " (99999999999,), }"
            ),
            "24",
            "archive_syntax",
        ],
        [
            "{'descr': '<f8', 'fortran_order': 0, 'shape': (3,), }",
            "24",
            "archive_syntax",
        ],
        [
            "{\"descr\": '<f8', 'fortran_order': False, 'shape': (3,), }",
            "24",
            "archive_syntax",
        ],
    ]
    for k in range(len(cases)):
        var code = String("")
        try:
            _ = read_npy(
                npy(cases[k][0], atol(cases[k][1])),
                [[3]],
                [DType.float32, DType.float64],
                "file",
            )
        except e:
            code = code_of(e)
        assert_equal(code, cases[k][2], cases[k][0])


def test_sidecars_are_refused_by_code() raises:
    """Small changes to a good sidecar, and the code of each."""
    var bytes = checkpoint_bytes(example()).sidecar.copy()
    var good = String(from_utf8=bytes)
    var cases: List[List[String]] = [
        ['"version": 1', '"version": 2', "sidecar_schema"],
        ['"version": 1', '"version": 3', "version"],
        ['"version": 1', '"version": 1.0', "version"],
        ['"spikeport-checkpoint"', '"other"', "version"],
        ['"n_layers": 2', '"n_layers": 3', "sidecar_schema"],
        ['"n_layers": 2', '"n_layers": true', "sidecar_schema"],
        ['"metadata": {', '"extra": 1,\n  "metadata": {', "sidecar_schema"],
        ['"n_layers": 2,\n  ', "", "sidecar_schema"],
        ["[2, 3]", "[2, 3, 1]", "sidecar_schema"],
        ["[2, 3]", "[0, 3]", "sidecar_schema"],
        ["[2, 3]", "[2, 4]", "layer_chain"],
        [
            '_layers": ["hidden", "output"]',
            '_layers": ["output", "hidden"]',
            "sidecar_schema",
        ],
        ['"LIF", "IF"', '"LIF"', "sidecar_schema"],
        ['"sha256": "', '"sha256": "A', "sidecar_schema"],
        ["{\n", "{,\n", "sidecar_syntax"],
    ]
    for k in range(len(cases)):
        var text = good.replace(cases[k][0], cases[k][1])
        assert_true(text != good, cases[k][0])
        var code = String("")
        try:
            _ = read_sidecar(List[UInt8](text.as_bytes()))
        except e:
            code = code_of(e)
        assert_equal(code, cases[k][2], cases[k][1])


def load_code(path: String) -> String:
    """Loads a checkpoint."""
    try:
        _ = load_checkpoint(path)
        return ""
    except e:
        return code_of(e)


def write(path: String, content: Span[UInt8, _]) raises:
    """Writes a file."""
    with open(path, "w") as file:
        file.write_bytes(content)


def test_files_are_refused_by_code() raises:
    """Missing files, links, folders, another archive, a huge claim."""
    with TemporaryDirectory() as folder:
        var path = folder + "/net"
        assert_equal(load_code(path), "missing_file")
        save_checkpoint(example(), path)
        assert_equal(load_code(path), "")
        symlink(path + ".json", folder + "/link.json")
        assert_equal(load_code(folder + "/link"), "symlink")
        makedirs(folder + "/dir.json")
        assert_equal(load_code(folder + "/dir"), "missing_file")
        var bytes = checkpoint_bytes(example())
        remove(path + ".npz")
        assert_equal(load_code(path), "missing_file")
        write(path + ".npz", "PK".as_bytes())
        assert_equal(load_code(path), "archive_digest")
        var claim = String(from_utf8=bytes.sidecar).replace(
            '"bytes": ', '"bytes": 9'
        )
        write(path + ".json", claim.as_bytes())
        assert_equal(load_code(path), "too_large")


def test_an_archive_left_staged_is_found() raises:
    """A save stopped before its last rename loads as the new checkpoint."""
    with TemporaryDirectory() as folder:
        var path = folder + "/net"
        var bytes = checkpoint_bytes(example())
        save_checkpoint(example(), path)
        var loaded = load_checkpoint(path)
        write(path + ".npz", "an older archive".as_bytes())
        var staged = checkpoint_paths(path).staged(loaded.digest)
        write(staged, bytes.archive)
        assert_equal(load_code(path), "")
        remove(path + ".npz")
        assert_equal(load_code(path), "")
        remove(staged)


def test_a_frozen_name_given_twice_is_written_once() raises:
    """As in the other languages."""
    with TemporaryDirectory() as folder:
        var path = folder + "/net"
        var twice = example()
        twice.frozen_layers = ["output", "hidden", "output"]
        save_checkpoint(twice, path)
        var loaded = load_checkpoint(path)
        assert_equal(loaded.checkpoint.frozen_layers, ["hidden", "output"])


def test_saving_refuses_what_would_not_load() raises:
    """Content is checked before anything is written."""
    with TemporaryDirectory() as folder:
        var path = folder + "/net"
        var broken = example()
        broken.metadata = "[]"
        with assert_raises(contains="sidecar_schema:"):
            save_checkpoint(broken, path)
        broken = example()
        broken.frozen_layers = ["nobody"]
        with assert_raises(contains="sidecar_schema:"):
            save_checkpoint(broken, path)
        broken = example()
        with assert_raises(contains="layer_chain:"):
            _ = Checkpoint(
                broken.layer_names(),
                [LayerSize(2, 3), LayerSize(4, 1)],
                broken.neuron_types(),
                broken.arrays.copy(),
            )
        broken = example()
        broken.nodes[0].neuron = "IF"
        with assert_raises(contains="neuron:"):
            save_checkpoint(broken, path)
        assert_equal(load_code(path), "missing_file")
        with assert_raises(contains="missing_file: there is no folder"):
            save_checkpoint(example(), folder + "/no/net")
        assert_equal(isdir(folder + "/no"), False)


def test_neurons_become_rows_and_rows_neurons() raises:
    """One column where every parameter is a single number."""
    var plain = neuron_rows(Neuron("ST-BIF", tracer_min=-7), 3)
    assert_equal(plain.shape, [7, 1])
    assert_equal(
        plain.values[DType.float64](), [1.0, 0.0, 0.0, 0.0, 1.0, -7.0, 31.0]
    )
    var each = neuron_rows(
        Neuron(
            "LIF",
            threshold=[1.0, 0.5],
            v_reset=Optional[List[Float64]]([-0.5]),
            beta=[0.75],
        ),
        2,
    )
    assert_equal(each.shape, [7, 2])
    var back = neuron_from_rows("LIF", each.values[DType.float64]())
    assert_equal(back.threshold, [1.0, 0.5])
    assert_equal(back.v_reset.value(), [-0.5, -0.5])
    assert_equal(back.beta, [0.75, 0.75])
    # -0 would be a second encoding of the same content.
    with assert_raises(contains="neuron:"):
        _ = neuron_from_rows("IF", [1.0, 0.0, -0.0, 0.0, 1.0, 0.0, 31.0])
    with assert_raises(contains="neuron:"):
        _ = neuron_from_rows("IF", [1.0, 0.0, 0.0, -0.0, 1.0, 0.0, 31.0])


def test_metadata_is_as_deep_as_it_can_be_read() raises:
    """63 levels; white space around the object is left out."""
    with TemporaryDirectory() as folder:
        var deep = example()
        deep.metadata = String(" ", '{"a": ' * 62, "{}", "}" * 62, "\n")
        save_checkpoint(deep, folder + "/net")
        var text = load_checkpoint(folder + "/net").checkpoint.metadata
        assert_equal(text, String(deep.metadata.strip()))
        deep.metadata = String('{"a": ' * 63, "{}", "}" * 63)
        with assert_raises(contains="sidecar_schema:"):
            save_checkpoint(deep, folder + "/net")


def test_a_save_leaves_two_files() raises:
    """What a stopped save left is removed; a folder of the name is no file."""
    with TemporaryDirectory() as folder:
        var path = folder + "/net"
        write(folder + "/.net.npz.0123456789abcdef", "left".as_bytes())
        write(folder + "/.net.json.0123456789abcdef", "left".as_bytes())
        for mine in [".net.npz.mine", ".net.npz.0123456789abcdeg"]:
            write(String(folder, "/", mine), "mine".as_bytes())
        save_checkpoint(example(), path)
        assert_equal(len(listdir(folder)), 4)
        var bytes = checkpoint_bytes(example())
        var digest = load_checkpoint(path).digest
        write(checkpoint_paths(path).staged(digest), bytes.archive)
        remove(path + ".npz")
        makedirs(path + ".npz")
        assert_equal(load_code(path), "")


def test_what_a_stopped_save_has_left_stays_when_the_next_one_fails() raises:
    """The sidecar in place may need an archive that waits for its name."""
    with TemporaryDirectory() as folder:
        var path = folder + "/net"
        var bytes = checkpoint_bytes(example())
        var staged = checkpoint_paths(path).staged(sha256(bytes.archive))
        makedirs(path + ".json")
        with assert_raises(contains="cannot rename"):
            save_checkpoint(example(), path)
        assert_equal(listdir(folder), ["net.json"])
        write(staged, bytes.archive)
        with assert_raises(contains="cannot rename"):
            save_checkpoint(example(), path)
        assert_equal(len(listdir(folder)), 2)


def test_a_pair_has_three_names() raises:
    """With either suffix, or with none; a suffix alone is a name."""
    assert_equal(checkpoint_paths("a/b.npz").sidecar, "a/b.json")
    assert_equal(checkpoint_paths("a/b.json").archive, "a/b.npz")
    assert_equal(checkpoint_paths("a.d/b").archive, "a.d/b.npz")
    assert_equal(checkpoint_paths("a/.npz").archive, "a/.npz.npz")


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
