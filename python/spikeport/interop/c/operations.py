"""The loops of each operation, as the contract's equations of section 2.2; each current goes to the neurons at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

from spikeport.interop.c.arrays import Parts
from spikeport.interop.c.neurons import fire, is_per_entry
from spikeport.interop.c.text import Lines, flat
from spikeport.operations import Shape
from spikeport.operations.window import Window

EQUATIONS: Final = {
    "linear": "I[j] = (sum over k of W[j][k] * x[k]) + b[j]",
    "conv": "I[c, p] = (sum over d, q of W[c][d][q] * x[g * (C/groups) + d, at(p, q)]) + b[c];  g = c * groups / out",
    "sum_pool": "I[c, p] = sum over q of x[c, at(p, q)]",
    "max_pool": "X = X + x;  I[c, p] = Y' - Y, where Y' = max over q of X[c, at(p, q)];  Y = Y'",
    "add": "I = x_0 + x_1 + ...",
    "concat": "I = x_0, behind it x_1, ... along the first axis",
}


class Read(NamedTuple):
    """A signal that a node reads: the array's name, and the shape of a sample."""

    name: str
    shape: Shape

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)


def loops(line: Lines, parts: Parts, reads: Sequence[Read]) -> None:
    """Write the loops that compute each current ``I`` of a node and hand it to neuron ``n``."""
    LOOPS[parts.node.operation.kind](line, parts, reads)


def _linear(line: Lines, parts: Parts, reads: Sequence[Read]) -> None:
    (x,), index = reads, parts.index
    with line.loop("n", parts.node.size):
        line("int32_t I = 0;")
        with line.loop("k", x.size):
            line(f"I += (int32_t)W_{index}[n][k] * {x.name}[k];")
        _biased(line, parts, "n")
        if is_per_entry(parts):
            line("const int32_t c = n;")
        fire(line, parts)


def _conv(line: Lines, parts: Parts, reads: Sequence[Read]) -> None:
    (x,), index, operation = reads, parts.index, _operation(parts)
    share, out = operation.weight.shape[1], operation.n_outputs
    with ExitStack() as nest:
        _at_each_place(nest, line, parts)
        line("int32_t I = 0;")
        channel = "d"
        if operation.groups > 1:
            line(f"const int32_t g = c / {out // operation.groups};")
            channel = f"g * {share} + d" if share > 1 else "g + d"
        with line.loop("d", share):
            q = [f"q{axis}" for axis in range(len(operation.window.kernel))]
            weight = f"W_{index}[c][d]{''.join(f'[{tap}]' for tap in q)}"
            _over_window(line, operation.window, x, channel, lambda at: [f"I += (int32_t){weight} * {x.name}[{at}];"])
        _biased(line, parts, "c")
        fire(line, parts)


def _sum_pool(line: Lines, parts: Parts, reads: Sequence[Read]) -> None:
    (x,) = reads
    with ExitStack() as nest:
        _at_each_place(nest, line, parts)
        line("int32_t I = 0;")
        _over_window(line, _operation(parts).window, x, "c", lambda at: [f"I += {x.name}[{at}];"])
        fire(line, parts)


def _max_pool(line: Lines, parts: Parts, reads: Sequence[Read]) -> None:
    (x,), index = reads, parts.index
    with line.loop("i", x.size):
        line(f"X_{index}[i] += {x.name}[i];")
    with ExitStack() as nest:
        _at_each_place(nest, line, parts)
        line("int32_t Y = INT32_MIN;")
        running = Read(f"X_{index}", x.shape)
        _over_window(
            line,
            _operation(parts).window,
            running,
            "c",
            lambda at: [f"Y = X_{index}[{at}] > Y ? X_{index}[{at}] : Y;"],
        )
        line(f"const int32_t I = Y - Y_{index}[n];", f"Y_{index}[n] = Y;")
        fire(line, parts)


def _add(line: Lines, parts: Parts, reads: Sequence[Read]) -> None:
    with line.loop("n", parts.node.size):
        line(f"const int32_t I = {' + '.join(f'(int32_t){x.name}[n]' for x in reads)};")
        _entry(line, parts)
        fire(line, parts)


def _concat(line: Lines, parts: Parts, reads: Sequence[Read]) -> None:
    start = 0
    for x in reads:
        with line.loop("n", start + x.size, start):
            line(f"const int32_t I = {x.name}[n{f' - {start}' if start else ''}];")
            _entry(line, parts)
            fire(line, parts)
        start += x.size


LOOPS: Final[dict[str, Callable[[Lines, Parts, Sequence[Read]], None]]] = {
    "linear": _linear,
    "conv": _conv,
    "sum_pool": _sum_pool,
    "max_pool": _max_pool,
    "add": _add,
    "concat": _concat,
}


def _operation(parts: Parts) -> Any:
    return parts.node.operation


def _biased(line: Lines, parts: Parts, row: str) -> None:
    """Write the bias, which acts in every step, or under a pulse in the first one."""
    if "bias" in parts.node.operation.arrays():
        with line.block("if (biased)"):
            line(f"I += b_{parts.index}[{row}];")


def _entry(line: Lines, parts: Parts) -> None:
    """Write the entry ``c`` of the first axis to which ``n`` belongs, where parameters hang on it."""
    if is_per_entry(parts):
        places = math.prod(parts.node.shape[1:])
        line(f"const int32_t c = {f'n / {places}' if places > 1 else 'n'};")


def _at_each_place(nest: ExitStack, line: Lines, parts: Parts) -> None:
    """Open the loops over channels ``c`` and places ``p0``, ``p1`` of an output, and write its flat index ``n``."""
    shape = parts.node.shape
    names = ["c", *(f"p{axis}" for axis in range(len(shape) - 1))]
    for name, count in zip(names, shape, strict=True):
        nest.enter_context(line.loop(name, count))
    line(f"const int32_t n = {flat(names, shape)};")


def _over_window(line: Lines, window: Window, x: Read, channel: str, body: Callable[[str], list[str]]) -> None:
    """Write the loops over the taps of a window, and in them what ``body`` says of the flat index that one reads."""
    axes = zip(window.kernel, window.stride, window.padding, window.dilation, x.shape[1:], strict=True)
    at = [channel]
    with ExitStack() as nest:
        for axis, (kernel, stride, padding, dilation, size) in enumerate(axes):
            nest.enter_context(line.loop(f"q{axis}", kernel))
            place = _times(f"p{axis}", stride) + " + " + _times(f"q{axis}", dilation)
            line(f"const int32_t at{axis} = {place}{f' - {padding}' if padding else ''};")
            if padding:
                with line.block(f"if (at{axis} < 0 || at{axis} >= {size})"):
                    line("continue;")
            at.append(f"at{axis}")
        line(*body(flat(at, x.shape)))


def _times(name: str, factor: int) -> str:
    return name if factor == 1 else f"{name} * {factor}"
