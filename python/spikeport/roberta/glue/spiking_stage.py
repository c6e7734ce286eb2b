"""``--convert_to_snn``: convert, evaluate over all processes, report, save."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object  # type: ignore[import-untyped]
from torch import Tensor
from tqdm.auto import tqdm  # type: ignore[import-untyped]
from transformers import Trainer

from spikeport.roberta.evaluation.evaluate import evaluate_spiking, readers_of_values
from spikeport.roberta.evaluation.evaluation_report import evaluation_table, save_evaluation
from spikeport.roberta.evaluation.tasks import Task
from spikeport.roberta.glue.arguments import ModelArguments
from spikeport.roberta.glue.model_card import write_spiking_card
from spikeport.roberta.glue.sharding import whole_network
from spikeport.roberta.network.spiking import convert_to_spiking

FOLDER = "snn"


def run_spiking_stage(
    trainer: Trainer,
    arguments: ModelArguments,
    evaluated: Mapping[str, list[dict[str, Any]]],
    task: Task,
    weights: Mapping[str, Tensor] | None = None,
) -> dict[str, Any]:
    """Convert the trainer's quantised network, evaluate the spiking one on every split given, and save it.

    Writes ``snn/`` (weights, thresholds, config, tokenizer, card: what `from_pretrained` reads), and
    ``snn_results.json``, ``snn_report.html`` and ``snn_accuracy.svg`` of each split. Returns the figures whose names
    begin with ``snn_``. Both networks are in single precision, whatever the training computed in; ``weights`` are the
    quantised network's from before an evaluation that has rounded them.
    """
    accelerator = trainer.accelerator
    quantised: Any = whole_network(trainer)
    quantised = quantised.to(torch.float32)
    if weights is not None:
        quantised.load_state_dict(weights)
    spiking = convert_to_spiking(quantised, arguments.snn_timesteps)
    first = trainer.is_world_process_zero()
    output = Path(str(trainer.args.output_dir))
    if first:
        spiking.save_pretrained(output / FOLDER)
        trainer.processing_class.save_pretrained(output / FOLDER)  # type: ignore[union-attr]
        write_spiking_card(output / FOLDER)
    dtype = getattr(torch, arguments.snn_dtype)
    quantised, spiking = quantised.to(dtype), spiking.to(dtype)
    spiking.compile_neurons(arguments.snn_compile)

    summary: dict[str, Any] = {}
    for split, samples in evaluated.items():
        chosen = samples[: arguments.snn_eval_samples]
        mine = -(-len(chosen) // accelerator.num_processes)
        with tqdm(total=mine, desc="spiking", disable=not first or trainer.args.disable_tqdm) as bar:
            evaluation = evaluate_spiking(
                spiking,
                quantised,
                chosen,
                [sample["labels"] for sample in chosen],
                task,
                batch_size=trainer.args.per_device_eval_batch_size,
                process=accelerator.process_index,
                processes=accelerator.num_processes,
                gather=gather_object if accelerator.num_processes > 1 else None,
                progress=bar.update,
            )
        suffix = "_mm" if split.endswith("_mismatched") else ""
        if first:
            save_evaluation(evaluation, output / f"{FOLDER}_mismatched" if suffix else output)
            _print(evaluation)
        summary |= {f"snn_{name}{suffix}": value for name, value in evaluation.figures["metrics"].items()}
        summary |= {
            f"snn_timesteps{suffix}": evaluation.figures["timesteps"],
            f"snn_samples{suffix}": evaluation.figures["samples"],
            f"snn_agreement{suffix}": evaluation.figures["agreement"]["predictions"],
            f"snn_largest_difference{suffix}": evaluation.figures["agreement"]["largest_difference"],
            f"snn_unsettled{suffix}": evaluation.figures["settling"]["unsettled"],
        }
    return summary


def _print(evaluation: Any) -> None:
    from rich.console import Console

    console = Console(stderr=True)
    console.print(evaluation_table(evaluation))
    console.print(str(evaluation.certificate), markup=False, highlight=False)
    if readers := readers_of_values(evaluation.figures):
        said = f"note: values and not spikes enter at every step, and cost multiply-adds: {', '.join(readers)}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
