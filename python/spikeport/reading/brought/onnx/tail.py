"""What stands behind the last layer: probabilities, labels and dictionaries made of its outputs.

It changes no answer, so it is left off: the largest output is the class that softmax makes most likely, and of a single
output the sign says what the sigmoid does. What would change the answer is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from spikeport.reading.brought.onnx.call import Call, Wire
from spikeport.reading.brought.onnx.operators.arithmetic import is_real
from spikeport.reading.brought.onnx.refusals import reason
from spikeport.reading.refusals import GATE

ODD = "behind the last layer only softmax or sigmoid, argmax, and the names of classes are left off"


@dataclass(frozen=True, eq=False)
class Tail:
    """What was made of the last layer's outputs.

    Attributes
    ----------
    scores : these outputs
    what : "probability" or "complement" (1 - it) of a single output, "probabilities" of several, "label", "named"
    ends : the operators that were left off, in order
    labels : the names of the classes, where they are said
    """

    scores: Wire
    what: str
    ends: tuple[str, ...]
    labels: tuple[Any, ...] = ()


def softmax(call: Call) -> Tail:
    """Take softmax over the outputs."""
    _check_flat(call)
    if call.attributes.get("axis", 1) not in (1, -1):
        raise call.refuse("it is taken over samples: take it over the outputs")
    return Tail(call.x, "probabilities", (call.kind,))


def sigmoid(call: Call) -> Tail:
    """Take the sigmoid of each output."""
    _check_flat(call)
    return Tail(call.x, "probability", (call.kind,))


def argmax(call: Call) -> Tail:
    """Take the index of the largest output, of the layer's or of what was made of them."""
    tail: Any = call.given[0]
    if call.attributes.get("axis", 0) not in (1, -1):
        raise call.refuse("it is taken over samples: take it over the outputs")
    if isinstance(tail, Wire):
        _check_flat(call)
        return Tail(tail, "label", (call.kind,))
    return _further(call, tail, ("probabilities",), "label")


def further(call: Call) -> Tail:
    """Take what is made of a `Tail`; raises `ConversionError` where that could change the answer."""
    tail = next(given for given in call.given if isinstance(given, Tail))
    if call.kind not in ENDS:
        why = GATE if call.kind == "Mul" else reason(tail.ends[-1])
        raise call.refuse(f"it reads what {tail.ends[-1]} gives: {why}")
    return ENDS[call.kind](call, tail)


def _same(call: Call, tail: Tail) -> Tail:
    return tail


def _of_labels(call: Call, tail: Tail) -> Tail:
    if tail.what not in ("label", "named"):
        raise call.refuse(ODD)
    return tail


def _cast(call: Call, tail: Tail) -> Tail:
    return tail if is_real(call) else _of_labels(call, tail)


def _complement(call: Call, tail: Tail) -> Tail:
    one = call.given[0]
    if isinstance(one, Tail) or float(np.asarray(one).reshape(-1)[0]) != 1 or tail.what != "probability":
        raise call.refuse(ODD)
    return replace(tail, what="complement")


def _beside(call: Call, tail: Tail) -> Tail:
    whats = [given.what if isinstance(given, Tail) else "" for given in call.given]
    if whats != ["complement", "probability"] or call.attributes.get("axis") not in (1, -1):
        raise call.refuse(ODD)
    if any(given.scores is not tail.scores for given in call.given):
        raise call.refuse("it puts probabilities of different layers side by side: export the one that is meant")
    return replace(tail, what="probabilities")


def _named(call: Call, tail: Tail) -> Tail:
    """Take the classes of which an argmax is an index."""
    names = call.given[0]
    if isinstance(names, Tail) or tail.what != "label":
        raise call.refuse(ODD)
    return replace(tail, what="named", labels=tuple(np.asarray(names).ravel().tolist()))


def _as_dictionary(call: Call, tail: Tail) -> Tail:
    labels = call.attributes.get("classlabels_strings") or call.attributes.get("classlabels_int64s") or ()
    return replace(_further(call, tail, ("probabilities",), "named"), labels=tuple(labels))


def _at_half(call: Call, tail: Tail) -> Tail:
    if call.attributes.get("threshold", 0.0) != 0.5:
        raise call.refuse("its threshold is not 1/2, so the sign of the output is not its answer")
    return _further(call, tail, ("probability",), "label")


def _further(call: Call, tail: Tail, wanted: tuple[str, ...], what: str) -> Tail:
    if tail.what not in wanted:
        raise call.refuse(ODD)
    return replace(tail, what=what, ends=(*tail.ends, call.kind))


def _check_flat(call: Call) -> None:
    if len(call.x.shape) != 1:
        raise call.refuse(f"its input has shape {call.x.shape}, and only outputs in a row are classes")


STARTS: Mapping[str, Callable[[Call], Tail]] = MappingProxyType(
    {"Softmax": softmax, "LogSoftmax": softmax, "Sigmoid": sigmoid, "ArgMax": argmax}
)
"""Operators that may end a network, by name."""

ENDS: Mapping[str, Callable[[Call, Tail], Tail]] = MappingProxyType(
    {
        "Identity": _same,
        "Cast": _cast,
        "ArgMax": lambda call, tail: argmax(call),
        "Reshape": _of_labels,
        "Squeeze": _of_labels,
        "Sub": _complement,
        "Concat": _beside,
        "ArrayFeatureExtractor": _named,
        "ZipMap": _as_dictionary,
        "Binarizer": _at_half,
    }
)
"""Operators that may follow them."""
