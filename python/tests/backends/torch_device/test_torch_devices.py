"""On which device torch runs, what a program around it may have allowed, and that nothing is left on another device."""

import numpy as np
import pytest
from bits import assert_same_bits
from interop.integer_graphs import integer_graph, integer_inputs

pytest.importorskip("torch")

import torch

from spikeport import KernelError, LayerNode, Neuron, SNNGraph, get_backend
from spikeport.backends.torch_device.device import Device
from spikeport.backends.torch_device.precision import full_precision
from spikeport.errors import BackendError
from spikeport.operations import AvgPool, Conv, Linear, MaxPool

T = 5


def test_a_device_is_named_behind_a_colon():
    assert get_backend("torch:cpu") is get_backend("torch:cpu")
    assert get_backend("torch:cpu").name == "torch:cpu"
    assert get_backend("torch").name == ("torch:cuda" if torch.cuda.is_available() else "torch:cpu")
    assert not get_backend("auto").name.startswith("torch")
    for name in ("torch:", "torch:nowhere", "rust:cpu", "auto:cpu", ":cpu"):
        with pytest.raises(BackendError) as refused:
            get_backend(name)
        assert refused.value.code == "unknown_backend", name


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU of CUDA here: it is not absent")
def test_a_device_that_is_not_here_is_refused_by_name():
    with pytest.raises(BackendError, match="'torch:cuda' cannot run here") as refused:
        get_backend("torch:cuda")
    assert refused.value.code == "backend_unavailable"


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    from spikeport.backends import torch_device

    with pytest.raises(BackendError, match=r"pip install 'spikeport\[torch\]'"):
        torch_device.load()


def floats(dtype=np.float32):
    rng = np.random.default_rng(0)
    return SNNGraph(
        [
            LayerNode.of("conv", Conv(rng.normal(size=(8, 3, 3, 3)).astype(dtype), padding=1), Neuron("LIF", beta=0.9)),
            LayerNode.of("max", MaxPool(2)),
            LayerNode.of("mean", AvgPool(2)),
            LayerNode.of("out", Linear(rng.normal(size=(4, 8 * 16)).astype(dtype)), Neuron("ST-BIF", 0.5, 0.5)),
        ],
        (3, 16, 16),
    )


def test_what_a_program_allows_elsewhere_changes_no_bit():
    """bfloat16 by ``autocast`` or as the precision of products has 8 bits of a sum; a run has all that its type has."""
    graph, x = floats(), np.random.default_rng(1).random((4, 3, 16, 16))
    expected = graph.run(x, T=T, backend="torch:cpu", record=True)
    with torch.autocast("cpu", torch.bfloat16):
        assert_same_bits(graph.run(x, T=T, backend="torch:cpu", record=True), expected)
    switches = [torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv, torch.backends.cudnn.conv]
    before = [switch.fp32_precision for switch in switches]
    try:
        for switch in switches:
            switch.fp32_precision = "tf32"
        with full_precision(torch.device("cpu")):
            assert {switch.fp32_precision for switch in switches} == {"ieee"}
        assert {switch.fp32_precision for switch in switches} == {"tf32"}
        assert_same_bits(graph.run(x, T=T, backend="torch:cpu", record=True), expected)
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.fp32_precision = value


def test_an_error_leaves_the_program_as_it_was():
    conv = torch.backends.cudnn.conv
    before = conv.fp32_precision
    try:
        with full_precision(torch.device("cpu")):
            assert conv.fp32_precision in ("ieee", "none") and not torch.is_grad_enabled()
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert conv.fp32_precision == before and torch.is_grad_enabled()


@pytest.mark.parametrize("encoding", ["current", "poisson", "spikes", "pulse"])
def test_no_tensor_lies_on_another_device(monkeypatch, encoding):
    """On ``meta``, which has shapes and no values: an operation that mixes devices raises, on any of them."""
    monkeypatch.setattr(Device, "array", lambda self, tensor: np.zeros(tensor.shape, str(tensor.dtype)[6:]))
    monkeypatch.setattr(Device, "check_finite", lambda self, name, tensor: None)
    graphs = [floats(np.float64), floats()] + ([] if encoding == "poisson" else [integer_graph(s) for s in range(15)])
    for graph in graphs:
        x = np.zeros(((T, 2) if encoding == "spikes" else (2,)) + graph.input_shape)
        network = get_backend("torch:meta").network(graph.layers, graph.input_shape)
        result = network.run(x, timesteps=T, encoding=encoding, record=True, stop_when_settled=False)
        expected = graph.run(x, T=T, encoding=encoding, record=True, backend="reference", stop_when_settled=False)
        for got, wanted in zip(
            [*result.counts, *result.spikes, result.drive],
            [*expected.counts, *expected.spikes, expected.drive],
            strict=True,
        ):
            assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)


def test_a_device_that_is_full_is_named(monkeypatch):
    def full(*_, **__):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB.\nand more")

    graph = floats()
    network = graph.network("torch:cpu")
    monkeypatch.setattr(network, "_walk", full)
    with pytest.raises(MemoryError, match=r"cpu is full, max_bytes= makes parts that fit: CUDA out of memory"):
        graph.run(np.zeros((1, 3, 16, 16)), T=1, backend="torch:cpu")


def test_currents_that_overflow_are_refused():
    big = SNNGraph([LayerNode("out", 2, 1, np.full((1, 2), 1e308), "IF")])
    with pytest.raises(KernelError) as refused:
        big.run(np.ones((1, 2)), T=1, backend="torch:cpu")
    assert refused.value.code == "non_finite"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU of CUDA here: torch.cuda.is_available() is False")
@pytest.mark.parametrize("encoding", ["current", "spikes", "pulse"])
def test_a_gpu_runs_integers_to_the_bit(encoding):
    for seed in range(60):
        graph = integer_graph(seed, pulse=encoding == "pulse")
        x = integer_inputs(graph, seed, timesteps=T if encoding == "spikes" else None)
        how = {"T": T, "encoding": encoding, "record": True}
        assert_same_bits(graph.run(x, **how, backend="torch:cuda"), graph.run(x, **how, backend="reference"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU of CUDA here: torch.cuda.is_available() is False")
def test_a_gpu_runs_what_does_not_sum_to_the_bit_on_floats():
    gpu, reference, rng = get_backend("torch:cuda"), get_backend("reference"), np.random.default_rng(4)
    I = rng.normal(size=(30, 4, 9)).astype(np.float32)
    for call in (
        lambda backend: backend.if_multistep(I, threshold=0.7, beta=0.9, v_reset=-0.25),
        lambda backend: backend.st_bif_multistep(I, threshold=0.3, tracer_min=-3),
        lambda backend: backend.encode_poisson(rng.random((3, 8)) * 0 + 0.3, timesteps=9, seed=5),
        lambda backend: backend.qcfs(I, timesteps=7, threshold=0.9),
    ):
        assert_same_bits(tuple(np.atleast_1d(call(gpu))), tuple(np.atleast_1d(call(reference))))
