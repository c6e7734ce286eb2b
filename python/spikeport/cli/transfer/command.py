"""``spikeport transfer``: a checkpoint and labelled samples -> the checkpoint, fine-tuned phase by phase."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from spikeport.cli.app import Force, app, check_checkpoint_output, check_output, fail, print_json

if TYPE_CHECKING:
    from spikeport.transfer import TransferConfig


@app.command("transfer")
def transfer(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint: PATH of PATH.npz and PATH.json.")],
    samples: Annotated[Path, typer.Option("--data", help="Samples: .npy, or .npz with the samples as x, labels as y.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The checkpoint to write, after the last phase.")],
    labels: Annotated[Path | None, typer.Option(help="The class of each sample, from 0: .npy.")] = None,
    n_classes: Annotated[
        int | None, typer.Option("--classes", help="Give the network a new head, for so many classes.")
    ] = None,
    freeze_until: Annotated[
        str, typer.Option(help="Freeze up to and with this layer, by index or name; -1 freezes none. Of each phase.")
    ] = "-1",
    lr_backbone: Annotated[str, typer.Option(help="Learning rate before the head. Of each phase.")] = "0",
    lr_head: Annotated[str, typer.Option(help="Learning rate of the head. Of each phase.")] = "0.01",
    head: Annotated[str | None, typer.Option(help="First layer of the head; by default the last layer.")] = None,
    epochs: Annotated[str, typer.Option(help="Passes over the samples, at most. Of each phase.")] = "10",
    timesteps: Annotated[
        int | None, typer.Option("-T", "--timesteps", help="Timesteps; by default those that the checkpoint says.")
    ] = None,
    encoding: Annotated[
        Literal["current", "poisson", "pulse"] | None, typer.Option(metavar="NAME", help="How samples are fed.")
    ] = None,
    surrogate: Annotated[
        Literal["arctan", "fast_sigmoid"], typer.Option(help="What a spike's derivative is taken to be.")
    ] = "arctan",
    loss: Annotated[
        Literal["drive", "counts"], typer.Option(help="Of what the output neurons receive, or of their spikes.")
    ] = "drive",
    optimiser: Annotated[Literal["adam", "sgd"], typer.Option(help="What makes a step of a gradient.")] = "adam",
    momentum: Annotated[float, typer.Option(help="Of sgd.")] = 0.0,
    clip: Annotated[float | None, typer.Option(help="The largest norm of a gradient.")] = None,
    batch_size: Annotated[int, typer.Option(help="Samples to a step.")] = 32,
    validation: Annotated[
        str | None, typer.Option(help="Samples that are not learnt from: a share, such as 0.2, or a .npz with x and y.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="End a phase after so many epochs without a lower validation loss.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the head, the order of samples, the share held out, the draws.")] = 0,
    device: Annotated[str | None, typer.Option(help="Where torch trains: cpu, cuda or cuda:1.")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="Watch the training, and write the diagnosis as an HTML page.")
    ] = None,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fine-tune a spiking network on labelled samples.

    Several phases, for gradual unfreezing, are given by commas: --freeze-until 0,-1 --lr-backbone 0,0.0001 --epochs
    10,5. One value holds for all of them. After each of several phases the checkpoint is saved as OUTPUT_phase_1, and
    so on.
    """
    from spikeport.cli.transfer.shown import show
    from spikeport.profiling import SpikeProfiler
    from spikeport.report.plots import require_plots
    from spikeport.transfer import finetune, load_checkpoint, replace_head, save_checkpoint

    check_checkpoint_output(output, force=force)
    if profile is not None:
        check_output(profile, force=True)
        require_plots()
    phases, lengths = _phases(freeze_until, lr_backbone, lr_head, head, epochs)
    x, classes = _labelled(samples, labels)
    held_out = None if validation is None else _validation(validation)
    stored = load_checkpoint(checkpoint)
    if n_classes is not None:
        stored = replace_head(stored, n_classes, seed)
    profiler = None if profile is None else SpikeProfiler()
    result = finetune(
        stored,
        x,
        classes,
        phases,
        epochs=lengths,
        T=timesteps,
        encoding=encoding,
        surrogate=surrogate,
        loss=loss,
        optimiser=optimiser,
        momentum=momentum,
        clip=clip,
        batch_size=batch_size,
        validation=held_out,
        patience=patience,
        seed=seed,
        device=device,
        profiler=profiler,
        progress=True,
        save_as=output if len(phases) > 1 else None,
    )
    saved = save_checkpoint(result.checkpoint, output)
    page = None if profiler is None or profile is None else str(profiler.report().save_html(profile))
    if as_json:
        print_json({"output": str(saved), "profile": page, **result.to_dict()})
    else:
        show(result, saved, page)


def _phases(
    freeze_until: str, lr_backbone: str, lr_head: str, head: str | None, epochs: str
) -> tuple[list[TransferConfig], list[int]]:
    """Return a config and a number of epochs for each phase; one value is given to all of them."""
    from spikeport.transfer import TransferConfig

    columns: dict[str, list[Any]] = {
        "--freeze-until": [_layer(part) for part in freeze_until.split(",")],
        "--lr-backbone": _numbers("--lr-backbone", lr_backbone, float),
        "--lr-head": _numbers("--lr-head", lr_head, float),
        "--epochs": _numbers("--epochs", epochs, int),
    }
    count = max(map(len, columns.values()))
    for name, values in columns.items():
        if len(values) not in (1, count):
            fail(f"{name} has {len(values)} values for {count} phases: give one, or one for each phase")
    rows = [[values[k % len(values)] for values in columns.values()] for k in range(count)]
    return [TransferConfig(row[0], row[1], row[2], head) for row in rows], [row[3] for row in rows]


def _layer(text: str) -> int | str:
    """Return an index where the text is a whole number, else a name."""
    return int(text) if text.strip().lstrip("-").isdecimal() else text.strip()


def _numbers(name: str, text: str, kind: Callable[[str], Any]) -> list[Any]:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        wanted = "a number" if kind is float else "a whole number"
        fail(f"{name} {text!r} is not {wanted}, or several with commas between")


def _labelled(samples: Path, labels: Path | None) -> tuple[Any, Any]:
    from spikeport.cli.arrays import load_labels, load_samples

    x, found = load_samples(samples)
    if labels is not None and found is not None:
        fail(f"{samples} holds labels as y, and --labels gives others: leave one of them off")
    if labels is None and found is None:
        fail(f"{samples} holds no labels: give --labels FILE.npy, or a .npz with samples as x and their classes as y")
    return x, found if labels is None else load_labels(labels)


def _validation(given: str) -> Any:
    from spikeport.cli.arrays import load_samples

    try:
        return float(given)
    except ValueError:
        pass
    x, labels = load_samples(Path(given))
    if labels is None:
        fail(f"{given} holds no labels: --validation wants a share, or a .npz with samples as x and their classes as y")
    return x, labels
