"""``spikeport sweep``: a converted checkpoint and samples -> what each number of timesteps gives and costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeport.cli.app import app, fail
from spikeport.cli.certification.files import AsJson, Checkpoint, Encoding, Report, Seed
from spikeport.cli.engine import Backend, Device
from spikeport.cli.trained_model import Spec, TrustPickle, Weights

if TYPE_CHECKING:
    from spikeport.certification import Assumptions


@app.command("sweep")
def sweep(
    checkpoint: Checkpoint,
    samples: Annotated[Path, typer.Argument(help="Samples: .npy, or .npz with the samples as x, any labels as y.")],
    model: Spec = None,
    weights: Weights = None,
    logits: Annotated[
        Path | None, typer.Option(help="What the trained network answers, .npy, in place of the network itself.")
    ] = None,
    timesteps: Annotated[
        str | None,
        typer.Option("-T", "--timesteps", help="Lengths, such as 1,2,4,8; by default up to its own T."),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Samples to learn early exit's margin on; else every other of SAMPLES.")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="Share of answers that early exit may change.")] = 0.005,
    assume: Annotated[
        list[str] | None, typer.Option(help="An assumption of the energies, as name=value, such as weights=640.")
    ] = None,
    readout_delay: Annotated[
        int | None,
        typer.Option(min=0, help="Steps at the start that are not read; by default as it was converted."),
    ] = None,
    encoding: Encoding = None,
    seed: Seed = 0,
    backend: Backend = "auto",
    device: Device = None,
    report: Report = None,
    trust_pickle: TrustPickle = False,
    as_json: AsJson = False,
) -> None:
    """Say what each number of timesteps gives and costs: accuracy, agreement, spikes, work, modelled energy.

    Started by torchrun, the processes share the samples, and the first one prints.
    """
    from spikeport.certification.lengths.over_timesteps import sweep as sweep_network
    from spikeport.certification.shares import launched_group
    from spikeport.cli.arrays import load_samples
    from spikeport.cli.certification.files import check_page, loaded, show
    from spikeport.cli.engine import engine, say_if_measured
    from spikeport.cli.trained_model import trained_model

    check_page(report)
    lengths, assumptions = _lengths(timesteps), _assumptions(assume or [])
    runs_on = engine(backend, device)
    snn, x, labels = loaded(checkpoint, samples)
    say_if_measured(runs_on, snn.graph)
    given: dict[str, Any] = {"logits": None if logits is None else load_samples(logits)[0]}
    if model is not None or weights is not None:
        given["model"] = trained_model(model, weights, trust_pickle, x.shape[1:])
    given["calibration"] = None if calibration is None else load_samples(calibration)[0]
    with launched_group() as share:
        found = sweep_network(
            snn,
            x,
            labels,
            lengths,
            **given,
            tolerance=tolerance,
            readout_delay=readout_delay,
            encoding=encoding,
            seed=seed,
            backend=runs_on,
            assumptions=assumptions,
            progress=share.is_first,
            distributed=share.processes > 1,
        )
    if share.is_first:
        show(found, report, checkpoint.name, as_json=as_json)


def _lengths(given: str | None) -> list[int] | None:
    if given is None:
        return None
    parts = given.replace(",", " ").split()
    if not parts or not all(part.isdecimal() and int(part) > 0 for part in parts):
        fail(f"-T {given!r} is no list of whole numbers from 1 on: give -T 1,2,4,8")
    return [int(part) for part in parts]


def _assumptions(given: Sequence[str]) -> Assumptions:
    from dataclasses import fields

    from spikeport.certification.energy.assumptions import Assumptions

    names = {field.name: field.type for field in fields(Assumptions)}
    values: dict[str, Any] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if name not in names or not equals:
            fail(f"--assume {item!r} is no NAME=VALUE with a name among {', '.join(names)}")
        try:
            values[name] = value.lower() in ("true", "yes", "1") if names[name] == "bool" else float(value)
        except ValueError:
            fail(f"--assume {item!r}: {value!r} is no number")
    return Assumptions(**values)
