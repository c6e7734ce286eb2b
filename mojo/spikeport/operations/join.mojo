"""What joins several signals.

    add      I = ((0 + x_0) + x_1) + … in the order in which the node names them
    concat   I = x_0, behind it x_1, … along the first axis
"""
from ..checks import product, refusal
from .operation import Operation, Signal, shown


struct Add[element: DType](Operation):
    """`I = ((0 + x_0) + x_1) + …`: two signals or more, all of one shape.

    Parameters:
        element: Type of the currents.
    """

    comptime dtype = Self.element
    """Type of the currents."""

    def __init__(out self):
        """Makes the operation."""
        pass

    def output_shape(self, inputs: List[List[Int]]) raises -> List[Int]:
        """Returns the shape of the currents.

        Args:
            inputs: Shape of every signal that it reads: two or more, all alike.

        Returns:
            That shape.

        Raises:
            Error: `shape`.
        """
        return add_shape(inputs)

    def remembers(self) -> Bool:
        """Tells that a step knows nothing of those before it.

        Returns:
            False.
        """
        return False

    def bound(self, reach: List[Float64]) -> Float64:
        """Returns what its currents can reach in absolute value.

        Args:
            reach: What the signals that it reads reach, in order.

        Returns:
            Their sum.
        """
        var most = 0.0
        for x in reach:
            most += x
        return most

    def currents(
        self,
        signals: List[Signal[Self.dtype]],
        sources: List[Int],
        steps: Int,
        batch: Int,
    ) -> List[Scalar[Self.dtype]]:
        """Adds what it reads.

        Args:
            signals: The signals of a run.
            sources: Which of them it reads, in order.
            steps: Number of steps, 1 where all of them are steady.
            batch: Number of samples.

        Returns:
            Currents of the shape of each.
        """
        var size = batch * product(signals[sources[0]].shape)
        var total = List[Scalar[Self.dtype]](length=steps * size, fill=0)
        for source in sources:
            ref signal = signals[source]
            var stride = signal.stride(batch)
            # Sound: a step of every signal has `size` values.
            for t in range(steps):
                var target = total.unsafe_ptr().unsafe_offset(t * size)
                if signal.is_spiking:
                    add_to(_from(signal.spikes, t * stride), size, target)
                else:
                    add_to(_from(signal.values, t * stride), size, target)
        return total^


struct Concat[element: DType](Operation):
    """`I = x_0, behind it x_1, …` along the first axis.

    Parameters:
        element: Type of the currents.
    """

    comptime dtype = Self.element
    """Type of the currents."""

    def __init__(out self):
        """Makes the operation."""
        pass

    def output_shape(self, inputs: List[List[Int]]) raises -> List[Int]:
        """Returns the shape of the currents.

        Args:
            inputs: Shape of every signal that it reads: two or more, alike
                behind the first axis.

        Returns:
            That shape, the first axes added up.

        Raises:
            Error: `shape`.
        """
        return concat_shape(inputs)

    def remembers(self) -> Bool:
        """Tells that a step knows nothing of those before it.

        Returns:
            False.
        """
        return False

    def bound(self, reach: List[Float64]) -> Float64:
        """Returns what its currents can reach in absolute value.

        Args:
            reach: What the signals that it reads reach, in order.

        Returns:
            The largest of them.
        """
        var most = 0.0
        for x in reach:
            most = max(most, x)
        return most

    def currents(
        self,
        signals: List[Signal[Self.dtype]],
        sources: List[Int],
        steps: Int,
        batch: Int,
    ) -> List[Scalar[Self.dtype]]:
        """Puts what it reads together.

        Args:
            signals: The signals of a run.
            sources: Which of them it reads, in order.
            steps: Number of steps, 1 where all of them are steady.
            batch: Number of samples.

        Returns:
            Currents of shape (steps, batch, shape).
        """
        var width = 0
        for source in sources:
            width += product(signals[source].shape)
        var whole = List[Scalar[Self.dtype]](
            length=steps * batch * width, fill=0
        )
        var first = 0
        for source in sources:
            ref signal = signals[source]
            var own = product(signal.shape)
            var stride = signal.stride(batch)
            # Sound: each sample of a step has room for `width` values.
            for t in range(steps):
                var target = whole.unsafe_ptr().unsafe_offset(
                    t * batch * width + first
                )
                if signal.is_spiking:
                    var x = _from(signal.spikes, t * stride)
                    put_rows(x, batch, own, width, target)
                else:
                    var x = _from(signal.values, t * stride)
                    put_rows(x, batch, own, width, target)
            first += own
        return whole^


def add_shape(inputs: List[List[Int]]) raises -> List[Int]:
    """Returns the shape that all signals of an `add` have."""
    if len(inputs) < 2:
        raise refusal("shape", "add reads two signals or more")
    for shape in inputs:
        if shape != inputs[0]:
            raise refusal(
                "shape",
                String(
                    "add reads ",
                    shown(inputs[0]),
                    " and ",
                    shown(shape),
                    ": give one shape",
                ),
            )
    return inputs[0].copy()


def concat_shape(inputs: List[List[Int]]) raises -> List[Int]:
    """Returns the shape of the signals of a `concat`, one behind the other."""
    if len(inputs) < 2:
        raise refusal("shape", "concat reads two signals or more")
    var result = inputs[0].copy()
    for k in range(1, len(inputs)):
        ref shape = inputs[k]
        var alike = len(shape) == len(result)
        for axis in range(1, len(shape)):
            alike = alike and shape[axis] == result[axis]
        if not alike:
            raise refusal(
                "shape",
                String(
                    "concat reads ",
                    shown(inputs[0]),
                    " and ",
                    shown(shape),
                    ": they must agree behind the first axis",
                ),
            )
        result[0] += shape[0]
    return result^


def add_to[
    input_type: DType, dtype: DType, //
](
    inputs: ImmPointer[Scalar[input_type], _],
    count: Int,
    total: MutPointer[Scalar[dtype], _],
):
    """Adds values to a total; allocates nothing."""
    for k in range(count):
        total[unsafe_offset=k] += inputs[unsafe_offset=k].cast[dtype]()


def put_rows[
    input_type: DType, dtype: DType, //
](
    inputs: ImmPointer[Scalar[input_type], _],
    rows: Int,
    width: Int,
    stride: Int,
    target: MutPointer[Scalar[dtype], _],
):
    """Copies rows of `width` values to where they stand `stride` apart;
    allocates nothing."""
    for row in range(rows):
        for k in range(width):
            target[unsafe_offset=row * stride + k] = inputs[
                unsafe_offset=row * width + k
            ].cast[dtype]()


def _from[
    dtype: DType, //
](values: List[Scalar[dtype]], first: Int) -> ImmPointer[
    Scalar[dtype], origin_of(values)
]:
    return values.unsafe_ptr().unsafe_offset(first)
