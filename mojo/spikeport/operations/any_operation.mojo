"""One of the operations, which is known only when a network is read."""
from std.os import abort
from std.utils import Variant

from ..checks import refusal
from .conv import Conv
from .join import Add, Concat
from .linear import Linear
from .max_pool import MaxPool
from .operation import Operation, Signal, shown
from .pool import AvgPool, SumPool


struct AnyOperation[element: DType](Operation):
    """One of the operations, which is known only when the network is read.

    Parameters:
        element: Type of the currents.
    """

    comptime dtype = Self.element
    """Type of the currents."""
    comptime Kinds = Variant[
        Linear[Self.element],
        Conv[Self.element],
        SumPool[Self.element],
        AvgPool[Self.element],
        MaxPool[Self.element],
        Add[Self.element],
        Concat[Self.element],
    ]
    """Every operation that there is."""

    var held: Self.Kinds
    """The operation."""

    def __init__[T: Operation](out self, var operation: T):
        """Holds an operation."""
        self.held = Self.Kinds(operation^)

    def output_shape(self, inputs: List[List[Int]]) raises -> List[Int]:
        """Asks the operation that is held."""
        comptime for kind in range(len(Self.Kinds.Ts)):
            comptime T = Self.Kinds.Ts[kind]
            comptime if conforms_to(T, Operation):
                if self.held.isa[T]():
                    return self.held[T].output_shape(inputs)
        abort("no operation is held")

    def remembers(self) -> Bool:
        """Asks the operation that is held."""
        comptime for kind in range(len(Self.Kinds.Ts)):
            comptime T = Self.Kinds.Ts[kind]
            comptime if conforms_to(T, Operation):
                if self.held.isa[T]():
                    return self.held[T].remembers()
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

    def bound(self, reach: List[Float64]) -> Float64:
        """Asks the operation that is held."""
        comptime for kind in range(len(Self.Kinds.Ts)):
            comptime T = Self.Kinds.Ts[kind]
            comptime if conforms_to(T, Operation):
                if self.held.isa[T]():
                    return self.held[T].bound(reach)
        abort("no operation is held")

    def take_bias(mut self) -> List[Scalar[Self.dtype]]:
        """Asks the operation that is held."""
        comptime for kind in range(len(Self.Kinds.Ts)):
            comptime T = Self.Kinds.Ts[kind]
            comptime if conforms_to(T, Operation):
                if self.held.isa[T]():
                    # Sound: every kind is one of this element type.
                    return rebind_var[List[Scalar[Self.dtype]]](
                        self.held[T].take_bias()
                    )
        abort("no operation is held")


def is_operation(word: StringSpan) -> Bool:
    """Tells whether there is an operation of this name."""
    return (
        word == "linear" or word == "add" or word == "concat"
    ) or has_window(word)


def has_window(word: StringSpan) -> Bool:
    """Tells whether an operation moves a window over what it reads."""
    return word == "conv" or is_pool(word)


def is_pool(word: StringSpan) -> Bool:
    """Tells whether an operation is a pool."""
    return word == "sum_pool" or word == "avg_pool" or word == "max_pool"


def has_weight(word: StringSpan) -> Bool:
    """Tells whether an operation has a weight, and may have a bias."""
    return word == "linear" or word == "conv"


def operation_named[
    dtype: DType
](
    word: StringSpan,
    weights: List[Scalar[dtype]] = [],
    weight_shape: List[Int] = [],
    bias: Optional[List[Scalar[dtype]]] = None,
    *,
    kernel: List[Int] = [],
    stride: Optional[List[Int]] = None,
    padding: Optional[List[Int]] = None,
    dilation: Optional[List[Int]] = None,
    groups: Int = 1,
) raises -> AnyOperation[dtype]:
    """Returns the operation of a name; what it has not is not looked at. Raises
    `operation`, `shape`, `non_finite`, of integers `overflow`."""
    if word == "linear":
        if len(weight_shape) != 2:
            raise refusal(
                "shape",
                String("weights are (out, in), not ", shown(weight_shape)),
            )
        return AnyOperation[dtype](
            Linear(weights, weight_shape[1], weight_shape[0], bias)
        )
    if word == "conv":
        return AnyOperation[dtype](
            Conv(
                weights,
                weight_shape,
                bias,
                stride=stride.copy(),
                padding=padding.copy(),
                dilation=dilation.copy(),
                groups=groups,
            )
        )
    if word == "sum_pool":
        return AnyOperation[dtype](
            SumPool[dtype](
                kernel.copy(), stride=stride.copy(), padding=padding.copy()
            )
        )
    if word == "avg_pool":
        return AnyOperation[dtype](
            AvgPool[dtype](
                kernel.copy(), stride=stride.copy(), padding=padding.copy()
            )
        )
    if word == "max_pool":
        return AnyOperation[dtype](
            MaxPool[dtype](
                kernel.copy(), stride=stride.copy(), padding=padding.copy()
            )
        )
    if word == "add":
        return AnyOperation[dtype](Add[dtype]())
    if word == "concat":
        return AnyOperation[dtype](Concat[dtype]())
    raise refusal("operation", String("there is no operation '", word, "'"))
