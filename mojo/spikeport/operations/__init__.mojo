"""Operations: what a node does with what it reads, before its neurons.

- `operation`: what an operation is, and the signals that it reads
- `weighted`: the one loop that adds, for operations with weights
- one file for each operation, with its equation at the top

A new operation is a file beside `linear` and a name in `AnyOperation.Kinds`.
"""
from std.os import abort
from std.utils import Variant

from .linear import Linear
from .operation import Operation, Signal


struct AnyOperation[element: DType](Operation):
    """One of the operations, which is known only when the network is read.

    Parameters:
        element: Type of the currents.
    """

    comptime dtype = Self.element
    """Type of the currents."""
    comptime Kinds = Variant[Linear[Self.element]]
    """Every operation that there is."""

    var held: Self.Kinds
    """The operation."""

    def __init__[T: Operation](out self, var operation: T):
        """Holds an operation."""
        self.held = Self.Kinds(operation^)

    def width(self, inputs: List[Int]) raises -> Int:
        """Asks the operation that is held."""
        comptime for kind in range(len(Self.Kinds.Ts)):
            comptime T = Self.Kinds.Ts[kind]
            comptime if conforms_to(T, Operation):
                if self.held.isa[T]():
                    return self.held[T].width(inputs)
        abort("no operation is held")

    def currents(
        self,
        signals: List[Signal[Self.dtype]],
        sources: List[Int],
        steps: Int,
        batch: Int,
    ) -> List[Scalar[Self.dtype]]:
        """Asks the operation that is held."""
        comptime for kind in range(len(Self.Kinds.Ts)):
            comptime T = Self.Kinds.Ts[kind]
            comptime if conforms_to(T, Operation):
                if self.held.isa[T]():
                    # Sound: every kind is one of this element type.
                    return rebind_var[List[Scalar[Self.dtype]]](
                        self.held[T].currents(
                            rebind[List[Signal[T.dtype]]](signals),
                            sources,
                            steps,
                            batch,
                        )
                    )
        abort("no operation is held")
