"""Two networks on the same images: how far their accuracies are apart, and how well that is known."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]


def paired(answers: Array, beside: Array, labels: Array) -> tuple[float, float]:
    """Return by how many points ``answers`` are right more often than ``beside``, and the standard error of that.

    Image by image: where both are right, or both are wrong, nothing is added to the error.
    """
    difference = 100.0 * ((answers == labels).astype(float) - (beside == labels))
    return float(difference.mean()), float(difference.std(ddof=1) / len(labels) ** 0.5)


def said(answers: Array, beside: Array, labels: Array) -> str:
    """Return the same in words: "+0.05 ± 0.35"."""
    mean, error = paired(answers, beside, labels)
    return f"{mean:+.2f} ± {error:.2f}"
