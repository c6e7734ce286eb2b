"""A graph as a Mermaid flowchart: boxes and arrows as text."""

from __future__ import annotations

from collections.abc import Sequence

from spikeport.graph.layer_node import LayerNode
from spikeport.graph.table import shape_text
from spikeport.operations import Shape


def mermaid_of(layers: Sequence[LayerNode], edges: Sequence[tuple[str, str]], input_shape: Shape) -> str:
    """Return a box for each layer, with its operation, shape and neurons, and an arrow for each signal that is read."""
    ids = {"input": "input"} | {layer.name: f"n{k}" for k, layer in enumerate(layers)}
    lines = ["flowchart TD", f'    input(["input<br>{shape_text(input_shape)}"])']
    for layer in layers:
        neuron = f", {layer.neuron_type}" if layer.neuron.is_spiking else ""
        about = f"{_quoted(layer.name)}<br>{layer.operation.kind}{neuron}<br>{shape_text(layer.shape)}"
        lines.append(f'    {ids[layer.name]}["{about}"]')
    return "\n".join([*lines, *(f"    {ids[source]} --> {ids[name]}" for source, name in edges)]) + "\n"


def _quoted(name: str) -> str:
    return "".join(f"#{ord(letter)};" if letter in '"<>&#' else letter for letter in name)
