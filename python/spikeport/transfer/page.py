"""What a checkpoint holds, as one HTML page."""

from __future__ import annotations

import json

from spikeport.graph.table import describe, shape_text
from spikeport.report import Page, network, preformatted, table, tiles
from spikeport.transfer.checkpoint import SNNCheckpoint


def checkpoint_page(checkpoint: SNNCheckpoint, name: str) -> Page:
    """Return the page: a drawing of the network, its layers, and its metadata; ``name`` is the checkpoint's.

    Raises `CheckpointError` as `SNNCheckpoint.graph` does: a layer that no `Neuron` can run cannot be drawn.
    """
    graph = checkpoint.graph
    page = Page(name, "what the checkpoint holds")
    ends = {"input": shape_text(graph.input_shape), "output": shape_text(graph.output_shape)}
    figures = {"layers": checkpoint.n_layers, "parameters": checkpoint.total_params, **ends}
    page.section("Network", tiles(figures), network(*graph.outline(), f"The network {name}"))
    headers = ["layer", "reads", "operation", "passes on", "parameters", "neuron", "frozen"]
    rows = [
        [
            layer.name,
            ", ".join(graph.reads(index)),
            layer.operation.kind,
            shape_text(layer.shape),
            layer.n_params,
            describe(layer.neuron),
            layer.name in checkpoint.frozen_layers,
        ]
        for index, layer in enumerate(graph)
    ]
    page.section("Layers", table(headers, rows, sortable=True))
    if checkpoint.metadata:
        page.section("Metadata", preformatted(json.dumps(checkpoint.metadata, indent=2, ensure_ascii=False)))
    return page
