"""The sentences of a run, by split, from the hub, a data set, a GLUE folder or files; and their tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.tasks import Task
from spikeport.roberta.glue.arguments import DataArguments, ModelArguments
from spikeport.roberta.glue.data import Row, as_examples, find_files, read_rows
from spikeport.roberta.glue.hub import reached_once
from spikeport.roberta.glue.own_task import read_own_task

HUB_DATASET = "nyu-mll/glue"


def load_splits(
    arguments: DataArguments, model: ModelArguments, task: Task | None, config: PretrainedConfig
) -> tuple[Task, dict[str, list[Row]]]:
    """Return the task, and the rows of train, validation, test and, for MNLI, their mismatched halves, as far as given.

    Without a ``task`` it is what the data say, and ``config``, the model's.

    Raises
    ------
    RobertaError
        ``data``: files that cannot be read, a hub that cannot be reached, or rows without what the task needs.
    """
    files = {
        "train": arguments.train_file,
        "validation": arguments.validation_file,
        "validation_mismatched": arguments.validation_mismatched_file,
        "test": arguments.test_file,
    }
    names: list[str] | None = None
    if arguments.data_dir or any(files.values()):
        paths = find_files(arguments.data_dir) if arguments.data_dir else {k: v for k, v in files.items() if v}
        rows = {split: read_rows(path, task) for split, path in paths.items()}
        places = {split: str(path) for split, path in paths.items()}
    else:
        found = _load_dataset(arguments, model, task)
        rows, names = _rows_and_classes(found)
        places = {split: f"{arguments.dataset_name or HUB_DATASET}, {split}" for split in rows}
    if task is None:
        task, splits = read_own_task(rows, config, names)
    else:
        splits = {split: as_examples(places[split], rows[split], task) for split in rows}
    limits = {
        "train": arguments.max_train_samples,
        "validation": arguments.max_eval_samples,
        "test": arguments.max_predict_samples,
    }
    return task, {name: rows[: limits.get(name.partition("_")[0])] for name, rows in splits.items()}


def need(splits: dict[str, list[Row]], split: str, why: str, labelled: Task | None = None) -> list[Row]:
    """Return the rows of ``split``.

    Raises
    ------
    RobertaError
        ``data``: there are none, or, where they have to be ``labelled`` for a task, some have no label; ``why`` says
        what needs them.
    """
    if not splits.get(split):
        had = ", ".join(splits)
        reason = f"{why} needs {split} examples, and there are those of {had}"
        raise RobertaError("data", f"{reason}: give --{split}_file, or a --data_dir or --dataset_name that has them")
    if labelled and (bare := sum(labelled.lacks(row["label"]) for row in splits[split])):
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


def _load_dataset(arguments: DataArguments, model: ModelArguments, task: Task | None) -> Mapping[str, Any]:
    """Return the data set that is named, or the hub's GLUE, by split."""
    from datasets import Dataset, load_dataset

    name = arguments.dataset_name or HUB_DATASET
    configuration = arguments.dataset_config_name if arguments.dataset_name else task and task.name
    try:
        with reached_once(name):
            found = load_dataset(
                name, configuration, cache_dir=arguments.data_cache_dir or model.cache_dir, token=model.hub_token
            )
    except Exception as error:
        called = f"{name}, {configuration}" if configuration else name
        raise RobertaError(
            "data",
            f"cannot load {called} ({type(error).__name__}: {error}): give a folder or another name, --data_dir with a "
            "GLUE folder, or --train_file and --validation_file",
        ) from error
    return {"train": found} if isinstance(found, Dataset) else found


def _rows_and_classes(found: Mapping[str, Any]) -> tuple[dict[str, list[Row]], list[str] | None]:
    """Return the rows of a data set by split, labels as the names of their classes, and these names if it has any."""
    renamed = {"validation_matched": "validation", "test_matched": "test"}
    rows, names = {}, None
    for split, table in found.items():
        rows[renamed.get(split, split)] = examples = [dict(row) for row in table]
        own = getattr(table.features.get("label"), "names", None)
        if own:
            names = list(own)
            for row in examples:
                number = row["label"]
                row["label"] = None if number is None or number < 0 else own[number]
    return rows, names
