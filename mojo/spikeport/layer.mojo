"""One layer: spikes in, weighted sums, neurons, spikes out.

    I[j] = (0 + W[j, 0]·x[0] + W[j, 1]·x[1] + …) + b[j]

in this order and with no fused multiply-add. The sum starts at +0 and so can
never be -0, which is why terms with `x[k] = 0` are left out; the bias is last.
"""
from std.sys.info import size_of

from .checks import check_finite, check_shape, product, refusal
from .integrate_fire import Trace
from .neuron import Neuron

comptime ROWS = 64
"""Rows of inputs that are worked on together."""


def layer_forward[
    dtype: DType, //
](
    inputs: List[Scalar[dtype]],
    steps: Int,
    batch: Int,
    n_in: Int,
    weights: List[Scalar[dtype]],
    n_out: Int,
    bias: Optional[List[Scalar[dtype]]],
    neuron: Neuron,
) raises -> Trace[dtype]:
    """Runs one layer over inputs of shape (steps, batch, n_in).

    Parameters:
        dtype: Element type.

    Args:
        inputs: Spikes or values.
        steps: Number of steps T.
        batch: Number of samples B.
        n_in: Number of inputs.
        weights: Weights of shape (n_out, n_in).
        n_out: Number of neurons.
        bias: Bias of shape (n_out,), or None.
        neuron: The neurons.

    Returns:
        Spikes (T, B, n_out), membrane and counts (B, n_out).

    Raises:
        Error: `shape`, `non_finite`, and those of the neuron.
    """
    check_shape("inputs", len(inputs), product(steps, batch, n_in))
    check_shape("weights", len(weights), product(n_out, n_in))
    if n_in < 0 or steps < 0 or batch < 0 or n_out < 0:
        raise refusal("shape", "a size is negative")
    if bias:
        check_shape("bias", len(bias.value()), n_out)
        check_finite("bias", bias.value())
    check_finite("inputs", inputs)
    check_finite("weights", weights)
    neuron.check(n_out)
    var sums = WeightedSum(weights, n_in, n_out, bias)
    var currents = sums.of(inputs, product(steps, batch))
    return neuron.fire(currents, steps, batch * n_out, batch, n_out)


struct WeightedSum[dtype: DType](Copyable):
    """Weights and bias, laid out so that a vector of neurons sums at once.

    Parameters:
        dtype: Element type.
    """

    var packed: List[Scalar[Self.dtype]]
    """The weights as `pack` lays them out."""
    var bias: List[Scalar[Self.dtype]]
    """The bias, or nothing."""
    var n_in: Int
    """Number of inputs."""
    var n_out: Int
    """Number of neurons."""

    def __init__(
        out self,
        weights: List[Scalar[Self.dtype]],
        n_in: Int,
        n_out: Int,
        bias: Optional[List[Scalar[Self.dtype]]],
    ):
        """Lays out weights whose length is known to be `n_out·n_in`.

        Args:
            weights: Weights of shape (n_out, n_in).
            n_in: Number of inputs.
            n_out: Number of neurons.
            bias: Bias of shape (n_out,), or None.
        """
        self.n_in = n_in
        self.n_out = n_out
        self.bias = bias.copy().or_else([])
        self.packed = List[Scalar[Self.dtype]](
            length=packed_length[Self.dtype](n_in, n_out), fill=0
        )
        # Sound: `packed` has the length that `pack` fills.
        pack(weights.unsafe_ptr(), n_in, n_out, self.packed.unsafe_ptr())

    def of[
        input_type: DType, //
    ](self, inputs: List[Scalar[input_type]], rows: Int) raises -> List[
        Scalar[Self.dtype]
    ]:
        """Sums rows of inputs.

        Parameters:
            input_type: Type of the inputs: `int8` spikes, or the element type.

        Args:
            inputs: Finite inputs of shape (rows, n_in).
            rows: Number of rows.

        Returns:
            Currents of shape (rows, n_out).

        Raises:
            Error: `non_finite` for a current that overflows.
        """
        var currents = List[Scalar[Self.dtype]](
            length=rows * self.n_out, fill=0
        )
        var active = List[Int32](length=ROWS * (self.n_in + 1), fill=0)
        # Sound: the lengths are those that `weighted_sum` asks for.
        weighted_sum(
            inputs.unsafe_ptr(),
            rows,
            self.packed.unsafe_ptr(),
            self.n_in,
            self.n_out,
            self.bias.unsafe_ptr(),
            len(self.bias) > 0,
            active.unsafe_ptr(),
            currents.unsafe_ptr(),
        )
        check_finite("currents", currents)
        return currents^


def panel_of[dtype: DType]() -> Int:
    """Returns how many neurons sum at once: 256 bytes of them.

    Parameters:
        dtype: Element type.

    Returns:
        Neurons a panel.
    """
    return 256 // size_of[Scalar[dtype]]()


def packed_length[dtype: DType](n_in: Int, n_out: Int) -> Int:
    """Returns the length of packed weights.

    Parameters:
        dtype: Element type.

    Args:
        n_in: Number of inputs.
        n_out: Number of neurons.

    Returns:
        Number of values, the last panel padded.
    """
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
    """Lays weights out in panels of neurons: (panel, input, neuron).

    Parameters:
        dtype: Element type.

    Args:
        weights: Weights of shape (n_out, n_in).
        n_in: Number of inputs.
        n_out: Number of neurons.
        packed: Receives `packed_length` values; padding is 0.
    """
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

    Allocates nothing.

    Parameters:
        input_type: Type of the inputs.
        dtype: Element type.

    Args:
        inputs: Inputs of shape (rows, n_in).
        rows: Number of rows.
        packed: Weights as `pack` lays them out.
        n_in: Number of inputs, below 2^31.
        n_out: Number of neurons.
        bias: Bias of shape (n_out,), read where `has_bias`.
        has_bias: Whether there is a bias.
        active: Room for `ROWS·(n_in + 1)` indices.
        currents: Receives the currents (rows, n_out).
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
    """Lists the inputs that are not 0.

    Parameters:
        input_type: Type of the inputs.

    Args:
        inputs: One row of inputs.
        n_in: Its length.
        active: Receives how many there are, negative unless all of them are 1,
            then their indices.
    """
    var count = 0
    var ones = True
    for k in range(n_in):
        var x = inputs[unsafe_offset=k]
        # Written always, counted only where x is not 0: no branch to guess.
        active[unsafe_offset=1 + count] = Int32(k)
        count += Int(x != 0)
        ones = ones and (x == 0 or x == 1)
    active[unsafe_offset=0] = Int32(count if ones else -count)
