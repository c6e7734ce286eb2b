"""``spikeport export nir``: a checkpoint -> a file of NIR."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from spikeport.cli.app import Force, check_output, fail, print_json, say
from spikeport.cli.export.application import export


@export.command("nir")
def export_nir(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of floats: PATH of PATH.npz and PATH.json.")],
    output: Annotated[Path, typer.Argument(help="The file to write, such as network.nir.")],
    reset: Annotated[
        Literal["feedback", "plain"],
        typer.Option(help="A soft reset as it is, by a circle; or NIR's IF in its place, another network."),
    ] = "feedback",
    samples: Annotated[
        Path | None, typer.Option(help="Samples, .npy or .npz, on which --reset plain is measured.")
    ] = None,
    timesteps: Annotated[
        int | None, typer.Option("-T", "--timesteps", help="Of these samples; by default those it was converted for.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact/--nearest", help="Refuse what NIR has no exact number for, or take the nearest.")
    ] = True,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a network as a NIR graph, which simulators and chips read; a soft reset stays one."""
    from spikeport.cli.arrays import load_samples
    from spikeport.interop.nir import certificate_in, save_nir, to_nir
    from spikeport.transfer import load_checkpoint

    check_output(output, force=force)
    if (reset == "plain") != (samples is not None):
        fail("--reset plain writes another network and needs --samples to measure it on; --samples is for that alone")
    stored = load_checkpoint(checkpoint)
    T = stored.metadata.get("T") if timesteps is None else timesteps
    given: dict[str, Any] = {}
    if samples is not None:
        if not isinstance(T, int) or T < 1:
            fail("give the number of timesteps of the samples, at least 1: -T 16")
        x, _ = load_samples(samples)
        given = {"samples": x.reshape(len(x), *stored.to_graph().input_shape), "T": T}
    graph = to_nir(stored.to_graph(), reset=reset, exact=exact, **given)
    certificate = certificate_in(graph)
    save_nir(graph, output)
    if as_json:
        kept = None if certificate is None else certificate.to_dict()
        print_json({"file": str(output), "nodes": len(graph.nodes), "reset": reset, "certificate": kept})
        return
    if certificate is not None:
        say(str(certificate))
    say(f"wrote {output}: {len(graph.nodes)} nodes, {len(graph.edges)} edges")
