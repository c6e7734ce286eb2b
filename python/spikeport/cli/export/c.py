"""``spikeport export c``: a checkpoint of integers -> one file of C99."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from spikeport.cli.app import Force, check_output, fail, print_json, say
from spikeport.cli.export.application import export

if TYPE_CHECKING:
    from spikeport.integers import InputStep

PIXEL = 255
"""The largest value of an 8-bit image."""


@export.command("c")
def export_c(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of integers: PATH of PATH.npz and PATH.json.")],
    output: Annotated[Path, typer.Argument(help="The file to write, such as network.c.")],
    largest_input: Annotated[
        int | None,
        typer.Option(help="The largest input, without its sign, which bounds the steps; as quantised for, else 255."),
    ] = None,
    sample: Annotated[
        Path | None, typer.Option(help="Samples, .npy or .npz, the first of which the file keeps, with its answer.")
    ] = None,
    timesteps: Annotated[
        int | None, typer.Option("-T", "--timesteps", help="Of that sample; by default those it was converted for.")
    ] = None,
    encoding: Annotated[
        Literal["current", "pulse"] | None, typer.Option(help="Of that sample; by default as the network is fed.")
    ] = None,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a network of whole numbers as one file of C99: static arrays, no allocation, the bits of every language."""
    from spikeport.cli.arrays import load_samples
    from spikeport.interop import to_c
    from spikeport.transfer import load_checkpoint

    check_output(output, force=force)
    stored = load_checkpoint(checkpoint)
    step = _input_of(stored.metadata)
    given: dict[str, Any] = {"name": checkpoint.name}
    if step is not None:
        given |= {"input_step": step.step, "input_offset": step.offset}
    if largest_input is None:
        largest_input = PIXEL if step is None else step.largest
    if sample is not None:
        x, _ = load_samples(sample)
        if not len(x):
            fail(f"{sample} holds no samples")
        T = stored.metadata.get("T") if timesteps is None else timesteps
        if not isinstance(T, int) or T < 1:
            fail("give the number of timesteps of the sample, at least 1: -T 16")
        pulsed = stored.metadata.get("encoding") == "pulse"
        first = x[0] if step is None else step.whole(x[:1])[0]
        given |= {"sample": first, "T": T, "encoding": encoding or ("pulse" if pulsed else "current")}
    elif timesteps is not None or encoding is not None:
        fail("-T and --encoding say how a sample runs that the file keeps, and there is no --sample")
    source = to_c(stored.to_graph(), largest_input=largest_input, **given)
    source.save(output)
    sizes = {"constant_bytes": source.constant_bytes, "state_bytes": source.state_bytes}
    if as_json:
        print_json({"file": str(output), "X_max": source.X_max, "T_max": source.T_max, **sizes})
        return
    say(f"{source.constant_bytes:,} bytes of constants, {source.state_bytes:,} of state")
    say(f"for inputs of at most {source.X_max:,} and at most {source.T_max:,} steps: no number can pass 32 bits")
    say(f"wrote {output}: cc -std=c99 -O2 {output} -o network")


def _input_of(metadata: Mapping[str, Any]) -> InputStep | None:
    """Return what whole numbers at the input stand for, None where nothing is said."""
    from spikeport.integers import InputStep

    said = metadata.get("integers")
    said = said.get("input") if isinstance(said, Mapping) else None
    if not isinstance(said, Mapping) or not said.get("step"):
        return None
    try:
        return InputStep(**{"largest": PIXEL, **said})
    except (TypeError, ValueError) as error:
        fail(f"what the checkpoint says of its input is damaged: {error}")
