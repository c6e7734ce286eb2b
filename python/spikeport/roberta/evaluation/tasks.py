"""The nine GLUE tasks: their sentences, labels and metrics (Wang et al. 2019, "GLUE"); and those of one's own data.

A task's own score is its metric, or, where it has two, their mean: ``combined_score``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.roberta.errors import RobertaError


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes
    ----------
    name : GLUE's short name; "classification" or "regression" of one's own data
    sentences : names of the one or two text columns
    labels : class names in the order of their numbers; empty for regression
    metrics : names of the metrics, a subset of accuracy, f1, matthews_correlation, mse, pearson, spearmanr
    """

    name: str
    sentences: tuple[str, ...]
    labels: tuple[str, ...]
    metrics: tuple[str, ...]

    @property
    def is_regression(self) -> bool:
        """Whether the target is a number (STS-B) and not a class."""
        return not self.labels

    @property
    def is_glue(self) -> bool:
        """Whether it is one of the nine, and not one's own."""
        return self.name in TASKS

    def lacks(self, label: float) -> bool:
        """Return whether ``label`` says that there is none: -1 for classes, NaN for regression."""
        return math.isnan(label) if self.is_regression else label == -1

    @property
    def score(self) -> str:
        """Name of the figure by which runs of this task are compared."""
        return "combined_score" if len(self.metrics) > 1 else self.metrics[0]


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("cola", ("sentence",), ("unacceptable", "acceptable"), ("matthews_correlation",)),
        Task("mnli", ("premise", "hypothesis"), ("entailment", "neutral", "contradiction"), ("accuracy",)),
        Task("mrpc", ("sentence1", "sentence2"), ("not_equivalent", "equivalent"), ("accuracy", "f1")),
        Task("qnli", ("question", "sentence"), ("entailment", "not_entailment"), ("accuracy",)),
        Task("qqp", ("question1", "question2"), ("not_duplicate", "duplicate"), ("accuracy", "f1")),
        Task("rte", ("sentence1", "sentence2"), ("entailment", "not_entailment"), ("accuracy",)),
        Task("sst2", ("sentence",), ("negative", "positive"), ("accuracy",)),
        Task("stsb", ("sentence1", "sentence2"), (), ("pearson", "spearmanr")),
        Task("wnli", ("sentence1", "sentence2"), ("not_entailment", "entailment"), ("accuracy",)),
    )
}


def own_task(sentences: Sequence[str], labels: Sequence[str]) -> Task:
    """Return a task of one's own: classification, or, without labels, regression; metrics as run_glue has them."""
    name, metric = ("classification", "accuracy") if labels else ("regression", "mse")
    return Task(name, tuple(sentences), tuple(labels), (metric,))


def get_task(name: str) -> Task:
    """Return the task called ``name``, in any case, with or without a hyphen.

    Raises
    ------
    RobertaError
        ``task``: there is no such task; the message names the nearest.
    """
    key = name.lower().replace("-", "").replace("_", "")
    if key in TASKS:
        return TASKS[key]
    near = difflib.get_close_matches(key, TASKS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise RobertaError("task", f"{name!r} is not a GLUE task: choose one of {', '.join(TASKS)}{hint}")


def compute_metrics(task: Task, logits: npt.NDArray[Any], labels: npt.NDArray[Any]) -> dict[str, float]:
    """Return the task's metrics, and their mean as ``combined_score`` where there are two.

    Parameters
    ----------
    logits : shape (samples, classes), or (samples, 1) for regression
    labels : shape (samples,)

    Raises
    ------
    RobertaError
        ``samples``: no sample, or as many labels as there are not logits.
    """
    if len(logits) != len(labels) or not len(labels):
        raise RobertaError("samples", f"{len(logits)} logits for {len(labels)} labels: give one label per sample")
    predictions = np.asarray(logits)[:, 0] if task.is_regression else np.argmax(logits, axis=-1)
    figures = {name: _METRICS[name](labels, predictions) for name in task.metrics}
    if len(figures) > 1:
        figures["combined_score"] = float(np.mean(list(figures.values())))
    return figures


def _accuracy(labels: npt.NDArray[Any], predictions: npt.NDArray[Any]) -> float:
    return float(np.mean(labels == predictions))


def _f1(labels: npt.NDArray[Any], predictions: npt.NDArray[Any]) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predictions, zero_division=0))


def _matthews(labels: npt.NDArray[Any], predictions: npt.NDArray[Any]) -> float:
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(labels, predictions))


def _mean_squared_error(labels: npt.NDArray[Any], predictions: npt.NDArray[Any]) -> float:
    return float(np.mean(np.square(np.asarray(labels, float) - predictions)))


def _pearson(labels: npt.NDArray[Any], predictions: npt.NDArray[Any]) -> float:
    return _correlation("pearsonr", labels, predictions)


def _spearman(labels: npt.NDArray[Any], predictions: npt.NDArray[Any]) -> float:
    return _correlation("spearmanr", labels, predictions)


def _correlation(name: str, labels: npt.NDArray[Any], predictions: npt.NDArray[Any]) -> float:
    from scipy import stats  # type: ignore[import-untyped]

    if len(labels) < 2 or np.ptp(labels) == 0 or np.ptp(predictions) == 0:
        return 0.0  # undefined for a constant: as in scikit-learn's matthews_corrcoef, no correlation
    return float(getattr(stats, name)(labels, predictions)[0])


_METRICS = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews_correlation": _matthews,
    "mse": _mean_squared_error,
    "pearson": _pearson,
    "spearmanr": _spearman,
}
