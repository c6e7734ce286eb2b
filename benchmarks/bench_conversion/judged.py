"""What is said of a spiking network's answers beside the trained network's, here and in the peers' environment."""

from __future__ import annotations

from typing import Any

import numpy as np


def judged(answer: Any, logits: Any, labels: Any, readable: bool = True) -> dict[str, float | None]:
    """Return accuracy, agreement and relative logit error of ``answer``, (n, classes) as ``logits``.

    The error is the root of the mean squared difference, in units of the standard deviation of the trained network's
    logits; None where ``answer`` is not ``readable`` in their units.
    """
    answer, logits = np.asarray(answer, np.float64), np.asarray(logits, np.float64)
    classes = answer.argmax(1)
    error = float(np.sqrt(np.mean((answer - logits) ** 2)) / logits.std()) if readable else None
    return {
        "accuracy": float((classes == labels).mean()),
        "agreement": float((classes == logits.argmax(1)).mean()),
        "error": error,
    }
