"""The GLUE program's arguments: its own, Hugging Face's `TrainingArguments`, and older spellings of both."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import HfArgumentParser, TrainingArguments
from transformers.integrations.integration_utils import get_reporting_integration_callbacks

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.glue.notices import say
from spikeport.roberta.glue.spellings import current_names, current_words

USAGE = "spikeport glue --model_name_or_path MODEL --task_name TASK --output_dir FOLDER [flags; --help lists them]"
PRECISIONS = ["float32", "float64"]
COUNTS = (
    ("snn_timesteps", "snn_eval_samples", "calibration_batches"),
    ("max_seq_length", "max_train_samples", "max_eval_samples", "max_predict_samples"),
    ("per_device_train_batch_size", "per_device_eval_batch_size"),
)
"""Arguments that are whole numbers above 0, of the model, the data and the training."""


def _option(default: Any, explanation: str) -> Any:
    return field(default=default, metadata={"help": explanation})


@dataclass
class ModelArguments:
    """Which model, and what is done to it."""

    model_name_or_path: str = _option("", "Hub id or folder of a RoBERTa for sequence classification.")
    transform_config: str | None = _option(None, "YAML of the SNN transform, or 'default' for the one shipped.")
    model_weights_path: str | None = _option(None, "Folder or file of fine-tuned weights to load after the transform.")
    convert_to_snn: bool = _option(False, "Convert to the spiking network, evaluate it and save it.")
    calibrate: bool = _option(True, "Take the quantisers' scales from data; with --no_calibrate they start at 1.0.")
    calibration_batches: int = _option(20, "Batches that calibration looks at.")
    relufy: bool = _option(False, "Swap another activation for ReLU before fine-tuning (needs --do_train).")
    distillation: bool = _option(False, "Train the quantised network on the float one's logits, not on the labels.")
    explain: bool = _option(False, "Print which module becomes what, and stop.")
    snn_timesteps: int | None = _option(None, "Steps the spiking network takes at most; by default until it settles.")
    snn_eval_samples: int | None = _option(None, "Samples the spiking network is evaluated on; by default all.")
    snn_dtype: str = field(
        default="float32",
        metadata={"help": "Precision of the spiking evaluation.", "choices": PRECISIONS},
    )
    snn_compile: bool = _option(False, "Fuse the spiking neurons' loop over steps with torch.compile.")
    config_name: str | None = _option(None, "Hub id or folder of the config, if not the model's.")
    tokenizer_name: str | None = _option(None, "Hub id or folder of the tokenizer, if not the model's.")
    model_revision: str = _option("main", "Branch, tag or commit of the model on the hub.")
    cache_dir: str | None = _option(None, "Where models and data from the hub are kept.")
    token: str | None = _option(
        None, "Token for the hub, if not that of `hf auth login` ('true'), or 'false' for none."
    )
    ignore_mismatched_sizes: bool = _option(False, "Start the head anew where it has another number of classes.")

    @property
    def hub_token(self) -> str | bool | None:
        """Return the token as the hub's client takes it: True and False are words of its own."""
        return {"true": True, "false": False}.get(str(self.token).lower(), self.token)


@dataclass
class DataArguments:
    """Which sentences."""

    task_name: str = _option(
        "", "cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb or wnli; without it, what the data say (see the guide)."
    )
    dataset_name: str | None = _option(None, "Data set on the hub, or a folder of files that `datasets` reads.")
    dataset_config_name: str | None = _option(None, "Configuration of the data set.")
    data_cache_dir: str | None = _option(None, "Where data from the hub are kept, if not in cache_dir.")
    data_dir: str | None = _option(None, "GLUE folder with train.tsv, dev.tsv, test.tsv; by default the hub's GLUE.")
    train_file: str | None = _option(None, "Training examples: tsv, csv, json or 'label text' lines.")
    validation_file: str | None = _option(None, "Validation examples, in one of the same formats.")
    validation_mismatched_file: str | None = _option(None, "MNLI's mismatched validation examples.")
    test_file: str | None = _option(None, "Examples to predict, in one of the same formats.")
    max_seq_length: int = _option(128, "Tokens of an example at most; longer ones are cut.")
    pad_to_max_length: bool = _option(False, "Pad every batch to max_seq_length, and not to its longest example.")
    max_train_samples: int | None = _option(None, "Use the first so many training examples.")
    max_eval_samples: int | None = _option(None, "Use the first so many validation examples.")
    max_predict_samples: int | None = _option(None, "Use the first so many examples to predict.")
    overwrite_output_dir: bool = _option(False, "Train even though output_dir is not empty.")
    tensorboard_logging_dir: str | None = _option(None, "Where --report_to tensorboard writes, if not in output_dir.")
    wandb_tags: list[str] | None = field(
        default=None, metadata={"help": "Tags of the run that --report_to wandb makes."}
    )


Arguments = tuple[ModelArguments, DataArguments, TrainingArguments]


def parse_arguments(arguments: Sequence[str]) -> Arguments:
    """Parse command-line flags, or a single path of a JSON file with the same names.

    Raises
    ------
    RobertaError
        ``arguments``: no model or task, a JSON file that is none, or flags that do not go together.
    """
    kinds: Any = (ModelArguments, DataArguments, TrainingArguments)
    parser = HfArgumentParser(kinds, prog="spikeport glue", usage=USAGE, allow_abbrev=False)
    known = _known_names()
    found: Any
    try:
        if len(arguments) == 1 and arguments[0].endswith(".json"):
            current = current_names(_read_json(Path(arguments[0])), known)
            if foreign := [name for name in current if name not in known]:
                raise _unknown(foreign[0])
            found = parser.parse_dict(current)
        else:
            # HfArgumentParser would look for flags in a file beside the program: only what is given counts.
            *found, unknown = parser.parse_args_into_dataclasses(
                current_words(list(arguments), known),
                return_remaining_strings=True,
                look_for_args_file=False,
            )
            if unknown:
                raise _unknown(unknown[0])
    except RobertaError:
        raise
    except (TypeError, ValueError) as error:  # TrainingArguments', about flags that do not go together
        raise RobertaError("arguments", str(error)) from None
    model, data, training = found
    if not torch.cuda.is_available():
        training.dataloader_pin_memory = False  # there is nothing to pin for, and torch warns
    _check(model, data, training)
    return model, data, training


def _check(model: ModelArguments, data: DataArguments, training: TrainingArguments) -> None:
    def refuse(reason: str) -> None:
        raise RobertaError("arguments", reason)

    if not model.model_name_or_path:
        refuse("--model_name_or_path is missing: give a hub id or a folder")
    sources = (data.data_dir, data.dataset_name, data.train_file, data.validation_file, data.test_file)
    if not data.task_name and not any(sources) and not model.explain:
        refuse("--task_name is missing: give one of GLUE's nine tasks, or --dataset_name or files of your own")
    for group, names in zip((model, data, training), COUNTS, strict=True):
        for name in names:
            value = getattr(group, name)
            if value is not None and value < 1:
                refuse(f"--{name} must be at least 1, not {value}")
    if model.snn_dtype not in PRECISIONS:
        refuse(f"--snn_dtype is one of {', '.join(PRECISIONS)}, not {model.snn_dtype}")
    if training.fsdp and training.world_size == 1:
        refuse("--fsdp shards over processes, and there is one: start them with torchrun, or leave it out")
    if model.explain:
        return
    if model.relufy and not training.do_train:
        refuse("--relufy swaps the activation, after which the model is wrong until fine-tuned: add --do_train")
    if model.distillation and not (training.do_train and model.transform_config):
        refuse("--distillation trains a quantised network on its float one: add --do_train and --transform_config")
    if not (training.do_train or training.do_eval or training.do_predict or model.convert_to_snn):
        refuse("nothing to do: give --do_train, --do_eval, --do_predict or --convert_to_snn")
    if sum(map(bool, (data.data_dir, data.dataset_name, any(sources[2:])))) > 1:
        refuse("give one of --data_dir, --dataset_name and files, not several")
    if data.dataset_config_name and not data.dataset_name:
        refuse("--dataset_config_name is a configuration of --dataset_name, which is missing")
    if training.fp16 and training.device.type == "cpu":
        say("--fp16 is for accelerators: on this CPU everything is computed in single precision (--bf16 is half)")
    _check_reports(data, training)


def _check_reports(data: DataArguments, training: TrainingArguments) -> None:
    """Raise `RobertaError` where ``--report_to`` names something that is unknown or not installed.

    Where it does not name what another flag is for, that is said.
    """
    named: Any = training.report_to
    for flag, value, reporter in (
        ("tensorboard_logging_dir", data.tensorboard_logging_dir, "tensorboard"),
        ("wandb_tags", data.wandb_tags, "wandb"),
    ):
        if value and reporter not in named:
            say(f"--{flag} does nothing without --report_to {reporter}")
    try:
        for integration in get_reporting_integration_callbacks(named):  # type: ignore[no-untyped-call]
            integration()
    except (ImportError, RuntimeError, ValueError) as error:
        raise RobertaError("arguments", f"--report_to {' '.join(named)}: {error}") from error


def _known_names() -> set[str]:
    return {f.name for kind in (ModelArguments, DataArguments, TrainingArguments) for f in dataclasses.fields(kind)}


def _unknown(given: str) -> RobertaError:
    name = given.lstrip("-").partition("=")[0]
    near = difflib.get_close_matches(name, _known_names(), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return RobertaError("arguments", f"there is no argument {given!r}{hint}")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RobertaError("arguments", f"{path} is not a file") from None
    except ValueError as error:  # JSON's and UTF-8's
        raise RobertaError("arguments", f"{path} is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise RobertaError("arguments", f"{path} must hold one object of argument names and values")
    return data
