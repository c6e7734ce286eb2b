"""Scattered events: the one loop that adds, for convolutions.

The inputs of a sample that are not 0 are its events. They come in ascending
order of the flat index, each is added to all outputs that read it, so every
output gets its terms in that order, from +0; the bias is last. The sums of a
place lie side by side, so that a vector of channels sums at once.
"""
from std.sys.info import simd_width_of

from .window import Axis


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
