"""A task of one's own: what the data themselves say of sentences, classes and scores, where no task is named.

- Sentences: the columns ``sentence1`` and ``sentence2``; else ``sentence``; else the first two that are not ``label``,
  or the only one.
- Classes: those of the training examples' ``label``, numbers in their order and names in that of the alphabet. Where
  nothing is trained, the model's own classes count if the labels are among them, by name or by number.
- A ``label`` column of numbers, some of which have a fraction (or a point), is a score: regression.

Examples of the other splits may be without a label: empty, or -1 where that is no class.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.tasks import Task, own_task
from spikeport.roberta.glue.data import Row
from spikeport.roberta.glue.notices import say

LABEL = "label"
WHOLE, FRACTION = re.compile(r"-?\d+"), re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
NAMED = 8
"""How many classes are named aloud."""


def read_own_task(
    splits: Mapping[str, list[Row]], config: PretrainedConfig, names: Sequence[str] | None = None
) -> tuple[Task, dict[str, list[Row]]]:
    """Return the task that ``splits`` are examples of, and the examples with its columns and labels' numbers.

    Parameters
    ----------
    splits : rows as they were read, with all columns, by split; not empty
    config : the model's, with its number of classes and their names
    names : the classes, where the data set names them

    Raises
    ------
    RobertaError
        ``data``: no column to read, one that another split lacks, a single class, or a label that is none of them.
    """
    first = "train" if "train" in splits else next(iter(splits))
    sentences = _sentences(first, splits[first])
    given = {split: _values(split, rows) for split, rows in splits.items()}
    classes = _classes(given, config) if names is None else tuple(names)
    task = own_task(sentences, classes)
    said = f"{len(classes)} classes, {_listed(classes)}" if classes else "a score"
    say(f"no task is named: taken as {task.name} of {' and '.join(map(repr, sentences))}, {said}")
    examples = {}
    for split, rows in splits.items():
        examples[split] = [
            {**_texts(split, number, row, sentences), LABEL: _label(split, number, value, task, config)}
            for number, (row, value) in enumerate(zip(rows, given[split], strict=True), start=1)
        ]
    return task, examples


def _sentences(split: str, rows: Sequence[Row]) -> tuple[str, ...]:
    columns = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in (LABEL, None)]
    for wanted in (("sentence1", "sentence2"), ("sentence",)):
        if set(wanted) <= set(columns):
            return wanted
    if not columns:
        raise RobertaError("data", f"the {split} examples have no column beside {LABEL!r}: give one with the text")
    return tuple(columns[:2])


def _texts(split: str, number: int, row: Row, sentences: Sequence[str]) -> Row:
    for column in sentences:
        if row.get(column) is None:
            had = ", ".join(map(repr, row))
            raise RobertaError("data", f"{split} example {number} has no {column!r}, as others have, but {had}")
    return {column: str(row[column]) for column in sentences}


def _values(split: str, rows: Sequence[Row]) -> list[Any]:
    """Return the labels as numbers or text, None for none; a column of text that is all numbers is one of numbers."""
    given = [row.get(LABEL) for row in rows]
    given = [None if value is None or value == "" else value for value in given]
    if odd := [value for value in given if not isinstance(value, str | int | float | None)]:
        raise RobertaError("data", f"{split} label {odd[0]!r} is not one number or name: give one class an example")
    texts = [value for value in given if value is not None]
    if not all(isinstance(text, str) for text in texts):
        return given
    for pattern, kind in ((WHOLE, int), (FRACTION, float)):
        if all(pattern.fullmatch(text.strip()) for text in texts):
            return [None if value is None else kind(value) for value in given]
    return given


def _classes(given: Mapping[str, list[Any]], config: PretrainedConfig) -> tuple[str, ...]:
    trained = [value for value in given.get("train", []) if value is not None]
    values = trained or [value for split in given.values() for value in split if value not in (None, -1)]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if not trained:
        if config.num_labels == 1 and numbers:
            return ()
        own = _own_classes(config)
        if all(_number_of(value, own, by_number=True) is not None for value in values):
            return own
    if numbers and any(isinstance(value, float) for value in values):
        return ()
    found = sorted(set(values)) if numbers else sorted({_text(value) for value in values})
    if len(found) < 2:
        raise RobertaError("data", f"every label is {found[0]!r}: a classifier needs two classes at least")
    return tuple(map(_text, found))


def _label(split: str, number: int, value: Any, task: Task, config: PretrainedConfig) -> int | float:
    if value is None:
        return math.nan if task.is_regression else -1
    if task.is_regression:
        if isinstance(value, int | float) and math.isfinite(value):
            return float(value)
        raise RobertaError("data", f"{split} example {number}: label {value!r} is not a finite number, as others are")
    found = _number_of(value, task.labels, by_number=task.labels == _own_classes(config))
    if found is not None:
        return found
    if value == -1 and split != "train":
        return -1
    hint = ": give --train_file with all classes" if split != "train" else ""
    raise RobertaError("data", f"{split} example {number}: label {value!r} is not one of {_listed(task.labels)}{hint}")


def _own_classes(config: Any) -> tuple[str, ...]:
    """Return the model's names of its classes, or their numbers where it has no names for them."""
    names = [str(config.id2label[number]) for number in range(config.num_labels)]
    plain = all(name == f"LABEL_{number}" for number, name in enumerate(names))
    return tuple(map(str, range(len(names)))) if plain else tuple(names)


def _number_of(value: Any, classes: Sequence[str], *, by_number: bool) -> int | None:
    """Return the number of the class that ``value`` names, in any case if need be; None if there is no such class.

    ``by_number``: a whole number that is no name may be a class's number.
    """
    text = _text(value)
    if text in classes:
        return classes.index(text)
    folded = [name.lower() for name in classes]
    if folded.count(text.lower()) == 1:
        return folded.index(text.lower())
    numeric = isinstance(value, int) and not isinstance(value, bool) and value in range(len(classes))
    return value if by_number and numeric and not any(map(WHOLE.fullmatch, classes)) else None


def _text(value: Any) -> str:
    return str(value).strip()


def _listed(classes: Sequence[str]) -> str:
    return ", ".join(classes[:NAMED]) + (", …" if len(classes) > NAMED else "")
