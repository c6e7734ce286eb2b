"""The GLUE program: fine-tune, evaluate, predict and convert a RoBERTa. ``spikeport glue`` runs it.

Five modes, chosen by flags: fine-tuning with the transform (``--transform_config --do_train``), evaluation right
after the transform, evaluation of fine-tuned weights (``--model_weights_path``), the spiking network
(``--convert_to_snn``), and the baseline (no ``--transform_config``). Runs as it is under ``torchrun`` and
``accelerate launch``.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor
from transformers import DataCollatorWithPadding, EvalPrediction, Trainer, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from spikeport.errors import SpikeportError
from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.tasks import Task, compute_metrics, get_task
from spikeport.roberta.glue.arguments import Arguments, DataArguments, ModelArguments, parse_arguments
from spikeport.roberta.glue.distillation import DistillationTrainer, load_teacher
from spikeport.roberta.glue.model_card import write_model_card
from spikeport.roberta.glue.model_loading import (
    calibrate_on,
    label_order,
    load_config,
    load_model,
    load_tokenizer,
    load_transform,
)
from spikeport.roberta.glue.notices import reporters_told, say
from spikeport.roberta.glue.process_group import process_group_ended_at_exit
from spikeport.roberta.glue.sharding import check_sharding, evaluate_in_single, shard_by_layer
from spikeport.roberta.glue.spiking_stage import run_spiking_stage
from spikeport.roberta.glue.splits import count_cut, load_splits, need, tokenise
from spikeport.roberta.network.explanation import explain
from spikeport.roberta.network.quantised import QuantisedRobertaConfig, QuantisedRobertaForSequenceClassification

MANY_LEVELS = 256
"""From here on a level is said aloud: neurons climb one level a step."""


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the program on command-line ``arguments`` (by default those of the process) and return all metrics.

    Raises
    ------
    RobertaError
        Anything that a user can put right; nothing has been written by then.
    """
    shard_by_layer()
    with process_group_ended_at_exit():
        parsed = parse_arguments(sys.argv[1:] if arguments is None else arguments)
        with reporters_told(parsed[1].tensorboard_logging_dir, parsed[1].wandb_tags):
            return run(parsed)


def run(arguments: Arguments) -> dict[str, Any]:
    """Run the program on parsed arguments and return all metrics, as ``all_results.json`` has them."""
    model_args, data_args, training = arguments
    named = get_task(data_args.task_name) if data_args.task_name else None
    if model_args.explain:
        return {"explain": [vars(row) for row in explain(load_config(model_args, named), load_transform(model_args))]}
    transform = load_transform(model_args)
    _check_output(data_args, training)
    if Path(str(training.output_dir)).name == "trainer_output":
        say("without --output_dir everything is written into the folder trainer_output")
    if (
        transform is not None
        and (most := max((rule.level for rule in transform.quantisation), default=0)) >= MANY_LEVELS
    ):
        say(f"level {most} quantises hardly at all, and the spiking network takes at least as many steps")
    set_seed(training.seed)
    config = load_config(model_args, named)
    tokenizer = load_tokenizer(model_args, config)
    task, splits = load_splits(data_args, model_args, named, config)
    if named is None:
        config = load_config(model_args, task)
    model = load_model(model_args, config, transform)
    quantised = model if isinstance(model, QuantisedRobertaForSequenceClassification) else None
    if model_args.convert_to_snn:
        if quantised is None:
            raise RobertaError("arguments", "--convert_to_snn needs --transform_config ('default' for the one shipped)")
        explain(config, quantised.transform)  # raises what the conversion would raise after all the work

    order = label_order(config, task)
    # RoBERTa counts positions from behind the padding's number.
    length = min(data_args.max_seq_length, config.max_position_embeddings - (config.pad_token_id or 0) - 1)
    if training.do_train:
        need(splits, "train", "--do_train", None if model_args.distillation else task)
    if training.do_eval:
        need(splits, "validation", "--do_eval", task)
    if training.do_predict:
        need(splits, "test", "--do_predict")
    if model_args.convert_to_snn:
        need(splits, "validation", "--convert_to_snn")
    tokens = {name: tokenise(tokenizer, rows, task, length, order) for name, rows in splits.items()}
    for name, rows in splits.items():
        if cut := count_cut(tokenizer, rows, task, length):
            say(f"{cut} of {len(rows)} {name} examples are longer than {length} tokens, and are cut")
    if length < data_args.max_seq_length:
        data_args.max_seq_length = length  # what the model has positions for; the card says it

    make_trainer: Callable[..., Trainer] = Trainer
    if model_args.distillation:
        make_trainer = functools.partial(DistillationTrainer, teacher=load_teacher(model_args, task))
    trainer = make_trainer(
        model=model,
        args=training,
        train_dataset=tokens["train"] if training.do_train else None,
        eval_dataset=tokens["validation"] if training.do_eval else None,
        data_collator=_collator(tokenizer, data_args, length),
        compute_metrics=lambda prediction: _metrics(task, prediction),
        processing_class=tokenizer,
    )
    # RoBERTa's loss is a mean over the sentences and takes no count of items, which Trainer infers it does: it would
    # multiply the loss by the number of processes and not divide it by the accumulation steps.
    trainer.model_accepts_loss_kwargs = False
    check_sharding(trainer)
    evaluate_in_single(trainer)
    summary: dict[str, Any] = {}
    has_scales = isinstance(config, QuantisedRobertaConfig) or model_args.model_weights_path
    if quantised is not None and model_args.calibrate and not (has_scales or training.resume_from_checkpoint):
        summary |= _calibrate(quantised, model_args, training, tokens)
    if training.do_train:
        summary |= _train(trainer, training, len(tokens["train"]))
    exact = _exact_weights(trainer) if model_args.convert_to_snn else None
    if training.do_eval:
        summary |= _evaluate(trainer, tokens)
    if training.do_predict:
        _predict(trainer, tokens, task, order)
    if model_args.convert_to_snn:
        evaluated = {name: rows for name, rows in tokens.items() if name.startswith("validation")}
        summary |= run_spiking_stage(trainer, model_args, evaluated, task, exact)
    if trainer.is_world_process_zero():
        folder = Path(str(training.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        trainer.save_metrics("all", summary, combined=False)
        write_model_card(folder, model_args, data_args, task, summary, quantised=quantised is not None)
    return summary


def _check_output(data_args: DataArguments, training: TrainingArguments) -> None:
    folder = Path(str(training.output_dir))
    if folder.exists() and not folder.is_dir():
        raise RobertaError("output", f"output_dir {folder} is a file")
    occupied = folder.is_dir() and any(folder.iterdir())
    if training.resume_from_checkpoint:
        training.resume_from_checkpoint = _checkpoint(folder, training.resume_from_checkpoint)
    if training.do_train and occupied and not (data_args.overwrite_output_dir or training.resume_from_checkpoint):
        raise RobertaError(
            "output",
            f"output_dir {folder} is not empty: give --overwrite_output_dir, --resume_from_checkpoint or another",
        )


def _checkpoint(output: Path, given: str) -> str:
    """Return the folder of the checkpoint to go on from; "True" stands for the last one in ``output``."""
    last = given.lower() == "true"
    folder: str | None = given
    if last:
        folder = get_last_checkpoint(str(output)) if output.is_dir() else None  # type: ignore[no-untyped-call]
    if folder is None or not (Path(folder) / "trainer_state.json").is_file():
        where = f"{output} holds no checkpoint" if last else f"{given} is not a checkpoint"
        raise RobertaError("output", f"--resume_from_checkpoint: {where}: give a checkpoint-* folder of a training")
    return folder


def _collator(tokenizer: Any, data_args: DataArguments, length: int) -> DataCollatorWithPadding:
    if data_args.pad_to_max_length:
        return DataCollatorWithPadding(tokenizer, padding="max_length", max_length=length)
    return DataCollatorWithPadding(tokenizer)


def _metrics(task: Task, prediction: EvalPrediction) -> dict[str, float]:
    logits = prediction.predictions
    return compute_metrics(task, logits[0] if isinstance(logits, tuple) else logits, np.asarray(prediction.label_ids))


def _train(trainer: Trainer, training: TrainingArguments, samples: int) -> dict[str, Any]:
    result = trainer.train(resume_from_checkpoint=training.resume_from_checkpoint)
    trainer.save_model()
    trainer.save_state()
    metrics = {**result.metrics, "train_samples": samples}
    trainer.log_metrics("train", metrics)
    trainer.save_metrics("train", metrics, combined=False)
    return metrics


def _evaluate(trainer: Trainer, tokens: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    metrics: dict[str, Any] = trainer.evaluate(tokens["validation"])  # type: ignore[arg-type]
    metrics["eval_samples"] = len(tokens["validation"])
    if mismatched := tokens.get("validation_mismatched"):
        other = trainer.evaluate(mismatched)  # type: ignore[arg-type]
        metrics |= {f"{name}_mm": value for name, value in other.items() if name != "epoch"}
        metrics["eval_samples_mm"] = len(mismatched)
    trainer.log_metrics("eval", metrics)
    trainer.save_metrics("eval", metrics, combined=False)
    return metrics


def _calibrate(
    quantised: QuantisedRobertaForSequenceClassification,
    model_args: ModelArguments,
    training: TrainingArguments,
    tokens: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    """Set the scales from training sentences, or, where there are none, from those of the evaluation, and say so."""
    split = "train" if tokens.get("train") else "validation"
    samples = tokens.get("train") or need(tokens, split, "calibration (or --no_calibrate)")
    batches, size = model_args.calibration_batches, training.per_device_train_batch_size
    scales, sample = calibrate_on(quantised, samples, batches, size, training.seed)
    origin = f"{sample.count} {split} sentences"
    if len(sample) < sample.count:
        origin = f"{len(sample)} of {origin}, as many as are run at once"
    if split == "validation":
        origin += ", which are the evaluation's own"
    say(f"scales calibrated on {origin}" + ("" if split == "train" else ": give --train_file for figures to quote"))
    return {"calibrated_scales": len(scales), "calibrated_on": origin}


def _exact_weights(trainer: Trainer) -> dict[str, Tensor] | None:
    """Return a copy of the weights where Trainer's evaluation would round them in place, and None elsewhere."""
    if not (trainer.args.fp16_full_eval or trainer.args.bf16_full_eval):
        return None
    network: Any = trainer.accelerator.unwrap_model(trainer.model)
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _predict(
    trainer: Trainer, tokens: dict[str, list[dict[str, Any]]], task: Task, order: Sequence[int] | None
) -> None:
    """Write ``predict_results_<task>.txt``: a header, then the number of each example and its class or score."""
    for split, name in (("test", task.name), ("test_mismatched", f"{task.name}-mm")):
        if split not in tokens:
            continue
        unlabelled = [{k: v for k, v in row.items() if k != "labels"} for row in tokens[split]]
        for argument, ungrouped in (("train_sampling_strategy", "random"), ("group_by_length", False)):
            if hasattr(trainer.args, argument):  # else the answers would come in the order of the lengths
                setattr(trainer.args, argument, ungrouped)
        logits = np.asarray(trainer.predict(unlabelled).predictions)  # type: ignore[arg-type]
        if not trainer.is_world_process_zero():
            continue
        if task.is_regression:
            answers = [f"{value:.3f}" for value in logits[:, 0]]
        else:
            numbers = list(order) if order is not None else list(range(len(task.labels)))
            answers = [task.labels[numbers.index(int(number))] for number in logits.argmax(1)]
        lines = ["index\tprediction", *(f"{index}\t{answer}" for index, answer in enumerate(answers))]
        folder = Path(str(trainer.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"predict_results_{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def command(words: Sequence[str]) -> None:
    """Run the program as a command: ``--json`` prints the metrics, everything else then goes to standard error."""
    as_json = "--json" in words
    arguments = [word for word in words if word != "--json"] or ["--help"]
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        figures = main(arguments)
    if int(os.environ.get("RANK", "0")) != 0:
        return
    if as_json:
        print(json.dumps(figures, indent=2))
    elif "explain" in figures:
        _print_explanation(figures["explain"])


def _print_explanation(rows: Sequence[dict[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("module", "is", "quantised", "spiking", title="what the transform does")
    for row in rows:
        table.add_row(row["name"], row["original"], row["quantised"], row["spiking"])
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    try:
        command(sys.argv[1:])
    except (SpikeportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
