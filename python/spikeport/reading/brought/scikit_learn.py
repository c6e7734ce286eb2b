"""scikit-learn's multilayer perceptrons, with the scalers before them, as torch layers one after the other.

Scalers and PCA only multiply and add; they become part of the first layer, in float64, so nothing but rounding differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from spikeport.errors import ConversionError
from spikeport.reading.brought.origin import ORIGIN, Origin, named
from spikeport.reading.refusals import CURVED

Array = npt.NDArray[np.float64]
Affine = tuple[Array, Array]
"""A matrix or, of what scales each value by itself, its diagonal; and what is added."""

PERCEPTRONS = ("MLPClassifier", "MLPRegressor")


def from_sklearn(estimator: Any) -> nn.Sequential:
    """Return the network of a fitted ``MLPClassifier`` or ``MLPRegressor``, alone or at the end of a ``Pipeline``.

    It takes samples as the estimator does, and gives what stands before softmax or sigmoid, which are left off: the
    largest output is the class, or of a single one its sign. ``estimator.classes_[snn.classify(x)]`` are the labels.

    Raises
    ------
    ConversionError
        ``model`` for an estimator that is none of these, or not fitted; ``unsupported_module`` for a step or an
        activation that has no spiking form.
    """
    estimator = getattr(estimator, "best_estimator_", estimator)  # of a search over parameters
    named_steps = getattr(estimator, "steps", [("", estimator)])
    *before, last = [step for _, step in named_steps if step is not None and step != "passthrough"]
    kind = type(last).__name__
    if kind not in PERCEPTRONS:
        raise ConversionError(
            "model",
            f"{kind} has no layers to convert: give a fitted MLPClassifier or MLPRegressor, or a pipeline with one",
        )
    if not hasattr(last, "coefs_"):
        raise ConversionError("model", f"{kind} is not fitted: call fit first")
    weights, biases = [np.asarray(W, np.float64).T for W in last.coefs_], [np.float64(b) for b in last.intercepts_]
    for step in reversed(before):
        W = weights[0]
        matrix, shift = _affine(step)
        weights[0], biases[0] = W * matrix if matrix.ndim == 1 else W @ matrix, biases[0] + W @ shift
    layers = _layers(last, weights, biases, torch.from_numpy(last.coefs_[0]).dtype)
    network = nn.Sequential(*layers).eval()
    setattr(network, ORIGIN, _origin(last, [type(step).__name__ for step in before]))
    return network


def _layers(last: Any, weights: list[Array], biases: list[Array], dtype: torch.dtype) -> list[nn.Module]:
    if last.activation == "identity":  # nothing between the layers: they are one
        W, b = weights[0], biases[0]
        for more, bias in zip(weights[1:], biases[1:], strict=True):
            W, b = more @ W, more @ b + bias
        weights, biases = [W], [b]
    elif last.activation != "relu":
        raise ConversionError(
            "unsupported_module",
            f"{type(last).__name__}(activation={last.activation!r}) cannot be converted: {CURVED.partition(':')[0]}: "
            "fit it with activation='relu'",
        )
    layers: list[nn.Module] = []
    for W, b in zip(weights, biases, strict=True):
        linear = nn.Linear(W.shape[1], W.shape[0], dtype=dtype)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W))
            linear.bias.copy_(torch.from_numpy(b))
        layers += [linear, nn.ReLU()]
    return layers[:-1]


def _origin(last: Any, before: list[str]) -> Origin:
    kind = type(last).__name__
    notes = [f"{', '.join(before)} went into the first layer"] if before else []
    if last.activation == "identity":
        notes.append("its layers, with nothing between them, became one")
    if kind == "MLPRegressor":
        if last.out_activation_ != "identity":
            raise ConversionError(
                "unsupported_module",
                f"MLPRegressor ends in {last.out_activation_!r}, by its loss: fit it with loss='squared_error'",
            )
        return Origin(f"scikit-learn's {kind}", False, tuple(notes))
    if last.out_activation_ == "logistic" and last.n_outputs_ > 1:
        raise ConversionError(
            "unsupported_module",
            f"{kind} gives each sample several labels, and a spiking network's answer is one class: fit one classifier "
            "for each label, or an MLPRegressor on the labels as 0 and 1",
        )
    what = "softmax" if last.out_activation_ == "softmax" else "sigmoid"
    notes.append(f"{what} at the end was left off: {'the largest output' if what == 'softmax' else 'the sign'} answers")
    return Origin(f"scikit-learn's {kind}", named(last.classes_, last.n_outputs_), tuple(notes))


def _affine(step: Any) -> Affine:
    """Return what a fitted step multiplies its input by, and what it adds."""
    kind = type(step).__name__
    if kind not in AFFINE:
        raise ConversionError(
            "unsupported_module",
            f"the step {kind} cannot be converted: {', '.join(AFFINE)} go into the first layer; apply any other to the "
            "samples yourself, and convert the perceptron behind it",
        )
    if not hasattr(step, "n_features_in_"):
        raise ConversionError("model", f"the step {kind} is not fitted: call the pipeline's fit first")
    matrix, shift = AFFINE[kind](step)
    return np.asarray(matrix, np.float64), np.broadcast_to(np.asarray(shift, np.float64), len(matrix))


def _centred(centre: str, scale: str, centres: str, scales: str) -> Callable[[Any], tuple[Any, Any]]:
    """Return what a scaler does that takes ``centre`` off and divides by ``scale``, each where its setting says so."""

    def affine(step: Any) -> tuple[Any, Any]:
        by = 1 / getattr(step, scale) if getattr(step, scales, True) else np.ones(step.n_features_in_)
        return by, -getattr(step, centre) * by if getattr(step, centres, False) else 0 * by

    return affine


def _between(step: Any) -> tuple[Any, Any]:
    if step.clip:
        raise ConversionError(
            "unsupported_module", "MinMaxScaler(clip=True) cannot be converted: it clips its input; fit it without clip"
        )
    return step.scale_, step.min_


def _principal(step: Any) -> tuple[Any, Any]:
    spread = np.sqrt(step.explained_variance_)
    floor = np.finfo(spread.dtype).eps  # as scikit-learn divides
    by = 1 / np.maximum(spread, floor) if step.whiten else np.ones(len(step.components_))
    matrix = step.components_ * by[:, None]
    return matrix, -matrix @ step.mean_


AFFINE: Mapping[str, Callable[[Any], tuple[Any, Any]]] = {
    "StandardScaler": _centred("mean_", "scale_", "with_mean", "with_std"),
    "MaxAbsScaler": _centred("", "scale_", "", ""),
    "RobustScaler": _centred("center_", "scale_", "with_centering", "with_scaling"),
    "MinMaxScaler": _between,
    "PCA": _principal,
}
