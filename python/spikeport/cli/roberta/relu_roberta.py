"""``spikeport relu-roberta``: train a tokenizer and a small ReLU RoBERTa on local text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikeport.cli.app import app, console, messages, print_json


@app.command("relu-roberta")
def relu_roberta(
    train_file: Annotated[Path, typer.Option(help="Labelled sentences: tsv, csv, json or 'label text' lines.")],
    output_dir: Annotated[Path, typer.Option(help="Where tokenizer and model are written.")],
    validation_file: Annotated[Path | None, typer.Option(help="Measured on after every epoch.")] = None,
    task_name: Annotated[str, typer.Option(help="The GLUE task whose columns and classes the files have.")] = "sst2",
    layers: Annotated[int, typer.Option(help="Layers of the encoder.")] = 2,
    hidden: Annotated[int, typer.Option(help="Width of the encoder.")] = 128,
    heads: Annotated[int, typer.Option(help="Attention heads.")] = 4,
    intermediate: Annotated[int, typer.Option(help="Width of the ReLU layer.")] = 512,
    vocabulary: Annotated[int, typer.Option(help="Tokens of the BPE tokenizer.")] = 4000,
    max_length: Annotated[int, typer.Option(help="Tokens of an example at most.")] = 64,
    epochs: Annotated[int, typer.Option(help="Times through the training examples.")] = 8,
    batch: Annotated[int, typer.Option(help="Examples a step.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Of AdamW, at its highest.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Of weights, order and dropout.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a BPE tokenizer and a small ReLU RoBERTa from scratch on local text."""
    from spikeport.errors import MissingExtra

    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401

        from spikeport.roberta.recipe import Recipe, train_relu_roberta
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith("spikeport"):
            raise
        raise MissingExtra(error.name, "roberta", "spikeport relu-roberta") from None
    recipe = Recipe(
        vocabulary=vocabulary,
        layers=layers,
        hidden=hidden,
        heads=heads,
        intermediate=intermediate,
        max_length=max_length,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
    )

    def report(figures: dict[str, Any]) -> None:
        rest = ", ".join(f"{name} {value:.4f}" for name, value in figures.items() if name != "epoch")
        messages.print(f"epoch {figures['epoch']}: {rest}", highlight=False)

    result = train_relu_roberta(
        train_file, output_dir, validation_file=validation_file, task_name=task_name, recipe=recipe, report=report
    )
    if as_json:
        print_json(result)
        return
    console.print(
        f"{result['parameters']:,} parameters, {result['examples']:,} examples, {result['seconds']:.0f} s: {output_dir}"
    )
