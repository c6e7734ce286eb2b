"""What the trained network answers: from the model, computed once, or as it was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certification.layers.trained import as_float64
from spikeport.certification.shares import Share
from spikeport.conversion.checks import as_array
from spikeport.conversion.converted import ConvertedSNN
from spikeport.errors import ConversionError
from spikeport.lazy import import_torch

Array = npt.NDArray[Any]

AT_ONCE = 256


def trained_outputs(
    snn: ConvertedSNN, samples: Array, share: Share, *, model: Any = None, logits: Any = None
) -> Array | None:
    """Return the answers (n, n_outputs) of ``model``, or ``logits`` as they are given, or None for neither.

    Raises `ConversionError`: ``logits`` where they are no (n, n_outputs) numbers, ``model`` for what is no model.
    """
    wanted = (len(samples), snn.graph.n_outputs)
    if model is not None:
        found = np.concatenate(share.gathered(_answers(model, samples[share.rows(len(samples))])))
    elif logits is None:
        return None
    else:
        found = as_array("logits", logits)
    if found.dtype.kind not in "fiu" or found.shape != wanted or not np.isfinite(found).all():
        what = "the model's answers have" if model is not None else "logits have"
        raise ConversionError("logits", f"{what} shape {found.shape}: give finite numbers of shape {wanted}")
    return found.astype(np.float64)


def _answers(model: Any, samples: Array) -> list[Array]:
    """Return the answers batch by batch."""
    torch = import_torch("running a torch model")
    from spikeport.reading.torch import evaluating, unwrapped

    inner = unwrapped(model, samples.shape[1:])
    first = next((p for p in inner.parameters() if p.is_floating_point()), torch.zeros(0))
    parts = []
    with evaluating(inner):
        for start in range(0, len(samples), AT_ONCE):
            x = torch.tensor(samples[start : start + AT_ONCE], dtype=first.dtype, device=first.device)
            parts.append(as_float64(inner(x).flatten(1)))
    return parts
