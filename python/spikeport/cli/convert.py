"""``spikeport convert``: a trained network -> a checkpoint of the spiking network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeport.cli.app import (
    Force,
    app,
    as_typed,
    check_checkpoint_output,
    console,
    explain,
    fail,
    messages,
    print_json,
    say,
)
from spikeport.cli.engine import Device
from spikeport.cli.trained_model import Spec, TrustPickle, Weights
from spikeport.reading.brought.door import is_brought

if TYPE_CHECKING:
    from spikeport.conversion import ConvertedSNN

AT_ONCE = 256
"""Samples that are evaluated at once."""


@app.command("convert")
def convert(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The checkpoint to write: OUTPUT.npz and OUTPUT.json.")
    ],
    model: Spec = None,
    weights: Weights = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Samples to calibrate with: .npy, .npz with the samples as x, or .pt.")
    ] = None,
    timesteps: Annotated[
        int, typer.Option("-T", "--timesteps", help="Timesteps: more are more accurate, slower.")
    ] = 16,
    thresholds: Annotated[
        str | None,
        typer.Option(help="auto, which is the default unless a percentile is given; percentile, balanced, data."),
    ] = None,
    percentile: Annotated[
        float | None, typer.Option(help="Of the activations, for the thresholds; in (0, 100].")
    ] = None,
    max_spikes: Annotated[
        int, typer.Option(help="The most spikes of a neuron in one step: more need fewer timesteps.")
    ] = 1,
    neuron: Annotated[
        str,
        typer.Option(help="if, for rates; st_bif, for a lossless network, which settles on its quantised one."),
    ] = "if",
    levels: Annotated[
        int | None, typer.Option(help="Of each activation of a lossless network, beside 0; 15 unless given.")
    ] = None,
    arithmetic: Annotated[
        str, typer.Option(help="float; int8 or int16 for whole numbers, weights of so many bits, by the calibration.")
    ] = "float",
    evaluate: Annotated[
        Path | None,
        typer.Option(help="Samples and labels that neither training nor calibration saw: .npz with x and y."),
    ] = None,
    readout_delay: Annotated[
        str,
        typer.Option(help="Steps at the start that are not read, nor fitted to; auto: none or half, by the data."),
    ] = "0",
    device: Device = None,
    trust_pickle: TrustPickle = False,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Convert a trained network into a spiking one and save it as a checkpoint."""
    import warnings

    from spikeport.cli.arrays import load_samples
    from spikeport.cli.engine import engine, say_if_measured
    from spikeport.cli.trained_model import trained_model
    from spikeport.conversion.ann_to_snn import convert as convert_model

    check_checkpoint_output(output, force=force)
    if readout_delay != "auto" and not readout_delay.isdecimal():
        fail(f"--readout-delay {readout_delay} is neither a number of steps nor auto")
    delay = "auto" if readout_delay == "auto" else int(readout_delay)
    if delay != "auto" and int(delay) >= max(1, timesteps):
        fail(f"--readout-delay {readout_delay} leaves none of {timesteps} steps to read: give less than {timesteps}")
    if device is not None and evaluate is None:
        fail("--device says where --evaluate runs, and there is none: give it to run, where the network is used")
    runs_on = engine("auto", device)
    calibrated = None if calibration is None else load_samples(calibration)
    samples = None if calibrated is None else calibrated[0] if calibrated[1] is None else calibrated
    unseen = None if evaluate is None else _labelled(evaluate)
    with messages.status("reading the model"):
        trained = trained_model(model, weights, trust_pickle, None if calibrated is None else calibrated[0].shape[1:])
    if weights is None and not is_brought(model or ""):
        built = "the network has those that MODULE:FUNCTION gave it, untrained unless it loads some"
        explain(f"no --weights were given: {built}", "note")
    with messages.status("converting"), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        rule: dict[str, Any] = {"percentile": percentile, "thresholds": thresholds, "max_spikes": max_spikes}
        rule |= {"neuron": neuron, "levels": levels, "arithmetic": arithmetic, "readout_delay": delay}
        snn = convert_model(trained, samples, T=timesteps, **rule)
    for warning in warned:
        explain(as_typed(str(warning.message)), "warning")
    accuracy = None
    if unseen is not None:
        say_if_measured(runs_on, snn.graph)
        accuracy = _accuracy(trained, snn, *unseen, runs_on)
    source = {"source": model or str(weights), **({} if accuracy is None else {"accuracy": accuracy})}
    saved = snn.save(output, **source)
    if as_json:
        print_json({"checkpoint": str(saved), **snn.metadata, **source, "layers": _layers(snn)})
    else:
        _show(snn, saved, accuracy)


def _labelled(path: Path) -> tuple[Any, Any]:
    from spikeport.cli.arrays import load_samples

    x, labels = load_samples(path)
    if labels is None or not len(x):
        fail(f"{path} holds no labels: --evaluate wants a .npz with samples as x and their classes as y")
    return x, labels


def _accuracy(trained: Any, snn: ConvertedSNN, x: Any, labels: Any, backend: str) -> dict[str, Any]:
    """Return the share of unseen samples that each network gets right, the spiking one as each encoding feeds it.

    `readout_delay` is among them where the spiking network is read late.
    """
    import torch

    from spikeport.conversion.running.samples import classes_of
    from spikeport.report.progress import bar

    was_training, shares = trained.training, {"trained": 0, "pulse" if snn.is_pulsed else "current": 0}
    if x.min() >= 0 and x.max() <= 1 and not snn.is_pulsed and snn.units is None:
        shares["poisson"] = 0
    dtype = next((p.dtype for p in trained.parameters()), torch.float32)
    trained.eval()
    with torch.no_grad(), bar("evaluating", len(x)) as advance:
        for start in range(0, len(x), AT_ONCE):
            part, wanted = x[start : start + AT_ONCE], labels[start : start + AT_ONCE]
            answers = classes_of(trained(torch.tensor(part, dtype=dtype)).float().numpy())
            shares["trained"] += int((answers == wanted).sum())
            for encoding in [name for name in shares if name != "trained"]:
                flat = part.reshape(len(part), -1)
                answers = snn.classify(flat, encoding=encoding, backend=backend)
                shares[encoding] += int((answers == wanted).sum())
            advance(len(part))
    trained.train(was_training)
    late = {"readout_delay": snn.readout_delay} if snn.readout_delay else {}
    return {"samples": len(x), **late, **{name: count / len(x) for name, count in shares.items()}}


def _layers(snn: ConvertedSNN) -> list[dict[str, Any]]:
    return [
        {"name": node.name, "inputs": node.n_inputs, "neurons": node.n_neurons, "parameters": node.n_params, "scale": θ}
        for node, θ in zip(snn.graph, snn.scales, strict=True)
    ]


def _show(snn: ConvertedSNN, saved: Path, accuracy: dict[str, Any] | None) -> None:
    import numpy as np
    from rich.table import Table

    from spikeport.graph.table import shape_text

    kind, one = ("ST-BIF", "a spike is") if snn.is_pulsed else ("integrate-and-fire", "a rate of 1 is")
    several = snn.graph[-1].neuron.max_spikes
    most = f", up to {several} spikes a step" if several > 1 else ""
    whole = "" if snn.units is None else f", weights of {snn.units.bits} bits"
    table = Table("layer", title=f"{snn.n_layers} layers, {kind} neurons{most}{whole}, T = {snn.T}", title_style="")
    is_chain = snn.graph.is_linear_chain
    for heading in (
        *(("inputs", "neurons") if is_chain else ("operation", "passes on")),
        "parameters",
        one,
    ):
        table.add_column(heading, justify="right")
    for layer, node in zip(_layers(snn), snn.graph, strict=True):
        widths = [f"{layer[key]:,}" for key in ("inputs", "neurons")]
        numbers = [*(widths if is_chain else [node.operation.kind, shape_text(node.shape)]), f"{layer['parameters']:,}"]
        low, high = (f"{bound(layer['scale']):.4g}" for bound in (np.min, np.max))
        table.add_row(layer["name"], *numbers, low if low == high else f"{low} … {high}")
    console.print(table)
    say(str(snn.certificate))
    if accuracy is not None:
        spiking = ", ".join(
            f"{accuracy[name]:.2%} {name}" for name in ("pulse", "current", "poisson") if name in accuracy
        )
        late = f", read after step {accuracy['readout_delay']}" if "readout_delay" in accuracy else ""
        shares = f"{accuracy['trained']:.2%} trained; spiking{late}: {spiking}"
        say(f"accuracy on {accuracy['samples']:,} unseen samples: {shares}")
    say(f"saved as {saved.with_suffix('.npz')} and {saved.name}")
