"""Sum and average of a window, channel by channel.

    sum_pool   I[c, p] = Σ_q x[c, at(p, q)]
    avg_pool   I[c, p] = (Σ_q x[c, at(p, q)])/(number of places of the window)

q ascending from +0, only where `at(p, q)` lies inside the input; those in the
padding count among the places of the window.
"""
from ..checks import product, refusal
from .operation import Operation, Signal, the_only
from .window import Axis, Window


struct Pool[element: DType, average: Bool](Operation):
    """`I[c, p] = Σ_q x[c, at(p, q)]`, which `average` divides by the places of
    the window.

    Parameters:
        element: Type of the currents.
        average: Whether the sum is divided.
    """

    comptime dtype = Self.element
    """Type of the currents."""

    var window: Window
    """The window that moves over the input."""

    def __init__(
        out self,
        var kernel: List[Int],
        *,
        var stride: Optional[List[Int]] = None,
        var padding: Optional[List[Int]] = None,
    ) raises:
        """Checks the window.

        Args:
            kernel: One number for each axis of the window.
            stride: Likewise; the kernel by default.
            padding: Likewise, below the kernel; 0 by default.

        Raises:
            Error: `shape`; `operation` for an average of integers.
        """
        comptime if Self.average and Self.element.is_integral():
            raise refusal(
                "operation",
                (
                    "an average of integers is none: take sum_pool, and the"
                    " factor into the threshold or the weights behind it"
                ),
            )
        self.window = pool_window(kernel^, stride^, padding^)

    def output_shape(self, inputs: List[List[Int]]) raises -> List[Int]:
        """Returns the shape of the currents.

        Args:
            inputs: Shape of every signal that it reads: one, (C, n…).

        Returns:
            The shape (C, o…).

        Raises:
            Error: `shape`.
        """
        return pool_shape(self.window, the_only(inputs, "a pool"))

    def remembers(self) -> Bool:
        """Tells that a step knows nothing of those before it.

        Returns:
            False.
        """
        return False

    def bound(self, reach: List[Float64]) -> Float64:
        """Returns what its currents can reach in absolute value.

        Args:
            reach: What the signals that it reads reach: one number.

        Returns:
            That for every place of the window.
        """
        return Float64(product(self.window.kernel)) * reach[0]

    def currents(
        self,
        signals: List[Signal[Self.dtype]],
        sources: List[Int],
        steps: Int,
        batch: Int,
    ) -> List[Scalar[Self.dtype]]:
        """Sums what it reads.

        Args:
            signals: The signals of a run.
            sources: Which of them it reads: one.
            steps: Number of steps, 1 where that one is steady.
            batch: Number of samples.

        Returns:
            Currents of shape (steps, batch, C, o…).
        """
        ref signal = signals[sources[0]]
        var planes = steps * batch * signal.shape[0]
        var height = self.window.axis(0, signal.shape)
        var width = self.window.axis(1, signal.shape)
        var currents = List[Scalar[Self.dtype]](
            length=planes * height.places * width.places, fill=0
        )

        # Sound: a plane has height · width values, and places · places sums.
        def go[
            input_type: DType
        ](inputs: List[Scalar[input_type]]) {mut currents, imm}:
            pool_sums[Self.average](
                inputs.unsafe_ptr(),
                planes,
                height,
                width,
                currents.unsafe_ptr(),
            )

        if signal.is_spiking:
            go(signal.spikes)
        else:
            go(signal.values)
        return currents^


comptime SumPool[element: DType] = Pool[element, False]
"""The sum of a window.

Parameters:
    element: Type of the currents.
"""
comptime AvgPool[element: DType] = Pool[element, True]
"""The average of a window.

Parameters:
    element: Type of the currents.
"""


def pool_window(
    var kernel: List[Int],
    var stride: Optional[List[Int]],
    var padding: Optional[List[Int]],
) raises -> Window:
    """Returns the window of a pool; raises `shape`."""
    var window = Window(
        kernel.copy(), stride=stride^.or_else(kernel^), padding=padding^
    )
    for k in range(len(window.kernel)):
        if window.padding[k] >= window.kernel[k]:
            raise refusal(
                "shape",
                String(
                    "a pool's padding ",
                    window.padding[k],
                    " is not below its kernel ",
                    window.kernel[k],
                ),
            )
    return window^


def pool_shape(window: Window, shape: List[Int]) raises -> List[Int]:
    """Returns what a pool makes of a shape (C, n…)."""
    var places = window.places(shape)
    var result: List[Int] = [shape[0]]
    result.extend(places^)
    return result^


def pool_sums[
    input_type: DType, dtype: DType, //, average: Bool
](
    inputs: ImmPointer[Scalar[input_type], _],
    planes: Int,
    height: Axis,
    width: Axis,
    sums: MutPointer[Scalar[dtype], _],
):
    """Sums the windows of planes (height, width) to (places, places); allocates
    nothing."""
    var places = Scalar[dtype](height.kernel * width.kernel)
    for plane in range(planes):
        var x = inputs.unsafe_offset(plane * height.size * width.size)
        var target = sums.unsafe_offset(plane * height.places * width.places)
        for i in range(height.places):
            var rows = height.inside(i)
            var top = i * height.stride - height.padding
            for j in range(width.places):
                var columns = width.inside(j)
                var left = j * width.stride - width.padding
                var total = Scalar[dtype](0)
                for a in range(rows[0], rows[1]):
                    var line = x.unsafe_offset((top + a) * width.size)
                    for b in range(columns[0], columns[1]):
                        total += line[unsafe_offset=left + b].cast[dtype]()
                comptime if average and dtype.is_floating_point():
                    total /= places
                target[unsafe_offset=i * width.places + j] = total
