"""Sentences and labels from files: GLUE folders, tsv, csv, JSON, and ``label text`` lines.

`read_rows` gives one dictionary an example, its columns as the file has them. `read_examples` gives the task's
sentence columns and ``label``: a class number, or -1 where the file has none, as GLUE's test files do; for regression
a float, or NaN.

- ``.json``/``.jsonl``: one object per line, or one array of objects.
- ``.csv``: commas, a header line, the usual quotes.
- tab-separated: a header line (CoLA has none), quotes are plain text, as in GLUE and in the Microsoft corpus.
- anything else: ``label text``, one example per line, as in the Stanford treebank (single-sentence tasks only).
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.tasks import Task

Row = dict[str, Any]

LABEL_COLUMNS = ("label", "Quality", "is_duplicate", "gold_label", "score", "similarity")
OTHER_NAMES = {
    "sentence": ("text",),
    "sentence1": ("#1 String",),
    "sentence2": ("#2 String",),
    "premise": ("sentence1",),
    "hypothesis": ("sentence2",),
}
COLA_COLUMNS = ("source", "label", "star", "sentence")
FOLDER_FILES = {
    "train": ("train", "msr_paraphrase_train", "stsa.binary.train"),
    "validation": ("dev", "validation", "dev_matched", "stsa.binary.dev"),
    "validation_mismatched": ("dev_mismatched", "validation_mismatched"),
    "test": ("test", "test_matched", "msr_paraphrase_test", "stsa.binary.test"),
    "test_mismatched": ("test_mismatched",),
}
SUFFIXES = (".tsv", ".csv", ".json", ".jsonl", ".txt", "")


def read_examples(path: str | Path, task: Task) -> list[Row]:
    """Return the examples of one file.

    Raises
    ------
    RobertaError
        ``data``: no such file, a column the task needs is absent, or a label that is not one of the task's; the
        message names file, line and what was expected.
    """
    return as_examples(str(path), read_rows(path, task), task)


def as_examples(source: str, rows: Sequence[Row], task: Task) -> list[Row]:
    """Return ``rows`` of ``source`` with the task's columns alone, and the label's number."""
    return [_example(source, number, row, task) for number, row in enumerate(rows, start=1)]


def read_rows(path: str | Path, task: Task | None = None) -> list[Row]:
    """Return the rows of one file, with all columns; ``task`` tells the formats apart that have no header line.

    Raises
    ------
    RobertaError
        ``data``: no such file, one that is not of its format, or one without an example.
    """
    file = Path(path)
    if not file.is_file():
        raise RobertaError("data", f"{file} is not a file: give a .tsv, .csv, .json or 'label text' file")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RobertaError("data", f"{file} is not UTF-8 text: {error}") from None
    names = _names(task.sentences[0] if task else "sentence")
    tabs = task is None and file.suffix.lower() == ".tsv"
    if file.suffix.lower() in (".json", ".jsonl"):
        rows = _json_rows(file, text)
    elif file.suffix.lower() == ".csv":
        rows = list(csv.DictReader(io.StringIO(text)))
    elif "\t" in (first := text.split("\n", 1)[0]) or first.strip() in names or tabs:
        rows = _tab_separated_rows(text, task)
    else:
        rows = _labelled_lines(file, text, task)
    if not rows:
        raise RobertaError("data", f"{file} holds no example")
    return rows


def find_files(folder: str | Path) -> dict[str, Path]:
    """Return the files of a GLUE folder by split: train, validation, test, and MNLI's mismatched ones.

    Raises
    ------
    RobertaError
        ``data``: no such folder, or none of the names a GLUE folder has in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise RobertaError("data", f"{root} is not a folder: give one with train.tsv, dev.tsv or test.tsv")
    found: dict[str, Path] = {}
    for split, stems in FOLDER_FILES.items():
        candidates = (root / f"{stem}{suffix}" for stem in stems for suffix in SUFFIXES)
        if match := next((c for c in candidates if c.is_file()), None):
            found[split] = match
    if not found:
        names = ", ".join(sorted(p.name for p in root.iterdir())[:8]) or "nothing"
        raise RobertaError("data", f"{root} holds {names}: expected train.tsv, dev.tsv or test.tsv")
    return found


def _names(column: str) -> tuple[str, ...]:
    return (column, *OTHER_NAMES.get(column, ()))


def _json_rows(file: Path, text: str) -> list[Row]:
    try:
        if text.lstrip().startswith("["):
            rows = json.loads(text)
        else:
            rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    except json.JSONDecodeError as error:
        raise RobertaError("data", f"{file} is not JSON: {error}") from None
    if not all(isinstance(row, dict) for row in rows):
        raise RobertaError("data", f"{file} holds values that are no objects: give one object an example")
    return list(rows)


def _tab_separated_rows(text: str, task: Task | None) -> list[Row]:
    lines = [line.rstrip("\r") for line in text.split("\n")]
    cells = [line.split("\t") for line in lines if line.strip()]
    names: list[str] | tuple[str, ...] = cells[0]
    if task and task.name == "cola" and "sentence" not in names:
        names = COLA_COLUMNS
    else:
        cells = cells[1:]
    return [dict(zip(names, row, strict=False)) for row in cells]


def _labelled_lines(file: Path, text: str, task: Task | None) -> list[Row]:
    if task and len(task.sentences) != 1:
        needed = " and ".join(task.sentences)
        raise RobertaError("data", f"{file} has no columns, and {task.name} needs {needed}: give a tsv, csv or json")
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):  # str.splitlines also cuts where a sentence goes on
        if not line.strip():
            continue
        label, _, sentence = line.partition(" ")
        if not sentence:
            raise RobertaError("data", f"{file}, line {number}: {line[:40]!r} is not 'label text'")
        rows.append({"label": label, task.sentences[0] if task else "sentence": sentence})
    return rows


def _example(file: str, number: int, row: Row, task: Task) -> Row:
    example: Row = {}
    for column in task.sentences:
        name = next((n for n in _names(column) if row.get(n) is not None), None)
        if name is None:
            had = ", ".join(str(key) for key in row)
            raise RobertaError("data", f"{file}, example {number}: {task.name} needs column {column!r}, not {had}")
        example[column] = str(row[name])
    given = next((row[n] for n in LABEL_COLUMNS if row.get(n) not in (None, "")), None)
    example["label"] = _label(file, number, given, task)
    return example


def _label(file: str, row: int, given: Any, task: Task) -> int | float:
    if given is None:
        return math.nan if task.is_regression else -1
    if given in task.labels:
        return task.labels.index(given)
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = math.nan
    known = math.isfinite(number) if task.is_regression else number in range(-1, len(task.labels))
    if not known:
        classes = ", ".join(f"{i} ({name})" for i, name in enumerate(task.labels)) or "a number"
        raise RobertaError("data", f"{file}, example {row}: label {given!r} is not one of {classes}")
    if task.is_regression:
        return math.nan if number == -1 else number  # GLUE's word for no score, which lie between 0 and 5
    return int(number)
