"""Max pooling: the difference of running maxima.

    X[t] = X[t-1] + x[t];   Y[t, c, p] = max_q X[t, c, at(p, q)]
    I[t] = Y[t] - Y[t-1];   X[-1] = 0, Y[-1] = 0

So the sum of what it gives is the largest sum in its window, and spikes of 0 and
1 give spikes of 0 and 1. It is the one operation that remembers.
"""
from ..checks import product
from .operation import Operation, Signal, the_only
from .pool import pool_shape, pool_window
from .window import Axis, Window


struct MaxPool[element: DType](Operation):
    """`I[t] = Y[t] - Y[t-1]`, `Y[t, c, p] = max_q Σ_{s ≤ t} x[s, c, at(p, q)]`.

    Parameters:
        element: Type of the currents.
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
            Error: `shape`.
        """
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
        """Tells that a step hangs on those before it.

        Returns:
            True.
        """
        return True

    def bound(self, reach: List[Float64]) -> Float64:
        """Returns what its currents can reach in absolute value.

        Args:
            reach: What the signals that it reads reach: one number.

        Returns:
            The same: a current is the difference of two maxima of sums.
        """
        return reach[0]

    def currents(
        self,
        signals: List[Signal[Self.dtype]],
        sources: List[Int],
        steps: Int,
        batch: Int,
    ) -> List[Scalar[Self.dtype]]:
        """Follows the largest sum in every window.

        Args:
            signals: The signals of a run.
            sources: Which of them it reads: one.
            steps: Number of steps.
            batch: Number of samples.

        Returns:
            Currents of shape (steps, batch, C, o…).
        """
        ref signal = signals[sources[0]]
        var stride = signal.stride(batch)
        var planes = batch * signal.shape[0]
        var height = self.window.axis(0, signal.shape)
        var width = self.window.axis(1, signal.shape)
        var size = planes * height.places * width.places
        var running = List[Scalar[Self.dtype]](
            length=planes * height.size * width.size, fill=0
        )
        var largest = List[Scalar[Self.dtype]](length=size, fill=0)
        var currents = List[Scalar[Self.dtype]](length=steps * size, fill=0)

        # Sound: a plane has height · width values, and places · places maxima.
        def go[
            input_type: DType
        ](inputs: List[Scalar[input_type]]) {
            mut running, mut largest, mut currents, imm
        }:
            max_pool_steps(
                inputs.unsafe_ptr(),
                steps,
                stride,
                planes,
                height,
                width,
                running.unsafe_ptr(),
                largest.unsafe_ptr(),
                currents.unsafe_ptr(),
            )

        if signal.is_spiking:
            go(signal.spikes)
        else:
            go(signal.values)
        return currents^


def max_pool_steps[
    input_type: DType, dtype: DType, //
](
    inputs: ImmPointer[Scalar[input_type], _],
    steps: Int,
    stride: Int,
    planes: Int,
    height: Axis,
    width: Axis,
    running: MutPointer[Scalar[dtype], _],
    largest: MutPointer[Scalar[dtype], _],
    currents: MutPointer[Scalar[dtype], _],
):
    """Follows the maxima of planes (height, width) and allocates nothing.

    `stride` values lie between one step of the inputs and the next, or 0.
    Running sums (planes, height, width) and maxima (planes, places, places)
    hold the state before the steps, and then the one after.
    """
    var size = height.size * width.size
    var windows = height.places * width.places
    for t in range(steps):
        for plane in range(planes):
            var X = running.unsafe_offset(plane * size)
            for k in range(size):
                X[unsafe_offset=k] += inputs[
                    unsafe_offset=t * stride + plane * size + k
                ].cast[dtype]()
            var at = plane * windows
            for i in range(height.places):
                var rows = height.inside(i)
                var top = i * height.stride - height.padding
                for j in range(width.places):
                    var columns = width.inside(j)
                    var left = j * width.stride - width.padding
                    var Y = Scalar[dtype].MIN
                    for a in range(rows[0], rows[1]):
                        var line = X.unsafe_offset((top + a) * width.size)
                        for b in range(columns[0], columns[1]):
                            Y = max(Y, line[unsafe_offset=left + b])
                    currents[unsafe_offset=t * planes * windows + at] = (
                        Y - largest[unsafe_offset=at]
                    )
                    largest[unsafe_offset=at] = Y
                    at += 1
