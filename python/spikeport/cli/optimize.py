"""``spikeport optimize``: a checkpoint -> a smaller one, and a report of what every pass did to the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from spikeport.cli.app import Force, app, check_checkpoint_output, check_output, fail, messages, print_json, say

if TYPE_CHECKING:
    from spikeport.transfer import SNNCheckpoint


@app.command("optimize")
def optimize(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint: PATH of PATH.npz and PATH.json.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The checkpoint to write.")],
    passes: Annotated[
        str | None,
        typer.Option(help="Names, with commas between; options after colons."),
    ] = None,
    samples: Annotated[
        Path | None, typer.Option("--data", help="Samples: .npy, or .npz with the samples as x, any labels as y.")
    ] = None,
    max_accuracy_drop: Annotated[
        float | None, typer.Option(help="Search passes and strengths within this loss, e.g. 0.005; needs labels.")
    ] = None,
    integers: Annotated[
        bool,
        typer.Option("--integers", help="Search for whole numbers of 16 or 8 bits; with --max-accuracy-drop."),
    ] = False,
    input_range: Annotated[
        tuple[float, float] | None, typer.Option(metavar="LOW HIGH", help="What every input value is known to lie in.")
    ] = None,
    horizon: Annotated[int | None, typer.Option(help="Longest run, in steps, that proofs must hold for.")] = None,
    timesteps: Annotated[
        int | None, typer.Option("-T", "--timesteps", help="Timesteps; by default those it was converted for.")
    ] = None,
    encoding: Annotated[
        Literal["current", "poisson"], typer.Option(metavar="NAME", help="How samples are fed: current, or poisson.")
    ] = "current",
    seed: Annotated[int, typer.Option(help="Of random drives and Poisson draws.")] = 0,
    report: Annotated[Path | None, typer.Option(help="Write the report as an HTML page.")] = None,
    verification: Annotated[bool, typer.Option("--verify/--no-verify", help="Replay before and after.")] = True,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a spiking network smaller and say what that did to its answers.

    Passes, in the order in which those that change no spike run by themselves: eliminate_silent, fold_constants,
    eliminate_unread, merge, fold_scales, fuse. By name, with loss: eliminate_dead, prune, prune_neurons, quantize,
    factorize. An example: --passes merge,prune:sparsity=0.5
    """
    from spikeport.cli.arrays import load_samples
    from spikeport.conversion.saved import restored
    from spikeport.integers import quantize
    from spikeport.report.plots import require_plots
    from spikeport.snn_optimizer import optimize as optimize_model
    from spikeport.transfer import load_checkpoint, save_checkpoint

    if max_accuracy_drop is not None:
        if passes is not None:
            fail("--max-accuracy-drop chooses the passes itself: give it, or --passes")
        if samples is None:
            fail("--max-accuracy-drop needs labels: give --data FILE.npz with the samples as x and their classes as y")
    elif integers:
        fail("--integers is a choice of the search: give --max-accuracy-drop, or convert with --arithmetic int8")
    check_checkpoint_output(output, force=force)
    if report is not None:
        check_output(report, force=True)
        require_plots()
    stored = load_checkpoint(checkpoint)
    data: Any = None
    if samples is not None:
        x, labels = load_samples(samples)
        x = x.reshape(len(x), -1) if x.ndim > 2 else x
        if labels is None and max_accuracy_drop is not None:
            fail(f"--max-accuracy-drop needs labels: {samples} has samples alone, give a .npz with their classes as y")
        data = x if labels is None else (x, labels)
    known = stored.metadata.get("T")
    smaller, result = optimize_model(
        restored(stored, str(checkpoint)) if integers else stored,
        None if passes is None else read_passes(passes),
        data=data,
        max_accuracy_drop=max_accuracy_drop,
        quantise=quantize if integers else None,
        input_range=input_range,
        horizon=horizon,
        timesteps=timesteps if timesteps is not None else known if isinstance(known, int) else None,
        encoding=encoding,
        seed=seed,
        verification=verification,
        progress=messages.is_terminal,
    )
    certificate = json.loads(json.dumps(result.certificate.to_dict()))
    if "optimization" in stored.metadata:  # what an earlier run did is not undone by this one
        certificate["earlier"] = stored.metadata["optimization"]
    smaller = _kept(stored, smaller, result.survivors)
    smaller.metadata["optimization"] = certificate
    saved = save_checkpoint(smaller, output)
    page = None if report is None else str(result.save(report, checkpoint.name))
    if as_json:
        print_json({"output": str(saved), "report": page, **result.to_dict()})
    else:
        archive = saved.with_suffix(".npz")
        types = [str(weights.dtype) for weights in smaller.weights if weights is not None]
        size = f"{archive.stat().st_size:,} bytes" + (f", every weight as {types[0]}" if types else "")
        say(f"{result}\nsaved as {archive} ({size}) and {saved.name}" + (f"\n{page}" if page else ""))


def _kept(stored: SNNCheckpoint, smaller: Any, survivors: Mapping[str, Any]) -> SNNCheckpoint:
    """Return the checkpoint to write, with what ``stored`` says beside its layers, and scales of those that are left.

    Where whole numbers were searched for, ``smaller`` is a converted network, which has such things itself.
    """
    from spikeport.transfer import SNNCheckpoint

    if not isinstance(smaller, SNNCheckpoint):
        if not hasattr(smaller, "metadata"):
            fail("a layer came out that the conversion did not make, so nothing says its units: leave --integers off")
        return SNNCheckpoint.from_graph(smaller.graph, metadata={**stored.metadata, **smaller.metadata})
    smaller.metadata = dict(stored.metadata)
    if isinstance(scales := stored.metadata.get("scales"), list) and len(scales) == len(stored.layer_names):
        of_layers = dict(zip(stored.layer_names, scales, strict=True))
        smaller.metadata["scales"] = [_scale(of_layers, name, survivors) for name in smaller.layer_names]
    return smaller


def _scale(scales: Mapping[str, Any], name: str, survivors: Mapping[str, Any]) -> Any:
    """Return what a conversion says that a rate of 1 of a layer stands for, of the channels that are left; 1 for a
    layer that a pass has added."""
    scale = scales.get(name, 1.0)
    return [scale[channel] for channel in survivors[name]] if isinstance(scale, list) and name in survivors else scale


def read_passes(text: str) -> list[str | tuple[str, dict[str, Any]]]:
    """Read ``name,name:option=value:option=value``; a value is JSON (``0.5``, ``true``, ``"auto"``) or a bare word."""
    found: list[str | tuple[str, dict[str, Any]]] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, *options = part.split(":")
        pairs = [option.partition("=") for option in options]
        if any(not separator for _, separator, _ in pairs):
            fail(f"{part!r} is no pass: write name:option=value, as in prune:sparsity=0.5")
        given = [key for key, _, _ in pairs]
        if len(set(given)) < len(given):
            fail(f"{part!r} gives an option twice")
        found.append((name, {key: _value(value) for key, _, value in pairs}) if pairs else name)
    return found


def _value(text: str) -> Any:
    if "/" in text and all(number.isdigit() for number in text.split("/")):
        return tuple(int(number) for number in text.split("/"))  # a pattern: 2/4
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
