"""The nodes of a graph: those that lead to an answer, and those that no table has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from spikeport.errors import ConversionError
from spikeport.reading.brought.onnx.file import LEARNERS
from spikeport.reading.brought.onnx.operators import OPERATORS
from spikeport.reading.brought.onnx.refusals import reason
from spikeport.reading.brought.onnx.tail import ENDS, STARTS

OF_LEARNERS = ("Scaler", "ZipMap", "ArrayFeatureExtractor", "Binarizer")


def name_of(node: Any) -> str:
    """Return a node's name, or what it gives where it has none."""
    return str(node.name or node.output[0])


def leading_to(wanted: Collection[str], nodes: Sequence[Any]) -> list[Any]:
    """Return the nodes that are needed for ``wanted``, in their order."""
    needed, kept = set(wanted), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1]


def check_known(nodes: Sequence[Any], entry: str) -> None:
    """Raise `ConversionError` ``unsupported_module`` with all nodes that read signals and that no table has."""
    signals, refused = {entry}, dict[str, list[str]]()
    for node in nodes:
        if signals.intersection(node.input) and node.op_type not in ("Shape", "Size"):
            signals.update(node.output)
            if not _is_known(node):
                refused.setdefault(node.op_type, []).append(name_of(node))
    if refused:
        raise ConversionError(
            "unsupported_module",
            "; ".join(
                f"the ONNX node {names[0]} ({kind}){f' and {len(names) - 1} more' if names[1:] else ''} cannot be "
                f"converted: {reason(kind)}"
                for kind, names in refused.items()
            ),
        )


def _is_known(node: Any) -> bool:
    if node.op_type in OF_LEARNERS:
        return bool(node.domain == LEARNERS)
    return node.domain in ("", "ai.onnx") and node.op_type in {*OPERATORS, *STARTS, *ENDS}
