"""The table that shows a graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spikeport.graph.layer_node import LayerNode
from spikeport.neuron import Neuron, PerNeuron
from spikeport.operations import Shape


def table_of(layers: Sequence[LayerNode], edges: Sequence[tuple[str, str]] = ()) -> str:
    """Return a table with one line for each layer, and what they have in all; with ``edges``, also what each reads."""
    reads: dict[str, list[str]] = {}
    for source, name in edges:
        reads.setdefault(name, []).append(source)
    rows = [("layer", *(("reads",) if edges else ()), "operation", "in", "out", "params", "neuron")]
    for layer in layers:
        sources = (", ".join(reads[layer.name]),) if edges else ()
        sizes = str(layer.n_inputs), shape_text(layer.shape)
        about = (layer.operation.kind, *sizes, f"{layer.n_params:,}", describe(layer.neuron))
        rows.append((layer.name, *sources, *about))
    return "\n".join(
        [*in_columns(rows), f"{len(layers)} layers, {sum(layer.n_params for layer in layers):,} parameters"]
    )


def in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as lines, cells of a column below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def shape_text(shape: Shape | None) -> str:
    """Return a shape as people write it: 16×28×28."""
    return "?" if shape is None else "×".join(map(str, shape))


def describe(neuron: Neuron) -> str:
    """Return a neuron's kind and parameters in one line."""
    if not neuron.is_spiking:
        return neuron.kind
    parts = [neuron.kind, f"θ={span(neuron.threshold)}", f"v₀={span(neuron.v_init)}θ"]
    if neuron.kind == "LIF":
        parts.append(f"β={span(neuron.beta)}")
    if neuron.kind == "ST-BIF":
        parts.append(f"S∈[{neuron.tracer_min}, {neuron.tracer_max}]")
    elif neuron.v_reset is not None:
        parts.append(f"hard reset to {span(neuron.v_reset)}")
    if neuron.max_spikes > 1:
        parts.append(f"up to {neuron.max_spikes} spikes a step")
    return " ".join(parts)


def span(value: PerNeuron) -> str:
    """Return a parameter as text: one number, or the least and the largest."""
    low, high = float(np.min(value)), float(np.max(value))
    return f"{low:g}" if low == high else f"{low:g}…{high:g}"
