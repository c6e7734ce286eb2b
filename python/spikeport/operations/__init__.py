"""The operations: what a node does with what it reads, before its neurons; one small file for each.

An operation with weights is a `Weighted`: a matrix, and for each of its columns what that column reads. `summed` is the
one loop that adds, in the order that the contract fixes (``conformance/SPEC.md``, section 2.2).
"""

from collections.abc import Mapping
from types import MappingProxyType

from spikeport.operations.conv import Conv
from spikeport.operations.join import Add, Concat
from spikeport.operations.linear import Linear
from spikeport.operations.max_pool import MaxPool
from spikeport.operations.operation import WHOLE_WEIGHTS, Operation, element_of
from spikeport.operations.operation import Shape as Shape  # a type, which documents itself
from spikeport.operations.pool import AvgPool, Pool, SumPool
from spikeport.operations.weighted import Weighted, summed

__all__ = [
    "OPERATIONS",
    "WHOLE_WEIGHTS",
    "Add",
    "AvgPool",
    "Concat",
    "Conv",
    "Linear",
    "MaxPool",
    "Operation",
    "Pool",
    "SumPool",
    "Weighted",
    "element_of",
    "summed",
]

OPERATIONS: Mapping[str, type[Operation]] = MappingProxyType(
    {operation.kind: operation for operation in (Linear, Conv, SumPool, AvgPool, MaxPool, Add, Concat)}
)
"""The word for an operation, as files and runners have it, and its class."""
