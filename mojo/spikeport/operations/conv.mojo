"""A convolution over one or two axes, in groups.

    I[c, p] = (Σ_{d, q} W[c, d, q]·x[g·(C/groups) + d, at(p, q)]) + b[c]

with g = floor(c·groups/out), terms in ascending order of the flat index of the
input that they read, from +0, only where `at(p, q)` lies inside the input, and
the bias last; `scatter` adds them.
"""
from ..checks import (
    check_finite,
    check_shape,
    check_weights,
    product,
    refusal,
)
from .operation import Operation, Signal, shown, the_only
from .scatter import pack_taps, padded, scatter
from .window import Window


struct Conv[element: DType](Operation):
    """`I[c, p] = (Σ_{d, q} W[c, d, q]·x[d, at(p, q)]) + b[c]`, in groups.

    Parameters:
        element: Type of weights, bias and currents.
    """

    comptime dtype = Self.element
    """Type of weights, bias and currents."""

    var weights: List[Scalar[Self.element]]
    """The weights as `pack_taps` lays them out."""
    var bias: List[Scalar[Self.element]]
    """The bias, or nothing."""
    var n_out: Int
    """Channels that it gives."""
    var n_in: Int
    """Channels that it reads."""
    var groups: Int
    """Groups of channels that know nothing of each other."""
    var window: Window
    """The window that moves over the input."""

    def __init__(
        out self,
        weights: List[Scalar[Self.element]],
        shape: List[Int],
        bias: Optional[List[Scalar[Self.element]]] = None,
        *,
        var stride: Optional[List[Int]] = None,
        var padding: Optional[List[Int]] = None,
        var dilation: Optional[List[Int]] = None,
        groups: Int = 1,
    ) raises:
        """Checks the arrays and lays them out.

        Args:
            weights: W, flat.
            shape: Shape of W: (out, C/groups, kernel…), of 3 or 4 axes.
            bias: b, shape (out,), or None.
            stride: One number for each axis of the window; 1 by default.
            padding: Likewise; 0 by default.
            dilation: Likewise; 1 by default.
            groups: Groups of channels.

        Raises:
            Error: `shape`, `non_finite`; of integers `overflow`.
        """
        if len(shape) != 3 and len(shape) != 4:
            raise refusal(
                "shape",
                String(
                    "weights of a convolution are (out, channels, kernel…),",
                    " not ",
                    shown(shape),
                ),
            )
        var kernel = List[Int](Span(shape)[2 : len(shape)])
        self.window = Window(
            kernel.copy(),
            stride=stride^.or_else(List[Int](length=len(kernel), fill=1)),
            padding=padding^,
            dilation=dilation^,
        )
        if shape[0] < 1 or shape[1] < 1:
            raise refusal("shape", "a convolution needs channels")
        check_conv_groups(shape[0], groups)
        check_shape("weights", len(weights), product(shape))
        check_weights("weights", weights)
        if bias:
            check_shape("bias", len(bias.value()), shape[0])
            check_finite("bias", bias.value())
        self.n_out = shape[0]
        self.n_in = shape[1] * groups
        self.groups = groups
        self.bias = bias.copy().or_else([])
        var terms = shape[1] * product(kernel)
        var outs = self.n_out // groups
        self.weights = List[Scalar[Self.element]](
            length=groups * terms * padded[Self.element](outs), fill=0
        )
        # Sound: `self.weights` has the length that `pack_taps` fills.
        pack_taps(
            weights.unsafe_ptr(),
            groups,
            outs,
            terms,
            self.weights.unsafe_ptr(),
        )

    def take_bias(mut self) -> List[Scalar[Self.dtype]]:
        """Takes the bias out.

        Returns:
            The bias, one for each output channel, or nothing.
        """
        var bias = List[Scalar[Self.dtype]]()
        swap(bias, self.bias)
        return bias^

    def bound(self, reach: List[Float64]) -> Float64:
        """Returns what its currents can reach in absolute value.

        Args:
            reach: What the signals that it reads reach: one number.

        Returns:
            The largest channel of Σ |W|·x + |b|; padding makes no difference.
        """
        var outs = self.n_out // self.groups
        var width = padded[Self.element](outs)
        var terms = len(self.weights) // (self.groups * width)
        var most = 0.0
        for c in range(self.n_out):
            var first = c // outs * terms * width + c % outs
            var mass = 0.0
            for k in range(terms):
                var w = self.weights[first + k * width]
                mass += abs(w.cast[DType.float64]())
            var sum = mass * reach[0]
            if len(self.bias) > 0:
                sum += abs(self.bias[c].cast[DType.float64]())
            most = max(most, sum)
        return most

    def output_shape(self, inputs: List[List[Int]]) raises -> List[Int]:
        """Returns the shape of the currents.

        Args:
            inputs: Shape of every signal that it reads: one, (C, n…).

        Returns:
            The shape (out, o…).

        Raises:
            Error: `shape`.
        """
        var shape = the_only(inputs, "a convolution")
        var result = conv_shape(self.window, self.groups, self.n_out, shape)
        if shape[0] != self.n_in:
            raise refusal(
                "shape",
                String(
                    "a signal of ",
                    shape[0],
                    " channels feeds a convolution that takes ",
                    self.n_in,
                ),
            )
        return result^

    def remembers(self) -> Bool:
        """Tells that a step knows nothing of those before it.

        Returns:
            False.
        """
        return False

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
            Currents of shape (steps, batch, out, o…).
        """
        ref signal = signals[sources[0]]
        if signal.is_spiking:
            return self._sums(signal.spikes, signal.shape, steps * batch)
        return self._sums(signal.values, signal.shape, steps * batch)

    def _sums[
        input_type: DType, //
    ](
        self, inputs: List[Scalar[input_type]], shape: List[Int], rows: Int
    ) -> List[Scalar[Self.dtype]]:
        var height = self.window.axis(0, shape)
        var width = self.window.axis(1, shape)
        var outs = self.n_out // self.groups
        var positions = height.places * width.places
        var currents = List[Scalar[Self.dtype]](
            length=rows * self.n_out * positions, fill=0
        )
        var taps = List[Int32](length=3 * (height.size + width.size), fill=0)
        var sums = List[Scalar[Self.dtype]](
            length=positions * padded[Self.dtype](outs), fill=0
        )
        # Sound: the lengths are those that `scatter` asks for.
        scatter(
            inputs.unsafe_ptr(),
            rows,
            self.groups,
            self.n_in // self.groups,
            outs,
            height,
            width,
            self.weights.unsafe_ptr(),
            self.bias.unsafe_ptr(),
            len(self.bias) > 0,
            taps.unsafe_ptr(),
            sums.unsafe_ptr(),
            currents.unsafe_ptr(),
        )
        return currents^


def check_conv_groups(channels: Int, groups: Int) raises:
    """Refuses channels that cannot be split into so many groups."""
    if groups < 1 or channels % groups != 0:
        raise refusal(
            "shape",
            String(channels, " channels cannot be ", groups, " equal groups"),
        )


def conv_shape(
    window: Window, groups: Int, n_out: Int, shape: List[Int]
) raises -> List[Int]:
    """Returns what a convolution makes of a shape (C, n…)."""
    var places = window.places(shape)
    check_conv_groups(shape[0], groups)
    check_conv_groups(n_out, groups)
    var result: List[Int] = [n_out]
    result.extend(places^)
    return result^
