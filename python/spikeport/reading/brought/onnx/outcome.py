"""What an ONNX graph answers: the outputs of one layer, whatever was made of them behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from spikeport.errors import ConversionError
from spikeport.reading.brought.onnx.call import Wire
from spikeport.reading.brought.onnx.tail import Tail
from spikeport.reading.brought.origin import named


class Outcome(NamedTuple):
    """The signal that is the answer, what its entries are (as in `Origin`), and what was left off."""

    scores: Wire
    classes: bool | tuple[str, ...] | None
    notes: tuple[str, ...]


def outcome_of(where: str, outputs: Mapping[str, Any]) -> Outcome:
    """Return what the outputs of a graph come from; raise `ConversionError` ``model`` unless that is one layer."""
    constants = [name for name, found in outputs.items() if not isinstance(found, Wire | Tail)]
    if constants:
        raise ConversionError("model", f"{where}: its output {constants[0]} does not come from its input")
    tails = [found for found in outputs.values() if isinstance(found, Tail)]
    layers = {found.scores.name if isinstance(found, Tail) else found.name for found in outputs.values()}
    if len(layers) > 1:
        names = ", ".join(outputs)
        raise ConversionError(
            "model",
            f"{where} gives {names}, and a spiking network answers once: name one, from_onnx({where!r}, "
            f"output={next(iter(outputs))!r}), and convert what that gives",
        )
    scores = tails[0].scores if tails else next(iter(outputs.values()))
    if not tails:
        return Outcome(scores, None, ())
    ends = list(dict.fromkeys(end for tail in tails for end in tail.ends))
    labels = max((tail.labels for tail in tails), key=len)
    n, alone = scores.value.shape[-1], "Sigmoid" in ends
    answer = "of each output the sign answers" if alone else "the largest output is the class"
    notes = [f"{', '.join(ends)} at the end {'was' if len(ends) == 1 else 'were'} left off: {answer}"]
    if alone and n > 1:
        return Outcome(scores, False, tuple(notes))
    if n == 1 and len(labels) == 2:
        notes.append(f"an output above 0 means {labels[1]!r}, any other {labels[0]!r}")
    return Outcome(scores, named(labels, n), tuple(notes))
