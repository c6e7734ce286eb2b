"""Each operator of ONNX, in the forms that exporters give it, computes what onnx's own reference does."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from interop.brought.onnx_files import ML, reference, written  # noqa: E402 (needs onnx)

from spikeport.conversion import convert  # noqa: E402
from spikeport.errors import ConversionError  # noqa: E402
from spikeport.interop import from_onnx  # noqa: E402

RNG = np.random.default_rng(0)


def weights(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def whole(*values):
    return np.array(values, np.int64)


IMAGE = ("N", 4, 7, 9)
CONV = ("Conv", ["x", "w"], "y")
BEHIND = [("Relu", ["x"], "a")]

CASES = {
    "Gemm as torch writes it": ([("Gemm", "xwb", "y", {"transB": 1})], {"w": weights(3, 4), "b": weights(3)}),
    "Gemm with factors and one bias for all": (
        [("Gemm", "xwb", "y", {"alpha": 0.5, "beta": 2.0})],
        {"w": weights(4, 3), "b": weights(1)},
    ),
    "Gemm without bias": ([("Gemm", "xw", "y")], {"w": weights(4, 3)}),
    "MatMul, Add": ([("MatMul", "xw", "m"), ("Add", "bm", "y")], {"w": weights(4, 3), "b": weights(1, 3)}),
    "Sub, Mul, Div, Neg by constants": (
        [("Sub", "cx", "a"), ("Mul", "ac", "b"), ("Div", "bc", "d"), ("Neg", "d", "y")],
        {"c": weights(4)},
    ),
    "Scaler of scikit-learn": (
        [("Scaler", "x", "y", {"domain": ML, "offset": [0.1, 0.2, 0.3, 0.4], "scale": [1.0, 2.0, 3.0, 4.0]})],
        {},
    ),
    "Clip, Cast, Identity, Dropout": (
        [("Clip", "xlh", "a"), ("Cast", "a", "b", {"to": 1}), ("Identity", "b", "d"), ("Dropout", "d", "y")],
        {"l": np.float32(0), "h": np.float32(0.5)},
    ),
    "Conv": ([(*CONV, {"pads": [1, 1, 1, 1], "strides": [2, 1]})], {"w": weights(6, 4, 3, 3)}, IMAGE),
    "Conv in groups, dilated": (
        [(*CONV, {"group": 2, "dilations": [2, 1]})],
        {"w": weights(6, 2, 2, 3)},
        IMAGE,
    ),
    "Conv with uneven padding": ([(*CONV, {"pads": [0, 1, 2, 0]})], {"w": weights(6, 4, 3, 3)}, IMAGE),
    "Conv padded to the same, more after": (
        [(*CONV, {"auto_pad": "SAME_UPPER", "strides": [2, 2]})],
        {"w": weights(6, 4, 2, 3)},
        IMAGE,
    ),
    "Conv padded to the same, more before": ([(*CONV, {"auto_pad": "SAME_LOWER"})], {"w": weights(6, 4, 2, 4)}, IMAGE),
    "Conv over one axis, with bias": (
        [("Conv", "xwb", "y", {"auto_pad": "VALID"})],
        {"w": weights(6, 4, 3), "b": weights(6)},
        ("N", 4, 7),
    ),
    "BatchNormalization": (
        [("BatchNormalization", "xsbmv", "y", {"epsilon": 0.01})],
        {"s": weights(4), "b": weights(4), "m": weights(4), "v": np.abs(weights(4))},
        IMAGE,
    ),
    "MaxPool behind ReLU, uneven": (
        [*BEHIND, ("MaxPool", "a", "y", {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 1, 1]})],
        {},
        IMAGE,
    ),
    "MaxPool": ([("MaxPool", "x", "y", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4})], {}, IMAGE),
    "AveragePool that counts zeros": (
        [("AveragePool", "x", "y", {"kernel_shape": [3, 3], "pads": [1] * 4, "count_include_pad": 1})],
        {},
        IMAGE,
    ),
    "AveragePool, uneven": (
        [("AveragePool", "x", "y", {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1], "count_include_pad": 1})],
        {},
        IMAGE,
    ),
    "global pools, Add": (
        [("GlobalAveragePool", "x", "a"), ("GlobalMaxPool", "x", "b"), ("Sum", "ab", "y")],
        {},
        IMAGE,
    ),
    "ReduceMean, newer": ([("ReduceMean", "xa", "y", {"keepdims": 0})], {"a": whole(-1, 2)}, IMAGE, 18),
    "ReduceMean, older": ([("ReduceMean", "x", "y", {"axes": [2, 3], "keepdims": 0})], {}, IMAGE, 13),
    "ReduceSum, ReduceMax": (
        [("ReduceSum", "xa", "b"), ("ReduceMax", "xa", "d"), ("Concat", "bd", "y", {"axis": 1})],
        {"a": whole(2, 3)},
        IMAGE,
        18,
    ),
    "Flatten": ([("Flatten", "x", "y")], {}, IMAGE),
    "Reshape by -1": ([("Reshape", "xs", "y")], {"s": whole(-1, 36, 7)}, IMAGE),
    "Reshape by 0 and -1": ([("Reshape", "xs", "y")], {"s": whole(0, -1)}, IMAGE),
    "Reshape by a shape that is computed": (
        [
            ("Shape", "x", "s"),
            ("Gather", "si", "n"),
            ("Concat", "nr", "t", {"axis": 0}),
            ("Reshape", "xt", "y"),
        ],
        {"i": whole(0), "r": whole(-1)},
        IMAGE,
    ),
    "Reshape of one sample": ([("Reshape", "xs", "y")], {"s": whole(1, 252)}, (1, 4, 7, 9)),
    "Transpose, Flatten": ([("Transpose", "x", "t", {"perm": [0, 2, 3, 1]}), ("Flatten", "t", "y")], {}, IMAGE),
    "Unsqueeze, Squeeze": (
        [("Unsqueeze", "xa", "b"), ("Squeeze", "ba", "d"), ("Unsqueeze", "da", "y")],
        {"a": whole(2)},
    ),
    "Squeeze, older": (
        [("Unsqueeze", "x", "b", {"axes": [1]}), ("Squeeze", "b", "y", {"axes": [1]})],
        {},
        ("N", 4),
        11,
    ),
    "Pad": ([("Pad", "xp", "y")], {"p": whole(0, 0, 1, 2, 0, 0, 0, 3)}, IMAGE),
    "Pad of named axes": ([("Pad", ["x", "p", "", "a"], "y")], {"p": whole(1, 2), "a": whole(3)}, IMAGE, 18),
    "Pad, older": ([("Pad", "x", "y", {"pads": [0, 0, 1, 1, 0, 0, 1, 1]})], {}, IMAGE, 10),
    "Slice, Concat": (
        [("Slice", "xset", "a"), ("Concat", "xa", "y", {"axis": 1})],
        {"s": whole(1), "e": whole(2**62), "t": whole(1)},
        IMAGE,
    ),
    "Split": (
        [("Split", "xs", ["a", "b"], {"axis": 1}), ("Concat", "ba", "y", {"axis": 1})],
        {"s": whole(1, 3)},
        IMAGE,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operator_computes_what_the_reference_does(tmp_path, name):
    nodes, constants, *more = CASES[name]
    shape, opset = more[0] if more else ("N", 4), more[1] if len(more) > 1 else 17
    path = written(tmp_path, nodes, constants, shape, opset=opset)
    n = 1 if shape[0] == 1 else 5
    x = np.random.default_rng(7).normal(size=(n, *shape[1:])).astype(np.float32)
    expected = reference(path, x)
    got = from_onnx(path)(torch.tensor(x)).detach().numpy()
    assert got.shape == expected.shape
    assert np.allclose(got, expected, atol=1e-5)


def test_a_file_of_one_sample_takes_many(tmp_path):
    path = written(tmp_path, [("Reshape", "xs", "y")], {"s": whole(1, 252)}, (1, 4, 7, 9))
    assert from_onnx(path)(torch.rand(6, 4, 7, 9)).shape == (6, 252)


def test_sizes_that_the_file_leaves_open_are_those_of_the_data(tmp_path):
    nodes = [("Conv", "xw", "c"), ("Relu", "c", "r"), ("GlobalAveragePool", "r", "p"), ("Flatten", "p", "f")]
    nodes += [("MatMul", "fm", "y")]
    path = written(tmp_path, nodes, {"w": weights(3, 1, 3, 3), "m": weights(3, 2)}, ("N", 1, "h", "w_"))
    x = RNG.random((20, 1, 6, 5)).astype(np.float32)
    for data, given in ((x, {}), ((x, np.arange(20) % 2), {}), (None, {"input_shape": (1, 6, 5)})):
        snn = convert(path, data, percentile=99.9 if data is not None else None, **given)
        assert snn.graph.input_shape == (1, 6, 5)


def test_double_precision_stays_double(tmp_path):
    nodes = [("MatMul", "xw", "a"), ("Relu", "a", "b"), ("MatMul", "bv", "y")]
    path = written(tmp_path, nodes, {"w": np.eye(4), "v": np.eye(4)}, kind=onnx.TensorProto.DOUBLE)
    assert convert(path).graph[0].weights.dtype == np.float64


def test_nodes_keep_their_names(tmp_path):
    nodes = [("MatMul", "xw", "a"), ("Relu", "a", "b"), ("MatMul", "bv", "y")]
    path = written(tmp_path, nodes, {"w": weights(4, 5), "v": weights(5, 3)})
    assert convert(path).names == ["node_0", "node_2"]


def test_channels_that_come_last_are_put_first_where_that_is_asked_for(tmp_path):
    nodes = [
        ("Transpose", "x", "t", {"perm": [0, 3, 1, 2]}),
        ("Conv", "tw", "c"),
        ("Relu", "c", "r"),
        ("Flatten", "r", "f"),
        ("MatMul", "fm", "y"),
    ]
    path = written(tmp_path, nodes, {"w": weights(2, 3, 3, 3), "m": weights(2 * 4 * 3, 2)}, ("N", 6, 5, 3))
    x = RNG.random((20, 6, 5, 3)).astype(np.float32)
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    brought = from_onnx(path, channels_first=True)
    assert np.allclose(brought(torch.tensor(first)).detach().numpy(), reference(path, x), atol=1e-5)
    assert convert(brought).graph.input_shape == (3, 6, 5)


def test_samples_are_of_the_shape_of_the_file_or_flat_and_no_other(tmp_path):
    path = written(tmp_path, [("Flatten", "x", "f"), ("MatMul", "fw", "y")], {"w": weights(36, 2)}, ("N", 6, 6, 1))
    brought, x = from_onnx(path), torch.rand(3, 6, 6, 1)
    for same in (x.reshape(3, 36), x.reshape(3, 1, 6, 6), x.reshape(3, 6, 6)):
        assert torch.equal(brought(same), brought(x))
    for other in (x.reshape(3, 4, 9), torch.rand(3, 1, 7, 7)):
        with pytest.raises(ConversionError, match=r"takes samples of shape \(6, 6, 1\), not"):
            brought(other)
    with pytest.raises(ConversionError, match=r"takes samples of shape"):
        convert(path, np.ones((10, 4, 9), np.float32))
