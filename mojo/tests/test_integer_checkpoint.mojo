"""Tests of the checkpoints of integer networks: 8 or 16 bits a weight."""
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
    expected_members,
    read_layers,
    write_layers,
)
from spikeport.checkpoint.npy import descr_of
from spikeport.checks import code_of
from spikeport.network import INPUT
from spikeport.running import network_run


def example(dtype: DType = DType.int8) raises -> Checkpoint:
    """Makes a chain of integers: 3 -> 2 -> 1."""
    var first = LayerArrays(
        StoredArray.rounded([1, -128, 127, 0, 5, 9], dtype, [2, 3])
    )
    first.bias = StoredArray.of([Int32(100000), -7], [2])
    first.neuron = StoredArray.of(
        [90.0, 64, 0.5, 0.25, 0, 0, 0, 0, 1, 1, 0, 0, 31, 31], [7, 2]
    )
    var out = LayerArrays(StoredArray.rounded([3, 4], dtype, [1, 2]))
    return Checkpoint(
        ["first", "out"],
        [LayerSize(3, 2), LayerSize(2, 1)],
        ["IF", "identity"],
        [first^, out^],
    )


def test_an_array_of_any_type_is_its_bytes() raises:
    """Little-endian, two's complement, and read back as they were."""
    var whole: List[Float64] = [-128, -1, 0, 127]
    var types: List[DType] = [
        DType.int8,
        DType.int16,
        DType.int32,
        DType.float32,
        DType.float64,
    ]
    var words: List[String] = ["<i1", "<i2", "<i4", "<f4", "<f8"]
    for k in range(len(types)):
        var array = StoredArray.rounded(whole, types[k], [4])
        assert_equal(descr_of(types[k]), words[k])
        assert_equal(array.count(), 4)
        assert_equal(array.values[DType.float64](), whole)
        assert_equal(array.values[DType.int32](), [-128, -1, 0, 127])
    var bytes = StoredArray.rounded([-2, 300], DType.int16, [2]).data.copy()
    assert_equal(bytes, [UInt8(254), UInt8(255), UInt8(44), UInt8(1)])


def test_a_number_that_its_type_cannot_hold_is_refused() raises:
    """Never wrapped, never cut."""
    for value in [128.0, -129.0, 2147483648.0]:
        with assert_raises(contains="overflow: "):
            _ = StoredArray.rounded([value], DType.int8, [1])
    for value in [32768.0, -32769.0]:
        with assert_raises(contains="overflow: "):
            _ = StoredArray.rounded([value], DType.int16, [1])
    with assert_raises(contains="overflow: "):
        _ = StoredArray.rounded([2147483648.0], DType.int32, [1])
    with assert_raises(contains="not_whole: "):
        _ = StoredArray.rounded([0.5], DType.int8, [1])
    with assert_raises(contains="non_finite: "):
        _ = StoredArray.rounded([Float64.MAX * 2], DType.int8, [1])


def test_what_was_saved_loads_and_saves_the_same_bytes() raises:
    """A chain of integers is version 2, and runs as it did."""
    for dtype in [DType.int8, DType.int16]:
        with TemporaryDirectory() as folder:
            var path = folder + "/net"
            save_checkpoint(example(dtype), path)
            var loaded = load_checkpoint(path).checkpoint.copy()
            assert_equal(loaded.version(), 2)
            assert_true(loaded.is_whole())
            assert_equal(loaded.dtype(), DType.int32)
            assert_equal(loaded.total_params(), 10)
            assert_equal(loaded.arrays[0].weight.value().dtype, dtype)
            assert_equal(loaded.arrays[0].bias.value().dtype, DType.int32)
            var one = checkpoint_bytes(example(dtype))
            var other = checkpoint_bytes(loaded)
            assert_true(one.archive == other.archive)
            assert_true(one.sidecar == other.sidecar)
            var text = String(unsafe_from_utf8=one.archive)
            assert_true("{'descr': '" + descr_of(dtype) + "', 'fortran" in text)
            assert_true("{'descr': '<i4', 'fortran" in text)
            var network = loaded.network[DType.int32]()
            var x: List[Int32] = [5, 700, -3]
            var result = network_run(network, x, 1, timesteps=2)
            # 100000 + 5 - 128·700 - 127·3 = 10024, and -7 + 5·700 - 9·3 = 3466.
            assert_equal(result.membrane[0][0], 45 + 2 * 10024 - 2 * 90)
            assert_equal(result.membrane[0][1], 16 + 2 * 3466 - 2 * 64)
            assert_equal(result.drive, [Int32(14)])
            with assert_raises(contains="dtype: the weights are of another"):
                _ = loaded.network[DType.float64]()


def test_types_that_do_not_go_together_are_refused() raises:
    """By writing, and by reading an archive that holds them."""
    var checkpoint = example()
    var members = expected_members(checkpoint.check())
    var sidecar = checkpoint.check()
    var cases = List[List[LayerArrays]]()
    for k in range(5):
        var arrays = checkpoint.arrays.copy()
        if k == 0:  # a bias of the weight's type
            arrays[0].bias = StoredArray.of([Int8(1), 2], [2])
        elif k == 1:  # a bias of floats
            arrays[0].bias = StoredArray.of([1.0, 2.0], [2])
        elif k == 2:  # a second weight of another type
            arrays[1].weight = StoredArray.of([Int16(1), 2], [1, 2])
        elif k == 3:  # a weight as wide as the membranes
            arrays[0].weight = StoredArray.of(
                List[Int32](length=6, fill=1), [2, 3]
            )
        else:  # floats beside a bias of integers
            arrays[0].weight = StoredArray.of(
                List[Float32](length=6, fill=1), [2, 3]
            )
        cases.append(arrays^)
    for arrays in cases:
        var broken = checkpoint.copy()
        broken.arrays = arrays.copy()
        with assert_raises(contains="dtype: "):
            _ = checkpoint_bytes(broken)
        with assert_raises(contains="dtype: "):
            var content = write_layers(arrays, 2)
            _ = read_layers(Archive(content^, members.copy()), sidecar)


def test_version_1_holds_no_integers() raises:
    """Its members are floats."""
    var sidecar = example().check()
    sidecar.version = 1
    for member in expected_members(sidecar):
        for dtype in member.types:
            assert_true(dtype.is_floating_point(), member.name)


def test_neurons_that_integers_cannot_run_are_refused() raises:
    """By writing, as `neuron`; the same rows are right beside floats."""
    var cases: List[List[Float64]] = [
        # threshold, v_init, hard_reset, v_reset, beta, tracer
        [2.5, 0, 0, 0, 1, 0, 31],
        [3e9, 0, 0, 0, 1, 0, 31],
        [3, 0.5, 0, 0, 1, 0, 31],
        [2, 2e9, 0, 0, 1, 0, 31],
        [2, 0, 1, 0.5, 1, 0, 31],
    ]
    for rows in cases:
        var floats = Checkpoint(
            ["a"],
            [LayerSize(1, 1)],
            ["IF"],
            [LayerArrays(StoredArray.of([1.0], [1, 1]))],
        )
        floats.arrays[0].neuron = StoredArray.of(rows, [7, 1])
        _ = floats.check()
        var wrong = floats.copy()
        wrong.arrays[0].weight = StoredArray.of([Int8(1)], [1, 1])
        with assert_raises(contains="neuron: "):
            _ = wrong.check()
        # What an `identity` has is not used.
        if rows[2] == 0:
            wrong.nodes[0].neuron = "identity"
            _ = wrong.check()


def test_a_leak_is_refused() raises:
    """With its rows or without them, by writing and when it is to run."""
    var leaky = example()
    leaky.nodes[0].neuron = "LIF"
    for _ in range(2):
        with assert_raises(contains="neuron: first: neuron_kind: integers"):
            _ = leaky.check()
        with assert_raises(contains="neuron: first: neuron_kind: integers"):
            _ = leaky.network[DType.int32]()
        leaky.arrays[0].neuron = None
    # A label that is no kind of neuron is carried, and does not run.
    leaky.nodes[0].neuron = "theirs"
    _ = leaky.check()
    with assert_raises(contains="neuron: first: no neuron is called"):
        _ = leaky.network[DType.int32]()


def test_an_average_is_refused() raises:
    """The weights say which network it is, wherever the pool stands."""
    for dtype in [DType.float32, DType.int8]:
        var pool = StoredNode(
            "mean",
            "avg_pool",
            [INPUT],
            "identity",
            [1, 2],
            kernel=[2],
            stride=[2],
            padding=[0],
        )
        var out = StoredNode("out", "linear", [0], "IF", [1])
        var checkpoint = Checkpoint(
            [1, 4],
            [pool^, out^],
            [
                LayerArrays(),
                LayerArrays(StoredArray.rounded([1, 1], dtype, [1, 2])),
            ],
        )
        if dtype == DType.float32:
            _ = checkpoint.check()
        else:
            with assert_raises(contains="operation: mean: an average"):
                _ = checkpoint.check()


def test_a_damaged_archive_is_refused() raises:
    """Whichever bit is turned."""
    var content = checkpoint_bytes(example()).archive.copy()
    var sidecar = example().check()
    for at in range(0, len(content), 5):
        content[at] ^= 32
        var code = String("")
        try:
            var members = expected_members(sidecar)
            _ = read_layers(Archive(content.copy(), members^), sidecar)
        except e:
            code = code_of(e)
        assert_true(code != "", String(at))
        content[at] ^= 32


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
