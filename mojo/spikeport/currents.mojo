"""The currents of one operation, by itself: the kernel `operation.currents`.

The equations stand in `operations`, one file for each.
"""
from .bounds import check_bound, largest
from .checks import check_finite, check_shape, product, refusal
from .operations import AnyOperation, Operation, Signal
from .operations.operation import shown


struct Currents[dtype: DType](Copyable):
    """Currents with their shape.

    Parameters:
        dtype: Element type.
    """

    var shape: List[Int]
    """Shape (T, batch, shape of one sample)."""
    var values: List[Scalar[Self.dtype]]
    """The currents, row-major."""

    def __init__(
        out self, var shape: List[Int], var values: List[Scalar[Self.dtype]]
    ):
        """Puts both together.

        Args:
            shape: Shape of the values.
            values: The values, row-major.
        """
        self.shape = shape^
        self.values = values^


def operation_currents[
    T: Operation
](
    operation: T,
    var inputs: List[List[Scalar[T.dtype]]],
    shapes: List[List[Int]],
) raises -> Currents[T.dtype]:
    """Computes the currents of an operation for one or more signals.

    Parameters:
        T: The kind of operation.

    Args:
        operation: The operation.
        inputs: The values of every signal, row-major.
        shapes: Their shapes (T, batch, shape of one sample), of 3 to 5 axes.

    Returns:
        Currents of shape (T, batch, shape of one sample).

    Raises:
        Error: `shape`, `non_finite`; of integers `overflow`.
    """
    check_shape("shapes", len(shapes), len(inputs))
    var signals = List[Signal[T.dtype]]()
    var given = List[List[Int]]()
    for k in range(len(inputs)):
        ref shape = shapes[k]
        if not 3 <= len(shape) <= 5 or shape[0:2] != shapes[0][0:2]:
            raise refusal(
                "shape",
                String(
                    "signals are (T, batch, shape), T and batch alike, not ",
                    shown(shape),
                ),
            )
        check_shape("inputs", len(inputs[k]), product(shape))
        check_finite("inputs", inputs[k])
        given.append(List[Int](Span(shape)[2 : len(shape)]))
        var values = List[Scalar[T.dtype]]()
        swap(values, inputs[k])
        signals.append(Signal(given[k].copy(), values=values^, is_steady=False))
    var result = operation.output_shape(given)
    var steps = shapes[0][0]
    var batch = shapes[0][1]
    comptime if T.dtype.is_integral():
        var reach = [largest(signal.values) for signal in signals]
        check_bound("currents", operation.bound(reach))
        if operation.remembers():  # sums over all steps
            check_bound("sums", Float64(steps) * reach[0])
    var values = operation.currents(
        signals, [k for k in range(len(signals))], steps, batch
    )
    check_finite("currents", values)
    var shape: List[Int] = [steps, batch]
    shape.extend(result^)
    return Currents(shape^, values^)
