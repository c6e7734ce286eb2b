"""``spikeport certify``: a converted checkpoint beside its trained model -> what each layer loses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spikeport.cli.app import app
from spikeport.cli.certification.files import AsJson, Checkpoint, Encoding, Report, Seed
from spikeport.cli.engine import Backend, Device
from spikeport.cli.trained_model import Spec, TrustPickle, Weights


@app.command("certify")
def certify(
    checkpoint: Checkpoint,
    samples: Annotated[
        Path, typer.Argument(help="Samples that conversion never saw: .npy, or .npz with the samples as x.")
    ],
    model: Spec = None,
    weights: Weights = None,
    timesteps: Annotated[
        int | None, typer.Option("-T", "--timesteps", help="Timesteps; by default those it was converted for.")
    ] = None,
    encoding: Encoding = None,
    seed: Seed = 0,
    backend: Backend = "auto",
    device: Device = None,
    report: Report = None,
    trust_pickle: TrustPickle = False,
    as_json: AsJson = False,
) -> None:
    """Say what each layer of a converted network loses, and what of it arrives at the output.

    Started by torchrun, the processes share the samples, and the first one prints.
    """
    from spikeport.certification.layers.against_trained import certify as certify_network
    from spikeport.certification.shares import launched_group
    from spikeport.cli.certification.files import check_page, loaded, show
    from spikeport.cli.engine import engine, say_if_measured
    from spikeport.cli.trained_model import trained_model

    check_page(report)
    runs_on = engine(backend, device)
    snn, x, _ = loaded(checkpoint, samples)
    say_if_measured(runs_on, snn.graph)
    trained = trained_model(model, weights, trust_pickle, x.shape[1:])
    with launched_group() as share:
        found = certify_network(
            trained,
            snn,
            x,
            T=timesteps,
            encoding=encoding,
            seed=seed,
            backend=runs_on,
            progress=share.is_first,
            distributed=share.processes > 1,
        )
    if share.is_first:
        show(found, report, checkpoint.name, as_json=as_json)
