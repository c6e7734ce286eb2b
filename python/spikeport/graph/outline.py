"""What there is to draw of a graph, as plain data, and the same as a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from spikeport.graph.layer_node import LayerNode
from spikeport.graph.table import shape_text
from spikeport.operations import Shape


class Outline(NamedTuple):
    """Boxes and arrows.

    Attributes
    ----------
    boxes : lines of text, the name first; box 0 is the network's input, box k + 1 the layer of index k
    arrows : (from, to), for each signal that a layer reads, in the order of the layers and of what each reads
    """

    boxes: list[tuple[str, ...]]
    arrows: list[tuple[int, int]]

    def to_mermaid(self) -> str:
        """Return the flowchart, which GitHub and many editors draw."""
        ids = ["input", *(f"n{k}" for k in range(len(self.boxes) - 1))]
        texts = ["<br>".join([_quoted(name), *about]) for name, *about in self.boxes]
        lines = ["flowchart TD", f'    input(["{texts[0]}"])']
        lines += [f'    {ids[k]}["{text}"]' for k, text in enumerate(texts) if k]
        return "\n".join([*lines, *(f"    {ids[source]} --> {ids[box]}" for source, box in self.arrows)]) + "\n"


def outline_of(layers: Sequence[LayerNode], reads: Sequence[Sequence[str]], input_shape: Shape) -> Outline:
    """Return a box for the input and for each layer, with its operation, neurons and shape, and an arrow for each of
    the names that it ``reads``.
    """
    boxes: list[tuple[str, ...]] = [("input", shape_text(input_shape))]
    arrows: list[tuple[int, int]] = []
    places: dict[str, int] = {}
    for place, (layer, sources) in enumerate(zip(layers, reads, strict=True), 1):
        neuron = f", {layer.neuron_type}" if layer.neuron.is_spiking else ""
        boxes.append((layer.name, layer.operation.kind + neuron, shape_text(layer.shape)))
        arrows += [(places.get(source, 0), place) for source in sources]
        places[layer.name] = place
    return Outline(boxes, arrows)


def _quoted(name: str) -> str:
    return "".join(f"#{ord(letter)};" if letter in '"<>&#' else letter for letter in name)
