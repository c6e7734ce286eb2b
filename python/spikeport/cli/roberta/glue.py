"""``spikeport glue``: fine-tune, evaluate and convert a RoBERTa on a GLUE task."""

from __future__ import annotations

import typer

from spikeport.cli.app import app


@app.command(
    "glue",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def glue(context: typer.Context) -> None:
    """Fine-tune, evaluate and convert a RoBERTa on a GLUE task: all flags by ``spikeport glue --help``.

    The flags are those of Hugging Face's run_glue, and those of the SNN transform. ``--json`` prints the metrics.
    """
    from spikeport.errors import MissingExtra

    try:
        from spikeport.roberta import run_glue
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith("spikeport"):
            raise
        raise MissingExtra(error.name, "roberta", "spikeport glue") from None
    run_glue.command(context.args)
