"""Weighted sums: the one loop that adds, for every operation with weights.

    sum[j] = (0 + W[j, 0]·x[0] + W[j, 1]·x[1] + …) + b[j]

in this order and with no fused multiply-add. The sum starts at +0 and so can
never be -0, which is why terms with `x[k] = 0` are left out; the bias is last.
"""
from std.sys.info import size_of

comptime ROWS = 64
"""Rows of inputs that are worked on together."""


struct Packed[dtype: DType](Copyable):
    """Weights and bias, laid out so that a vector of outputs sums at once."""

    var weights: List[Scalar[Self.dtype]]
    """The weights as `pack` lays them out."""
    var bias: List[Scalar[Self.dtype]]
    """The bias, or nothing."""
    var n_in: Int
    """Number of inputs."""
    var n_out: Int
    """Number of outputs."""

    def __init__(
        out self,
        weights: List[Scalar[Self.dtype]],
        n_in: Int,
        n_out: Int,
        bias: Optional[List[Scalar[Self.dtype]]],
    ):
        """Lays out checked weights of shape (n_out, n_in)."""
        self.n_in = n_in
        self.n_out = n_out
        self.bias = bias.copy().or_else([])
        self.weights = List[Scalar[Self.dtype]](
            length=packed_length[Self.dtype](n_in, n_out), fill=0
        )
        # Sound: `self.weights` has the length that `pack` fills.
        pack(weights.unsafe_ptr(), n_in, n_out, self.weights.unsafe_ptr())

    def sums[
        input_type: DType, //
    ](self, inputs: List[Scalar[input_type]], rows: Int) -> List[
        Scalar[Self.dtype]
    ]:
        """Sums inputs (rows, n_in), `int8` spikes or values, to (rows, n_out).
        """
        var sums = List[Scalar[Self.dtype]](length=rows * self.n_out, fill=0)
        var active = List[Int32](length=ROWS * (self.n_in + 1), fill=0)
        # Sound: the lengths are those that `weighted_sum` asks for.
        weighted_sum(
            inputs.unsafe_ptr(),
            rows,
            self.weights.unsafe_ptr(),
            self.n_in,
            self.n_out,
            self.bias.unsafe_ptr(),
            len(self.bias) > 0,
            active.unsafe_ptr(),
            sums.unsafe_ptr(),
        )
        return sums^

    def bound(self, reach: Float64) -> Float64:
        """Returns the largest sum in absolute value for inputs up to `reach`.
        """
        comptime panel = panel_of[Self.dtype]()
        var most = 0.0
        for first in range(0, self.n_out, panel):
            # Sound: `pack` fills whole panels.
            var weights = self.weights.unsafe_ptr().unsafe_offset(
                first * self.n_in
            )
            var mass = SIMD[DType.float64, panel](0)
            for k in range(self.n_in):
                var w = weights.unsafe_load[width=panel](k * panel)
                mass += abs(w.cast[DType.float64]())
            for j in range(min(panel, self.n_out - first)):
                var sum = mass[j] * reach
                if len(self.bias) > 0:
                    sum += abs(self.bias[first + j].cast[DType.float64]())
                most = max(most, sum)
        return most


def panel_of[dtype: DType]() -> Int:
    """Returns how many outputs sum at once: 256 bytes of them."""
    return 256 // size_of[Scalar[dtype]]()


def packed_length[dtype: DType](n_in: Int, n_out: Int) -> Int:
    """Returns the length of packed weights, the last panel padded."""
    comptime panel = panel_of[dtype]()
    return (n_out + panel - 1) // panel * panel * n_in


def pack[
    dtype: DType, //
](
    weights: ImmPointer[Scalar[dtype], _],
    n_in: Int,
    n_out: Int,
    packed: MutPointer[Scalar[dtype], _],
):
    """Lays weights (n_out, n_in) out in panels of neurons, the last one padded
    with zeros: (panel, input, neuron)."""
    comptime panel = panel_of[dtype]()
    for first in range(0, n_out, panel):
        var target = packed.unsafe_offset(first * n_in)
        var height = min(panel, n_out - first)
        for k in range(n_in):
            for j in range(height):
                target[unsafe_offset=k * panel + j] = weights[
                    unsafe_offset=(first + j) * n_in + k
                ]
            for j in range(height, panel):
                target[unsafe_offset=k * panel + j] = 0


def weighted_sum[
    input_type: DType, dtype: DType, //
](
    inputs: ImmPointer[Scalar[input_type], _],
    rows: Int,
    packed: ImmPointer[Scalar[dtype], _],
    n_in: Int,
    n_out: Int,
    bias: ImmPointer[Scalar[dtype], _],
    has_bias: Bool,
    active: MutPointer[Int32, _],
    currents: MutPointer[Scalar[dtype], _],
):
    """Sums rows of inputs, each over its inputs that are not 0.

    Inputs are (rows, n_in), the weights those of `pack`, the bias is read where
    `has_bias`, `active` is room for `ROWS·(n_in + 1)` indices, and currents are
    (rows, n_out). Allocates nothing.
    """
    comptime panel = panel_of[dtype]()

    def sum_panel[
        ones: Bool
    ](row: Int, index: MutPointer[Int32, _], count: Int, first: Int) {
        imm
    } -> SIMD[dtype, panel]:
        var x = inputs.unsafe_offset(row * n_in)
        var weights = packed.unsafe_offset(first * n_in)
        var total = SIMD[dtype, panel](0)
        for i in range(count):
            var k = Int(index[unsafe_offset=i])
            var w = weights.unsafe_load[width=panel](k * panel)
            comptime if ones:
                total += w
            else:
                total += w * x[unsafe_offset=k].cast[dtype]()
        return total

    for block in range(0, rows, ROWS):
        var height = min(ROWS, rows - block)
        for r in range(height):
            find_active(
                inputs.unsafe_offset((block + r) * n_in),
                n_in,
                active.unsafe_offset(r * (n_in + 1)),
            )
        for first in range(0, n_out, panel):
            for r in range(height):
                var index = active.unsafe_offset(r * (n_in + 1))
                # The sign says whether every active input is 1.
                var count = Int(index[unsafe_offset=0])
                var entries = index.unsafe_offset(1)
                var total = sum_panel[True](
                    block + r, entries, count, first
                ) if count >= 0 else sum_panel[False](
                    block + r, entries, -count, first
                )
                var target = currents.unsafe_offset((block + r) * n_out + first)
                if first + panel <= n_out:
                    if has_bias:
                        total += bias.unsafe_load[width=panel](first)
                    target.unsafe_store(0, total)
                else:
                    for j in range(n_out - first):
                        var sum = total[j]
                        if has_bias:
                            sum += bias[unsafe_offset=first + j]
                        target[unsafe_offset=j] = sum


def find_active[
    input_type: DType, //
](
    inputs: ImmPointer[Scalar[input_type], _],
    n_in: Int,
    active: MutPointer[Int32, _],
):
    """Writes how many inputs of a row are not 0, as a negative number unless
    all of them are 1, then their indices."""
    var count = 0
    var ones = True
    for k in range(n_in):
        var x = inputs[unsafe_offset=k]
        # Written always, counted only where x is not 0: no branch to guess.
        active[unsafe_offset=1 + count] = Int32(k)
        count += Int(x != 0)
        ones = ones and (x == 0 or x == 1)
    active[unsafe_offset=0] = Int32(count if ones else -count)
