"""The module beside onnx's own reference, on samples drawn at random: no network is taken on trust."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch

from spikeport.errors import ConversionError
from spikeport.reading.brought.onnx.entry import ANY, Entry
from spikeport.reading.brought.onnx.network import OnnxNetwork
from spikeport.reading.brought.onnx.nodes import leading_to
from spikeport.reading.brought.onnx.present import onnx_part

TOLERANCE: Final[dict[Any, float]] = {np.float64: 1e-9, np.float32: 1e-3, np.float16: 5e-2}
"""Of the largest output, by the type that the file computes in: sums are taken in another order."""

SAMPLES: Final = 2


def check_same(network: OnnxNetwork, file: Any, entry: Entry, nodes: list[Any]) -> None:
    """Raise `ConversionError` ``unfaithful`` unless onnx's reference computes what ``network`` does."""
    onnx, name = onnx_part(), network.output
    n = SAMPLES if entry.batch == ANY else entry.batch
    x = np.random.default_rng(0).standard_normal((n, *entry.shape)).astype(entry.kind)
    kept = leading_to({name}, nodes)
    read = {source for node in kept for source in node.input}
    given = [value for value in file.graph.input if value.name == entry.name]
    part = onnx.helper.make_graph(
        kept,
        "to the last layer",
        given,
        [onnx.ValueInfoProto(name=name)],
        [tensor for tensor in file.graph.initializer if tensor.name in read],
    )
    model = onnx.helper.make_model(part, opset_imports=file.opset_import, ir_version=file.ir_version)
    expected = np.asarray(
        onnx_part("onnx.reference").ReferenceEvaluator(model).run(None, {entry.name: x})[0], np.float64
    )
    own = network(entry.as_taken(torch.from_numpy(x).to(entry.dtype))).double().numpy()
    room = TOLERANCE[entry.kind] * float(np.abs(expected).max(initial=0))
    if own.shape != expected.shape or not np.allclose(own, expected, rtol=0, atol=room):
        raise ConversionError(
            "unfaithful",
            "onnx's own reference computes something else than what was read of the file: please report it, with the "
            "file where that can be",
        )
