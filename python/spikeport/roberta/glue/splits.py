"""The sentences of a run, by split, from the hub, a GLUE folder or files; and their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import PretrainedConfig

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.tasks import Task
from spikeport.roberta.glue.arguments import DataArguments
from spikeport.roberta.glue.data import Row, find_files, read_examples

HUB_DATASET = "nyu-mll/glue"


def load_splits(arguments: DataArguments, task: Task) -> dict[str, list[Row]]:
    """Return the rows of train, validation, test and, for MNLI, their mismatched halves, as far as they are given.

    Raises
    ------
    RobertaError
        ``data``: files that cannot be read, or a hub that cannot be reached.
    """
    files = {
        "train": arguments.train_file,
        "validation": arguments.validation_file,
        "validation_mismatched": arguments.validation_mismatched_file,
        "test": arguments.test_file,
    }
    if arguments.data_dir:
        splits = {name: read_examples(path, task) for name, path in find_files(arguments.data_dir).items()}
    elif any(files.values()):
        splits = {name: read_examples(path, task) for name, path in files.items() if path}
    else:
        splits = _from_hub(task)
    limits = {
        "train": arguments.max_train_samples,
        "validation": arguments.max_eval_samples,
        "test": arguments.max_predict_samples,
    }
    return {name: rows[: limits.get(name.partition("_")[0])] for name, rows in splits.items()}


def need(splits: dict[str, list[Row]], split: str, why: str, *, labelled: bool = False) -> list[Row]:
    """Return the rows of ``split``.

    Raises
    ------
    RobertaError
        ``data``: there are none, or, where they have to be ``labelled``, some have no label; ``why`` says what needs
        them.
    """
    if not splits.get(split):
        raise RobertaError("data", f"{why} needs {split} examples: give --{split}_file or a --data_dir that has them")
    if labelled and (bare := sum(row["label"] == -1 for row in splits[split])):
        raise RobertaError("data", f"{why} needs labels, and {bare} of {len(splits[split])} {split} examples have none")
    return splits[split]


def tokenise(
    tokenizer: Any, rows: Sequence[Row], task: Task, max_length: int, label_order: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """Return ``input_ids``, ``attention_mask`` and ``labels`` of every row, without padding.

    ``label_order`` maps the task's class numbers to the model's.

    Raises
    ------
    RobertaError
        ``arguments``: ``max_length`` leaves no room for a word beside the special tokens.
    """
    special = tokenizer.num_special_tokens_to_add(len(task.sentences) > 1)
    if max_length <= special:
        reason = f"{max_length} tokens leave no room for words beside {special} special ones: raise --max_seq_length"
        raise RobertaError("arguments", reason)
    columns = [[row[column] for row in rows] for column in task.sentences]
    encoded = tokenizer(*columns, truncation=True, max_length=max_length)
    labels = [row["label"] for row in rows]
    if label_order is not None:
        labels = [label if label < 0 else label_order[label] for label in labels]
    return [
        {"input_ids": ids, "attention_mask": mask, "labels": label}
        for ids, mask, label in zip(encoded["input_ids"], encoded["attention_mask"], labels, strict=True)
    ]


def count_cut(tokenizer: Any, rows: Sequence[Row], task: Task, max_length: int) -> int:
    """Return how many examples have more than ``max_length`` tokens."""
    columns = [[row[column] for row in rows] for column in task.sentences]
    encoded = tokenizer(*columns, truncation=False, verbose=False)
    return sum(len(ids) > max_length for ids in encoded["input_ids"])


def label_order(config: PretrainedConfig, task: Task) -> list[int] | None:
    """Return the model's number of each of the task's classes, or None where the model does not name them so."""
    named = {str(name).lower(): int(number) for name, number in (config.label2id or {}).items()}
    if task.is_regression or set(named) != set(task.labels):
        return None
    return [named[name] for name in task.labels]


def _from_hub(task: Task) -> dict[str, list[Row]]:
    from datasets import load_dataset

    try:
        found = load_dataset(HUB_DATASET, task.name)
    except Exception as error:
        raise RobertaError(
            "data",
            f"cannot load {HUB_DATASET}, {task.name}, from the hub ({type(error).__name__}: {error}): "
            "give --data_dir with a GLUE folder, or --train_file and --validation_file",
        ) from error
    names = {"validation_matched": "validation", "test_matched": "test"}
    return {names.get(split, split): list(rows) for split, rows in found.items()}
