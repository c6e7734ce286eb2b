"""ONNX files for tests: written node by node, and by both exporters of torch."""

import contextlib
import io
import warnings

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

ML = "ai.onnx.ml"


def written(folder, nodes, constants=None, shape=("N", 4), outputs=("y",), opset=17, kind=TensorProto.FLOAT):
    """Write a graph that reads ``x`` and return its path; a node is (operator, inputs, output) and its attributes."""
    made = []
    for k, (operator, inputs, output, *attributes) in enumerate(nodes):
        attributes = dict(attributes[0]) if attributes else {}
        names = [output] if isinstance(output, str) else list(output)
        made.append(helper.make_node(operator, list(inputs), names, name=f"node_{k}", **attributes))
    graph = helper.make_graph(
        made,
        "test",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    domains = [helper.make_opsetid("", opset), helper.make_opsetid(ML, 3)]
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=domains, ir_version=9), path)
    return path


def reference(path, x):
    """Return what onnx's own reference computes."""
    model = onnx.load(path)
    return ReferenceEvaluator(model).run(None, {model.graph.input[0].name: x})[0]


def exported(model, path, sample, *, dynamo, fixed=False):
    """Have torch write ``model`` by one of its exporters, for any number of samples or for those of ``sample``."""
    if dynamo:
        free = {} if fixed else {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
    else:
        free = {} if fixed else {"dynamic_axes": {"images": {0: "batch"}}}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(model.eval(), (sample,), str(path), dynamo=dynamo, input_names=["images"], **free)
    return path
