"""`from_onnx`: an ONNX file becomes a torch module, or is refused node by node, by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from spikeport.errors import ConversionError
from spikeport.operations import Shape
from spikeport.reading.brought.onnx.call import Call, Wire
from spikeport.reading.brought.onnx.comparison import check_same
from spikeport.reading.brought.onnx.constants import array_of, attributes_of, computed
from spikeport.reading.brought.onnx.entry import TO_FIRST, Entry, Settings, entry_of
from spikeport.reading.brought.onnx.file import load_file
from spikeport.reading.brought.onnx.network import OnnxNetwork
from spikeport.reading.brought.onnx.nodes import check_known, leading_to, name_of
from spikeport.reading.brought.onnx.operators import OPERATORS
from spikeport.reading.brought.onnx.outcome import Outcome, outcome_of
from spikeport.reading.brought.onnx.tail import STARTS, Tail, further
from spikeport.reading.brought.origin import ORIGIN, Origin

PASSES_ON: Final = ("Identity", "Dropout", "Concat", "Pad", "Flatten", "Reshape", "MaxPool", "AveragePool", "Transpose")
"""Operators that give nothing below 0 for what is nowhere below 0."""

SAMPLES: Final = 2
"""On so many, drawn at random, a file is followed."""


def from_onnx(
    path: str | os.PathLike[str],
    *,
    input_shape: Shape | None = None,
    output: str | None = None,
    channels_first: bool = False,
) -> nn.Module:
    """Return the network of an ONNX file, from its input to the outputs of its last layer, as a torch module.

    Softmax, sigmoid, argmax and what names the classes are left off at the end: the largest output is the class, of a
    single output its sign. Weights that lie in a file of their own are read from the folder of the first, and nothing
    from elsewhere. What the module gives on samples drawn at random is compared with onnx's own reference.

    Parameters
    ----------
    path : of a file with an opset of 7 or newer and one input of floats, (batch, …)
    input_shape : of one sample; asked for where the file leaves more open than the number of samples
    output : the name of the output to take; by default all that the graph has must come from one layer
    channels_first : take (batch, channels, height, width) where the file takes images with channels last, as Keras's
        do: the node that turns them is left off

    Raises
    ------
    ConversionError
        ``model`` for a file that is damaged, or no network with one input; ``unsupported_module`` for nodes that have
        no spiking form, by name; ``shape``; ``unfaithful`` where onnx's reference computes something else.
    MissingExtra
        where onnx is not installed.
    """
    return read_onnx(Path(path), Settings(input_shape, output, channels_first))


def read_onnx(path: Path, settings: Settings) -> nn.Module:
    """Return what `from_onnx` does."""
    file = load_file(path)
    return _Reader(str(path), file, entry_of(str(path), file.graph, settings)).network(settings.output)


class _Reader:
    """Takes the nodes of a graph one after the other."""

    def __init__(self, where: str, file: Any, entry: Entry) -> None:
        self.where, self.file, self.entry = where, file, entry
        self.opsets = {opset.domain: opset.version for opset in file.opset_import}
        self.built = OnnxNetwork(entry.name, entry.taken)
        drawn = torch.rand((SAMPLES, *entry.shape), generator=torch.Generator().manual_seed(0), dtype=entry.dtype)
        self.kinds = {node.op_type for node in file.graph.node}
        self.found: dict[str, Any] = {tensor.name: array_of(tensor) for tensor in file.graph.initializer}
        self.found |= {"": None, entry.name: Wire(entry.name, drawn)}

    def network(self, output: str | None) -> nn.Module:
        names = [value.name for value in self.file.graph.output]
        if output is not None and output not in names:
            raise ConversionError("model", f"{self.where} has no output {output!r}: it has {', '.join(names)}")
        wanted = names if output is None else [output]
        nodes = leading_to(wanted, self.file.graph.node)
        check_known(nodes, self.entry.name)
        with torch.no_grad():
            for node in nodes:
                self._take(node)
            outcome = outcome_of(self.where, {name: self.found.get(name) for name in wanted})
            self.built.keep(outcome.scores.name)
            self.built.eval()
            check_same(self.built, self.file, self.entry, nodes)
        setattr(self.built, ORIGIN, self._origin(outcome))
        return self.built

    def _take(self, node: Any) -> None:
        absent = [name for name in node.input if name not in self.found]
        if absent:
            raise ConversionError(
                "unsupported_module",
                f"the ONNX node {name_of(node)} ({node.op_type}) cannot be converted: it reads {absent[0]}, which is "
                "made for training alone",
            )
        given = [self.found[name] for name in node.input]
        if node.op_type in ("Shape", "Size") and isinstance(given[0], Wire):
            read = np.array((self.entry.batch, *given[0].shape), np.int64)
            cut = slice(*(attributes_of(node).get(end) for end in ("start", "end")))
            self.found[node.output[0]] = read[cut] if node.op_type == "Shape" else read.prod()
            return
        if not any(isinstance(value, Wire | Tail) for value in given):
            known = {name: value for name, value in zip(node.input, given, strict=True) if name}
            self.found |= zip(node.output, computed(node, known, self.opsets), strict=True)
            return
        call = Call(node.op_type, name_of(node), tuple(given), attributes_of(node), self.entry.batch, self.entry.dtype)
        if any(isinstance(value, Tail) for value in given):
            self.found[node.output[0]] = further(call)
        elif node.op_type in STARTS:
            self.found[node.output[0]] = STARTS[node.op_type](call)
        elif node.op_type not in OPERATORS:
            raise call.refuse("it reads what a layer gives, and has a meaning only behind softmax, sigmoid or argmax")
        elif not self._turned(node, call):
            self._append(node, call)

    def _turned(self, node: Any, call: Call) -> bool:
        """Take a node that reads the input and puts its channels first; return whether it is one that is left off."""
        if self.entry.name not in node.input:
            return False
        turns = call.kind == "Transpose" and call.attributes.get("perm") == TO_FIRST
        if self.entry.channels_first:
            if not turns:
                raise call.refuse(
                    "it reads the input as it is, without putting channels first: leave channels_first off"
                )
            self.found[node.output[0]] = Wire(self.entry.name, call.x.value.permute(TO_FIRST))
            return True
        if turns and call.x.shape[2] > 1 and "Conv" in self.kinds:
            raise call.refuse(
                "it takes images with channels last, and convolutions here have them first: "
                f"from_onnx({self.where!r}, channels_first=True) leaves it off, and takes x.transpose(0, 3, 1, 2), as "
                "does a file that tf2onnx writes with --inputs-as-nchw"
            )
        return False

    def _append(self, node: Any, call: Call) -> None:
        module = OPERATORS[node.op_type](call).eval()
        outputs = [name for name in node.output if name]
        try:
            value = module(*[wire.value for wire in call.wires])
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            raise call.refuse(f"it does not fit what it reads: {str(error).splitlines()[0]}") from None
        parts = value if isinstance(value, tuple | list) else (value,)
        if node.op_type == "Dropout" or node.op_type == "BatchNormalization":
            outputs = outputs[:1]  # the others are masks and statistics, for training
        if len(parts) != len(outputs) or any(part.dim() < 2 or len(part) != SAMPLES for part in parts):
            raise call.refuse("it gives more than its signal, or mixes samples")
        positive = isinstance(module, nn.ReLU | nn.Hardtanh) or (
            node.op_type in PASSES_ON and all(wire.is_positive for wire in call.wires)
        )
        self.found |= {name: Wire(name, part, positive) for name, part in zip(outputs, parts, strict=True)}
        self.built.append(name_of(node), module, [wire.name for wire in call.wires], outputs)

    def _origin(self, outcome: Outcome) -> Origin:
        version = self.file.producer_version.removesuffix(" None")  # which tf2onnx puts there
        maker = " ".join(filter(None, [self.file.producer_name, version]))
        source = f"an ONNX file of {maker}" if maker else "an ONNX file"
        return Origin(source, outcome.classes, outcome.notes, self.entry.taken)
