"""``spikeport convert``: a torch model and its weights -> a checkpoint of the spiking network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeport.cli.app import app, console, explain, fail, messages, print_json, say

if TYPE_CHECKING:
    from spikeport.conversion import ConvertedSNN


@app.command("convert")
def convert(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The checkpoint to write: OUTPUT.npz and OUTPUT.json.")
    ],
    model: Annotated[
        str | None, typer.Argument(metavar="MODULE:FUNCTION", help="What builds the torch model, called with nothing.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="The model's state dict: .safetensors, or .pt read as tensors only.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Samples to calibrate with: .npy, or .npz with the samples as x.")
    ] = None,
    timesteps: Annotated[
        int, typer.Option("-T", "--timesteps", help="Timesteps: more are more accurate, slower.")
    ] = 16,
    percentile: Annotated[float, typer.Option(help="Of the activations, for the thresholds; in (0, 100].")] = 99.9,
    trust_pickle: Annotated[
        bool, typer.Option(help="Read a whole pickled model from WEIGHTS. This runs code that the file brings.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Convert a trained network into a spiking one and save it as a checkpoint."""
    import warnings

    from spikeport.cli.arrays import load_samples
    from spikeport.conversion.ann_to_snn import convert as convert_model
    from spikeport.transfer import SNNCheckpoint, save_checkpoint

    samples = None if calibration is None else load_samples(calibration)[0]
    with messages.status("reading the model"):
        trained = _trained_model(model, weights, trust_pickle)
    with messages.status("converting"), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        snn = convert_model(trained, samples, T=timesteps, percentile=percentile)
    for warning in warned:
        explain(str(warning.message), "warning")
    metadata = {
        "T": snn.T,
        "scales": snn.scales,
        "source": model or str(weights),
        "certificate": snn.certificate.to_dict(),
    }
    saved = save_checkpoint(SNNCheckpoint.from_graph(snn.graph, metadata=metadata), output)
    if as_json:
        print_json({"checkpoint": str(saved), **metadata, "layers": _layers(snn)})
    else:
        _show(snn, saved)


def _trained_model(spec: str | None, weights: Path | None, trust_pickle: bool) -> Any:
    stored = None if weights is None else _read_weights(weights, trust_pickle)
    if spec is None:
        if stored is None or isinstance(stored, dict):
            fail("give MODULE:FUNCTION, which builds the model: a state dict has weights, but does not say of what")
        return stored
    model = _built_model(spec)
    if stored is None:
        return model
    if not isinstance(stored, dict):
        fail(f"{weights} holds a whole model: leave {spec} off, or give its state dict")
    try:
        model.load_state_dict(stored)
    except (AttributeError, RuntimeError, TypeError) as error:
        fail(f"{weights} does not fit the model of {spec}: {error}")
    return model


def _built_model(spec: str) -> Any:
    import importlib
    import sys

    module_name, colon, name = spec.partition(":")
    if not (module_name and colon and name):
        fail(f"{spec!r} is not MODULE:FUNCTION: for build() in model.py here, give model:build")
    sys.path.insert(0, "")
    try:
        function = getattr(importlib.import_module(module_name), name)
        return function()
    except Exception as error:
        fail(f"{spec} raised {type(error).__name__}: {error}")
    finally:
        sys.path.remove("")


def _read_weights(path: Path, trust_pickle: bool) -> Any:
    import pickle

    from spikeport.conversion.checks import import_torch
    from spikeport.errors import MissingExtra

    torch = import_torch("reading weights")
    if not path.is_file():
        fail(f"{path}: there is no such file")
    if path.suffix == ".safetensors":
        try:
            import safetensors.torch
        except ImportError:
            raise MissingExtra("safetensors", "torch", "reading .safetensors files") from None
        try:
            return safetensors.torch.load_file(path)
        except safetensors.SafetensorError as error:
            fail(f"{path} is no safetensors file: {error}")
    try:
        return torch.load(path, map_location="cpu", weights_only=not trust_pickle)
    except (pickle.UnpicklingError, EOFError, RuntimeError, AttributeError, ImportError, KeyError, ValueError) as error:
        if trust_pickle:
            fail(f"{path} cannot be unpickled: {error}")
        fail(
            f"{path} holds more than tensors, or is damaged. Save model.state_dict(), or where you trust whoever made "
            "the file, read the whole model with --trust-pickle, which runs code that the file brings"
        )


def _layers(snn: ConvertedSNN) -> list[dict[str, Any]]:
    return [
        {"name": node.name, "inputs": node.n_inputs, "neurons": node.n_neurons, "parameters": node.n_params, "scale": θ}
        for node, θ in zip(snn.graph, snn.scales, strict=True)
    ]


def _show(snn: ConvertedSNN, saved: Path) -> None:
    from rich.table import Table

    table = Table("layer", title=f"{snn.n_layers} layers of integrate-and-fire neurons, T = {snn.T}", title_style="")
    for heading in ("inputs", "neurons", "parameters", "a rate of 1 is"):
        table.add_column(heading, justify="right")
    for layer in _layers(snn):
        numbers = (f"{layer[key]:,}" for key in ("inputs", "neurons", "parameters"))
        table.add_row(layer["name"], *numbers, f"{layer['scale']:.4g}")
    console.print(table)
    say(str(snn.certificate))
    say(f"saved as {saved}")
