"""``spikeport import nir``: a file of NIR -> a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeport.cli.app import Force, check_checkpoint_output, print_json, say
from spikeport.cli.imports.application import imports


@imports.command("nir")
def import_nir(
    file: Annotated[Path, typer.Argument(help="A NIR graph, such as network.nir.")],
    checkpoint: Annotated[Path, typer.Argument(help="The checkpoint to write: PATH of PATH.npz and PATH.json.")],
    dt: Annotated[float, typer.Option(help="The length of a step, in the unit of the graph's time constants.")] = 1.0,
    exact: Annotated[
        bool, typer.Option("--exact/--nearest", help="Refuse numbers that have no exact form here, or round them.")
    ] = True,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read a NIR graph: linear layers, convolutions, pools and sums, with IF, LIF, thresholds or soft resets."""
    from spikeport.interop.nir import from_nir, load_nir
    from spikeport.transfer import SNNCheckpoint, save_checkpoint

    check_checkpoint_output(checkpoint, force=force)
    graph = from_nir(load_nir(file), dt=dt, exact=exact)
    saved = save_checkpoint(SNNCheckpoint.from_graph(graph, {"source": str(file), "dt": dt}), checkpoint)
    if as_json:
        print_json({"file": str(saved), "layers": len(graph), "total_params": graph.n_params})
        return
    say(graph.summary())
    say(f"wrote {saved}")
