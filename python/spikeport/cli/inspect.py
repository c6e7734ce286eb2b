"""``spikeport inspect``: what a checkpoint holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeport.cli.app import app, console, print_json, say

if TYPE_CHECKING:
    from spikeport.neuron import Neuron
    from spikeport.transfer import SNNCheckpoint


@app.command("inspect")
def inspect(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint: PATH of PATH.npz and PATH.json.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the layers, neurons and metadata of a checkpoint, after every check that loading makes."""
    from spikeport.transfer import load_checkpoint

    stored = load_checkpoint(checkpoint)
    layers = _layers(stored)
    if as_json:
        print_json({"layers": layers, "total_params": stored.total_params, "metadata": stored.metadata})
        return
    from rich.pretty import Pretty
    from rich.table import Table

    table = Table("layer", "inputs", "neurons", "bias", "dtype", "neuron", "frozen")
    for layer in layers:
        described = ", ".join(f"{key} {value}" for key, value in layer["neuron"].items() if key != "kind")
        kind = f"{layer['neuron']['kind']}{f' ({described})' if described else ''}"
        yes_no = ["yes" if layer[key] else "no" for key in ("bias", "frozen")]
        sizes = [f"{layer[key]:,}" for key in ("inputs", "neurons")]
        table.add_row(layer["name"], *sizes, yes_no[0], layer["dtype"] or "", kind, yes_no[1])
    console.print(table)
    say(f"{stored.n_layers} layers, {stored.total_params:,} parameters")
    if stored.metadata:
        console.print("metadata", Pretty(stored.metadata, expand_all=True))


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
    return [
        {
            "name": name,
            "inputs": inputs,
            "neurons": outputs,
            "bias": bias is not None,
            "dtype": None if weights is None else str(weights.dtype),
            "neuron": {"kind": kind, **({} if neuron is None else _parameters(neuron))},
            "frozen": name in stored.frozen_layers,
        }
        for name, (inputs, outputs), weights, bias, kind, neuron in parts
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
    return parameters
