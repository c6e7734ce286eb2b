"""A convolution over one or two axes, in groups.

    I[c, p] = (Σ_{d, q} W[c, d, q]·x[g·(C/groups) + d, at(p, q)]) + b[c]

with g = floor(c·groups/out), terms in ascending order of the flat index of the
input that they read, from +0, only where `at(p, q)` lies inside the input, and
the bias last. Events are scattered: those of a sample come in ascending order,
each is added to all outputs that read it, so each output gets its terms in that
order. An input of 0 is no event.
"""
from std.sys.info import simd_width_of

from ..checks import check_finite, check_shape, product, refusal
from .operation import Operation, Signal, shown, the_only
from .window import Axis, Window


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
            Error: `shape`, `non_finite`.
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
        check_finite("weights", weights)
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


def padded[dtype: DType](outs: Int) -> Int:
    """Returns the channels of a group, rounded up to whole vectors."""
    comptime lanes = simd_width_of[dtype]()
    return (outs + lanes - 1) // lanes * lanes


def pack_taps[
    dtype: DType, //
](
    weights: ImmPointer[Scalar[dtype], _],
    groups: Int,
    outs: Int,
    terms: Int,
    packed: MutPointer[Scalar[dtype], _],
):
    """Lays weights (groups, outs, terms) out as (groups, terms, outs), the
    outs padded with zeros to whole vectors."""
    var width = padded[dtype](outs)
    for g in range(groups):
        var source = weights.unsafe_offset(g * outs * terms)
        var target = packed.unsafe_offset(g * terms * width)
        for k in range(terms):
            for j in range(width):
                target[unsafe_offset=k * width + j] = (
                    source[unsafe_offset=j * terms + k] if j < outs else 0
                )


def scatter[
    input_type: DType, dtype: DType, //
](
    inputs: ImmPointer[Scalar[input_type], _],
    rows: Int,
    groups: Int,
    channels: Int,
    outs: Int,
    height: Axis,
    width: Axis,
    packed: ImmPointer[Scalar[dtype], _],
    bias: ImmPointer[Scalar[dtype], _],
    has_bias: Bool,
    taps: MutPointer[Int32, _],
    sums: MutPointer[Scalar[dtype], _],
    currents: MutPointer[Scalar[dtype], _],
):
    """Sums rows of inputs (groups, channels, height, width) to currents
    (groups, outs, places…).

    The weights are those of `pack_taps`, the bias (groups·outs,) is read where
    `has_bias`. `taps` is room for 3·(height + width) indices, `sums` for the
    padded outs of every place. Allocates nothing.
    """
    comptime lanes = simd_width_of[dtype]()
    var vectors = padded[dtype](outs)
    var positions = height.places * width.places
    var across = taps.unsafe_offset(3 * height.size)
    height.write_taps(taps)
    width.write_taps(across)
    var y_step = height.q_step() * width.kernel * vectors
    var y_place = height.p_step() * width.places * vectors
    var x_step = width.q_step() * vectors
    var x_place = width.p_step() * vectors
    var terms = height.kernel * width.kernel * vectors

    def scatter_row(
        line: ImmPointer[Scalar[input_type], _],
        weights: ImmPointer[Scalar[dtype], _],
        y: Int,
    ) {imm}:
        var first_y = Int(taps[unsafe_offset=3 * y]) * width.kernel * vectors
        var place_y = Int(taps[unsafe_offset=3 * y + 1]) * (
            width.places * vectors
        )
        var count_y = Int(taps[unsafe_offset=3 * y + 2])
        for x in range(width.size):
            var value = line[unsafe_offset=x]
            if value == 0:
                continue
            var factor = SIMD[dtype, lanes](value.cast[dtype]())
            var first = first_y + Int(across[unsafe_offset=3 * x]) * vectors
            var place = place_y + Int(across[unsafe_offset=3 * x + 1]) * vectors
            var count = Int(across[unsafe_offset=3 * x + 2])
            for a in range(count_y):
                var w = weights.unsafe_offset(first + a * y_step)
                var target = sums.unsafe_offset(place - a * y_place)
                for b in range(count):
                    for j in range(0, vectors, lanes):
                        var term = (
                            w.unsafe_load[width=lanes](b * x_step + j) * factor
                        )
                        var at = j - b * x_place
                        target.unsafe_store(
                            at, target.unsafe_load[width=lanes](at) + term
                        )

    for row in range(rows):
        for g in range(groups):
            for k in range(positions * vectors):
                sums[unsafe_offset=k] = 0
            for d in range(channels):
                var plane = ((row * groups + g) * channels + d) * height.size
                var weights = packed.unsafe_offset((g * channels + d) * terms)
                for y in range(height.size):
                    scatter_row(
                        inputs.unsafe_offset((plane + y) * width.size),
                        weights,
                        y,
                    )
            for j in range(outs):
                var target = currents.unsafe_offset(
                    ((row * groups + g) * outs + j) * positions
                )
                var b = bias[unsafe_offset=g * outs + j] if has_bias else 0
                for p in range(positions):
                    var sum = sums[unsafe_offset=p * vectors + j]
                    target[unsafe_offset=p] = sum + b if has_bias else sum
