"""Files that no spiking network answers as, files that are damaged, and files that reach for others."""

import contextlib
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from interop.brought.onnx_files import ML, written  # noqa: E402 (needs onnx)

from spikeport.conversion import convert  # noqa: E402
from spikeport.errors import ConversionError, MissingExtra  # noqa: E402
from spikeport.interop import from_onnx  # noqa: E402

EYE = {"w": np.eye(4, dtype=np.float32)}
MATMUL = ("MatMul", "xw", "m")
IMAGE = ("N", 4, 6, 6)

REFUSED = {
    "an activation that is no rate": ([MATMUL, ("LeakyRelu", "m", "y")], "node_1 .LeakyRelu.*train with ReLU"),
    "a gate": ([MATMUL, ("Sigmoid", "m", "s"), ("Mul", "ms", "y")], "node_2 .Mul.*squeeze-and-excitation"),
    "a sigmoid inside": ([MATMUL, ("Sigmoid", "m", "s"), ("MatMul", "sw", "y")], "node_2 .MatMul.*not every value"),
    "a product of signals": ([MATMUL, ("Mul", "mx", "y")], "node_1 .Mul.*multiplies two signals"),
    "a clip that is no rate": (
        [MATMUL, ("Clip", "mlh", "y")],
        "node_1 .Clip.*from -1 on",
        {"l": np.float32(-1), "h": np.float32(1)},
    ),
    "a constant divided by a signal": ([("Div", "wx", "y")], "divides by a signal"),
    "a matrix from the left": ([("MatMul", "wx", "y")], "signal times a constant matrix"),
    "another operator": ([MATMUL, ("Hardmax", "m", "y")], "node_1 .Hardmax.*has no spiking form here"),
    "what mixes samples": ([("Transpose", "x", "y")], "samples would mix"),
    "a sum over samples": ([("ReduceMean", "x", "y")], "samples would mix"),
    "trees": (
        [("LinearClassifier", "x", ["y", "p"], {"domain": ML, "coefficients": [1.0]})],
        "MLPClassifier and MLPRegressor are",
    ),
    "labels by another threshold": (
        [MATMUL, ("Sigmoid", "m", "s"), ("Binarizer", "s", "y", {"domain": ML, "threshold": 0.7})],
        "threshold is not 1/2",
    ),
    "probabilities in another order": (
        [
            ("Gemm", "xv", "m"),
            ("Sigmoid", "m", "p"),
            ("Sub", "op", "q"),
            ("Concat", "pq", "b", {"axis": 1}),
            ("ArgMax", "b", "y", {"axis": 1}),
        ],
        "behind the last layer only",
        {"v": np.ones((4, 1), np.float32), "o": np.float32(1)},
    ),
    "names without a softmax": ([MATMUL, ("ZipMap", "m", "y", {"domain": ML})], "only behind softmax, sigmoid"),
    "a mask of dropout": (
        [("Dropout", "x", ["d", "mask"]), ("Cast", ["mask"], "y", {"to": 1})],
        "made for training alone",
    ),
    "an argmax over samples": ([MATMUL, ("ArgMax", "m", "y", {"axis": 0})], "over samples"),
    "average with another divisor at the border": (
        [("AveragePool", "x", "y", {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]})],
        "another number at the border",
        {},
        IMAGE,
    ),
    "uneven padding before a max of negative values": (
        [("MaxPool", "x", "y", {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]})],
        "may be negative",
        {},
        IMAGE,
    ),
    "padding that repeats": (
        [("Pad", "xp", "y", {"mode": "reflect"})],
        "pads with reflect",
        {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])},
        IMAGE,
    ),
    "channels last": (
        [("Transpose", "x", "t", {"perm": [0, 3, 1, 2]}), ("Conv", "tk", "y")],
        "channels_first=True",
        {"k": np.ones((2, 6, 3, 3), np.float32)},
        IMAGE,
    ),
    "whole numbers": (
        [MATMUL, ("QuantizeLinear", "msz", "y")],
        "give the float model",
        {"s": np.float32(1), "z": np.uint8(0)},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_node_is_refused_by_name_with_what_would_serve(tmp_path, name):
    nodes, words, *more = REFUSED[name]
    constants, shape = more[0] if more else {}, more[1] if len(more) > 1 else ("N", 4)
    path = written(tmp_path, nodes, {**EYE, **constants}, shape)
    with pytest.raises(ConversionError, match=re.compile(words, re.DOTALL)) as caught:
        from_onnx(path)
    assert caught.value.code == "unsupported_module"
    assert "the ONNX node node_" in str(caught.value)


def test_all_unknown_nodes_are_named_at_once(tmp_path):
    nodes = [("Tanh", "x", "a"), ("Erf", "a", "b"), ("Tanh", "b", "c"), ("MatMul", "cw", "y")]
    with pytest.raises(
        ConversionError, match=r"node_0 \(Tanh\) and 1 more cannot.*; the ONNX node node_1 \(Erf\) cannot"
    ):
        from_onnx(written(tmp_path, nodes, EYE))


@pytest.mark.parametrize("node", [("MatMul", "xn", "y"), ("Add", "xn", "y")])
def test_weights_that_are_no_numbers_are_said(tmp_path, node):
    path = written(tmp_path, [node], {"n": np.full((4, 4), np.nan, np.float32)})
    with pytest.raises(ConversionError, match=r"node_0 .* holds NaN or infinity") as caught:
        from_onnx(path)
    assert caught.value.code == "non_finite"


@pytest.mark.parametrize(
    ("name", "words"), [("net.keras", "tf2onnx"), ("net.pt", "build the model in torch"), ("net", "give an ONNX file")]
)
def test_files_of_other_kinds_are_told_what_serves(tmp_path, name, words):
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(ConversionError, match=f"is no network that is read by its path: .*{words}"):
        convert(tmp_path / name)


def test_several_answers_are_refused_and_one_is_taken_by_name(tmp_path):
    nodes = [MATMUL, ("Relu", "m", "r"), ("MatMul", "rw", "y"), ("MatMul", "rw", "z")]
    path = written(tmp_path, nodes, EYE, outputs=("y", "z"))
    with pytest.raises(ConversionError, match="gives y, z, and a spiking network answers once"):
        from_onnx(path)
    assert from_onnx(path, output="z")(torch.ones(1, 4)).tolist() == [[1.0] * 4]
    with pytest.raises(ConversionError, match=r"has no output 'q': it has y, z"):
        from_onnx(path, output="q")


def test_open_sizes_are_asked_for_and_checked(tmp_path):
    path = written(tmp_path, [("Flatten", "x", "y")], {}, ("N", 1, "h", 5))
    with pytest.raises(ConversionError, match=r"takes inputs of many shapes.*give input_shape"):
        from_onnx(path)
    with pytest.raises(ConversionError, match="takes samples of shape"):
        from_onnx(path, input_shape=(1, 5, 6))


@pytest.mark.parametrize("opset", [6, 999])
def test_an_opset_that_is_not_read_is_said(tmp_path, opset):
    path = written(tmp_path, [MATMUL], EYE, outputs=("m",), opset=opset)
    with pytest.raises(ConversionError, match=f"has opset {opset}, and 7 to .* are read: export it again") as caught:
        from_onnx(path)
    assert caught.value.code == "model"


@pytest.mark.parametrize("damage", [b"", b"not a network", b"\x08\x09\x12"])
def test_a_file_that_is_none_is_said_to_be_none(tmp_path, damage):
    path = tmp_path / "model.onnx"
    path.write_bytes(damage)
    with pytest.raises(ConversionError, match="is no ONNX file") as caught:
        convert(path)
    assert caught.value.code == "model"


def test_a_file_cut_off_anywhere_is_refused_or_the_same(tmp_path):
    path = written(tmp_path, [MATMUL, ("Relu", "m", "r"), ("MatMul", "rw", "y")], EYE)
    data, x = path.read_bytes(), torch.rand(3, 4)
    whole, read = from_onnx(path)(x), 0
    for end in range(len(data)):
        path.write_bytes(data[:end])
        with contextlib.suppress(ConversionError):
            assert torch.equal(from_onnx(path)(x), whole)  # all but the number of an opset that no node needs was there
            read += 1
    assert read < 10


def beside(folder, location, size=64):
    """Write a graph whose weights are said to lie in another file."""
    path = written(folder, [MATMUL], EYE, outputs=("m",))
    model = onnx.load(path)
    (tensor,) = model.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(size)}.items():
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_beside_the_file_are_read(tmp_path):
    path = beside(tmp_path, "weights.bin")
    (tmp_path / "weights.bin").write_bytes((2 * EYE["w"]).tobytes())
    assert from_onnx(path)(torch.ones(1, 4)).tolist() == [[2.0] * 4]


@pytest.mark.parametrize("how", ["above", "absolute", "link"])
def test_nothing_outside_the_folder_is_read(tmp_path, how):
    folder = tmp_path / "model"
    folder.mkdir()
    outside = tmp_path / "secret.bin"
    outside.write_bytes(EYE["w"].tobytes())
    location = {"above": "../secret.bin", "absolute": str(outside), "link": "linked.bin"}[how]
    if how == "link":
        (folder / "linked.bin").symlink_to(outside)
    with pytest.raises(ConversionError, match="outside its folder, where nothing is read"):
        from_onnx(beside(folder, location))


def test_weights_that_are_not_there_or_too_short_are_said(tmp_path):
    with pytest.raises(ConversionError, match="which is not there"):
        from_onnx(beside(tmp_path, "weights.bin"))
    (tmp_path / "weights.bin").write_bytes(bytes(60))
    with pytest.raises(ConversionError, match=r"beyond the end of weights\.bin"):
        from_onnx(beside(tmp_path, "weights.bin"))
    (tmp_path / "weights.bin").write_bytes(bytes(80))
    with pytest.raises(ConversionError):  # more bytes than its shape has
        from_onnx(beside(tmp_path, "weights.bin", size=80))


def test_without_onnx_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    path = written(tmp_path, [MATMUL], EYE, outputs=("m",))
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if it were not installed
    with pytest.raises(MissingExtra, match=r"pip install 'spikeport\[onnx\]'"):
        convert(path)
