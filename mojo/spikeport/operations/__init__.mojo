"""Operations: what a node does with what it reads, before its neurons.

- `operation`: what an operation is, and the signals that it reads
- `weighted`, `scatter`: the loops that add, for a matrix and for a window
- `window`: the geometry that convolutions and pools share
- `linear`, `conv`, `pool`, `max_pool`, `join`: each with its equation at the top
- `any_operation`: one of them, by its word

A new operation is a file beside `linear`, a name in `AnyOperation.Kinds` and a
word in `operation_named`.
"""
from .any_operation import AnyOperation, operation_named
from .conv import Conv
from .join import Add, Concat
from .linear import Linear
from .max_pool import MaxPool
from .operation import Operation, Signal
from .pool import AvgPool, Pool, SumPool
from .window import Window
