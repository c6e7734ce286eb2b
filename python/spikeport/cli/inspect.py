"""``spikeport inspect``: what a checkpoint holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeport.cli.app import app, check_output, console, print_json, say

if TYPE_CHECKING:
    from spikeport.neuron import Neuron
    from spikeport.transfer import SNNCheckpoint


MOST_SHOWN = 16
"""Entries of a list in the metadata, such as the units of all channels; JSON has all."""


@app.command("inspect")
def inspect(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint: PATH of PATH.npz and PATH.json.")],
    html: Annotated[Path | None, typer.Option(help="Write it as one HTML page, with a drawing of the network.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the layers, neurons and metadata of a checkpoint, after every check that loading makes."""
    from spikeport.transfer import load_checkpoint
    from spikeport.transfer.page import checkpoint_page

    if html is not None:
        check_output(html, force=True)
    stored = load_checkpoint(checkpoint)
    layers = _layers(stored)
    if html is not None:
        checkpoint_page(stored, checkpoint.name).save(html)
    if as_json:
        shape = [layers[0]["inputs"]] if stored.structure is None else stored.structure.input_shape
        said = {"input_shape": shape, "layers": layers, "total_params": stored.total_params}
        print_json({**said, "metadata": stored.metadata})
        return
    from rich.pretty import Pretty

    if stored.structure is None:
        _show_chain(layers)
    else:
        _show_graph(layers)
    say(f"{stored.n_layers} layers, {stored.total_params:,} parameters{_ends(stored)}")
    if html is not None:
        say(f"wrote {html}")
    if stored.metadata:
        console.print("metadata", Pretty(stored.metadata, max_length=MOST_SHOWN))


def _show_chain(layers: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("layer", "inputs", "neurons", "bias", "dtype", "neuron", "frozen")
    for layer in layers:
        yes_no = ["yes" if layer[key] else "no" for key in ("bias", "frozen")]
        sizes = [f"{layer[key]:,}" for key in ("inputs", "neurons")]
        table.add_row(layer["name"], *sizes, yes_no[0], layer["dtype"] or "", _described(layer["neuron"]), yes_no[1])
    console.print(table)


def _show_graph(layers: list[dict[str, Any]]) -> None:
    """Print a line for each layer, which no width of a terminal shortens."""
    from spikeport.graph.table import in_columns, shape_text

    frozen = ("frozen",) if any(layer["frozen"] for layer in layers) else ()
    rows = [("layer", "reads", "operation", "passes on", *frozen, "neuron")]
    for layer in layers:
        about = ", ".join(layer["reads"]), layer["operation"], shape_text(layer["shape"])
        rows.append(
            (layer["name"], *about, *("yes" if layer["frozen"] else "" for _ in frozen), _described(layer["neuron"]))
        )
    say("\n".join(in_columns(rows)))


def _described(neuron: dict[str, Any]) -> str:
    described = ", ".join(f"{key} {value}" for key, value in neuron.items() if key != "kind")
    return f"{neuron['kind']}{f' ({described})' if described else ''}"


def _ends(stored: SNNCheckpoint) -> str:
    from spikeport.graph.table import shape_text

    if stored.structure is None:
        return ""
    return f", {shape_text(stored.structure.input_shape)} → {shape_text(stored.structure.nodes[-1].shape)}"


def _layers(stored: SNNCheckpoint) -> list[dict[str, Any]]:
    parts = zip(
        stored.layer_names,
        stored.layer_sizes,
        stored.weights,
        stored.biases,
        stored.neuron_types,
        stored.neurons,
        strict=True,
    )
    nodes = [None] * stored.n_layers if stored.structure is None else stored.structure.nodes
    return [
        {
            "name": name,
            **({} if node is None else {"reads": node.inputs, "operation": node.operation, "shape": node.shape}),
            "inputs": inputs,
            "neurons": outputs,
            "bias": bias is not None,
            "dtype": None if weights is None else str(weights.dtype),
            "neuron": {"kind": kind, **({} if neuron is None else _parameters(neuron))},
            "frozen": name in stored.frozen_layers,
        }
        for (name, (inputs, outputs), weights, bias, kind, neuron), node in zip(parts, nodes, strict=True)
    ]


def _parameters(neuron: Neuron) -> dict[str, Any]:
    import numpy as np

    from spikeport.graph.table import span

    def shown(value: Any) -> Any:
        first = float(np.ravel(value)[0])
        return first if np.all(value == first) else span(value)

    if not neuron.is_spiking:
        return {}
    parameters = {"threshold": shown(neuron.threshold), "v_init": shown(neuron.v_init)}
    if neuron.v_reset is not None:
        parameters["v_reset"] = shown(neuron.v_reset)
    if neuron.kind == "LIF":
        parameters["beta"] = shown(neuron.beta)
    if neuron.kind == "ST-BIF":
        parameters |= {"tracer_min": neuron.tracer_min, "tracer_max": neuron.tracer_max}
    if neuron.max_spikes > 1:
        parameters["max_spikes"] = neuron.max_spikes
    return parameters
