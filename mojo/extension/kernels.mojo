"""The kernels as a C library, for callers that bring their own buffers.

`mojo build --emit shared-lib` of this file gives a library that allocates
nothing and depends on nothing, Mojo's own runtime included. Every buffer is the
caller's, row-major and without gaps; `double` says whether its floats are
binary64 or binary32, 1 or 0, as for every flag. Arguments are checked by the
caller; shapes are those of the kernel that a function calls.
"""
from spikeport.checks import all_finite
from spikeport.encode import poisson_steps, sample_key
from spikeport.integrate_fire import if_steps
from spikeport.operations.join import add_to, put_rows
from spikeport.operations.max_pool import max_pool_steps
from spikeport.operations.pool import pool_sums
from spikeport.operations.scatter import pack_taps, padded, scatter
from spikeport.operations.weighted import (
    ROWS,
    pack,
    packed_length,
    weighted_sum,
)
from spikeport.operations.window import Axis
from spikeport.qcfs import quantise
from spikeport.several_spikes import several_steps
from spikeport.st_bif import st_bif_steps

comptime Floats = ImmPointer[UInt8, ImmUntrackedOrigin]
"""Floats that are read, of the type that `double` says."""
comptime FloatsOut = MutPointer[UInt8, MutUntrackedOrigin]
"""Floats that are written, of the type that `double` says."""
comptime SpikesOut = MutPointer[Int8, MutUntrackedOrigin]
"""Spikes that are written."""
comptime Axes = ImmPointer[Int, ImmUntrackedOrigin]
"""Two axes of a window, one behind the other: size, places, kernel, stride,
padding, dilation."""
comptime Rates = ImmPointer[Float64, ImmUntrackedOrigin]
"""Rates, always binary64."""


@export
def spikeport_all_finite(
    double: Int, values: Floats, count: Int
) abi("C") -> Int:
    """Returns 1 where no value is NaN or infinite, else 0."""
    if double != 0:
        return Int(all_finite(values.unsafe_bitcast[Float64](), count))
    return Int(all_finite(values.unsafe_bitcast[Float32](), count))


@export
def spikeport_if_steps(
    double: Int,
    hard: Int,
    max_spikes: Int,
    currents: Floats,
    steps: Int,
    stride: Int,
    batch: Int,
    neurons: Int,
    threshold: Floats,
    reset: Floats,
    beta: Floats,
    spikes: SpikesOut,
    membrane: FloatsOut,
    counts: MutPointer[Int64, MutUntrackedOrigin],
) abi("C"):
    """Runs integrate-and-fire neurons: `if_steps`, or `several_steps` where they
    may send several spikes in a step."""

    def several[dtype: DType]() {imm}:
        several_steps(
            currents.unsafe_bitcast[Scalar[dtype]](),
            steps,
            stride,
            batch,
            neurons,
            threshold.unsafe_bitcast[Scalar[dtype]](),
            max_spikes,
            spikes,
            membrane.unsafe_bitcast[Scalar[dtype]](),
            counts,
        )

    def run[dtype: DType, hard_reset: Bool]() {imm}:
        if_steps[hard_reset](
            currents.unsafe_bitcast[Scalar[dtype]](),
            steps,
            stride,
            batch,
            neurons,
            threshold.unsafe_bitcast[Scalar[dtype]](),
            reset.unsafe_bitcast[Scalar[dtype]](),
            beta.unsafe_bitcast[Scalar[dtype]](),
            spikes,
            membrane.unsafe_bitcast[Scalar[dtype]](),
            counts,
        )

    if max_spikes > 1:
        if double != 0:
            several[DType.float64]()
        else:
            several[DType.float32]()
    elif double != 0:
        if hard != 0:
            run[DType.float64, True]()
        else:
            run[DType.float64, False]()
    elif hard != 0:
        run[DType.float32, True]()
    else:
        run[DType.float32, False]()


@export
def spikeport_st_bif_steps(
    double: Int,
    currents: Floats,
    steps: Int,
    stride: Int,
    batch: Int,
    neurons: Int,
    threshold: Floats,
    tracer_min: Int,
    tracer_max: Int,
    spikes: SpikesOut,
    membrane: FloatsOut,
    tracer: MutPointer[Int64, MutUntrackedOrigin],
) abi("C"):
    """Runs ST-BIF neurons: `st_bif_steps`."""

    def run[dtype: DType]() {imm}:
        st_bif_steps(
            currents.unsafe_bitcast[Scalar[dtype]](),
            steps,
            stride,
            batch,
            neurons,
            threshold.unsafe_bitcast[Scalar[dtype]](),
            tracer_min,
            tracer_max,
            spikes,
            membrane.unsafe_bitcast[Scalar[dtype]](),
            tracer,
        )

    if double != 0:
        run[DType.float64]()
    else:
        run[DType.float32]()


@export
def spikeport_packed_length(double: Int, n_in: Int, n_out: Int) abi("C") -> Int:
    """Returns the length of packed weights."""
    if double != 0:
        return packed_length[DType.float64](n_in, n_out)
    return packed_length[DType.float32](n_in, n_out)


@export
def spikeport_pack(
    double: Int, weights: Floats, n_in: Int, n_out: Int, packed: FloatsOut
) abi("C"):
    """Lays weights (n_out, n_in) out for the weighted sums: `pack`."""

    def run[dtype: DType]() {imm}:
        pack(
            weights.unsafe_bitcast[Scalar[dtype]](),
            n_in,
            n_out,
            packed.unsafe_bitcast[Scalar[dtype]](),
        )

    if double != 0:
        run[DType.float64]()
    else:
        run[DType.float32]()


@export
def spikeport_active_length(n_in: Int) abi("C") -> Int:
    """Returns for how many 32-bit indices a weighted sum needs room."""
    return ROWS * (n_in + 1)


@export
def spikeport_weighted_sum(
    double: Int,
    spiking: Int,
    inputs: Floats,
    rows: Int,
    packed: Floats,
    n_in: Int,
    n_out: Int,
    bias: Floats,
    has_bias: Int,
    active: MutPointer[Int32, MutUntrackedOrigin],
    currents: FloatsOut,
) abi("C"):
    """Sums rows of 8-bit spikes, or of floats: `weighted_sum`."""

    def run[input_type: DType, dtype: DType]() {imm}:
        weighted_sum(
            inputs.unsafe_bitcast[Scalar[input_type]](),
            rows,
            packed.unsafe_bitcast[Scalar[dtype]](),
            n_in,
            n_out,
            bias.unsafe_bitcast[Scalar[dtype]](),
            has_bias != 0,
            active,
            currents.unsafe_bitcast[Scalar[dtype]](),
        )

    if double != 0:
        if spiking != 0:
            run[DType.int8, DType.float64]()
        else:
            run[DType.float64, DType.float64]()
    elif spiking != 0:
        run[DType.int8, DType.float32]()
    else:
        run[DType.float32, DType.float32]()


def axis_at(axes: Axes, k: Int) -> Axis:
    """Reads one axis of a window."""
    # Sound: there are six numbers for each of two axes.
    var own = axes.unsafe_offset(6 * k)
    return Axis(
        own[unsafe_offset=0],
        own[unsafe_offset=1],
        own[unsafe_offset=2],
        own[unsafe_offset=3],
        own[unsafe_offset=4],
        own[unsafe_offset=5],
    )


@export
def spikeport_padded(double: Int, outs: Int) abi("C") -> Int:
    """Returns the channels of a group, rounded up to whole vectors."""
    if double != 0:
        return padded[DType.float64](outs)
    return padded[DType.float32](outs)


@export
def spikeport_pack_taps(
    double: Int,
    weights: Floats,
    groups: Int,
    outs: Int,
    terms: Int,
    packed: FloatsOut,
) abi("C"):
    """Lays weights (groups, outs, terms) out for a convolution: `pack_taps`."""

    def run[dtype: DType]() {imm}:
        pack_taps(
            weights.unsafe_bitcast[Scalar[dtype]](),
            groups,
            outs,
            terms,
            packed.unsafe_bitcast[Scalar[dtype]](),
        )

    if double != 0:
        run[DType.float64]()
    else:
        run[DType.float32]()


@export
def spikeport_scatter(
    double: Int,
    spiking: Int,
    inputs: Floats,
    rows: Int,
    groups: Int,
    channels: Int,
    outs: Int,
    axes: Axes,
    packed: Floats,
    bias: Floats,
    has_bias: Int,
    taps: MutPointer[Int32, MutUntrackedOrigin],
    sums: FloatsOut,
    currents: FloatsOut,
) abi("C"):
    """Convolves rows of 8-bit spikes, or of floats: `scatter`."""

    def run[input_type: DType, dtype: DType]() {imm}:
        scatter(
            inputs.unsafe_bitcast[Scalar[input_type]](),
            rows,
            groups,
            channels,
            outs,
            axis_at(axes, 0),
            axis_at(axes, 1),
            packed.unsafe_bitcast[Scalar[dtype]](),
            bias.unsafe_bitcast[Scalar[dtype]](),
            has_bias != 0,
            taps,
            sums.unsafe_bitcast[Scalar[dtype]](),
            currents.unsafe_bitcast[Scalar[dtype]](),
        )

    if double != 0:
        if spiking != 0:
            run[DType.int8, DType.float64]()
        else:
            run[DType.float64, DType.float64]()
    elif spiking != 0:
        run[DType.int8, DType.float32]()
    else:
        run[DType.float32, DType.float32]()


@export
def spikeport_pool(
    double: Int,
    spiking: Int,
    average: Int,
    inputs: Floats,
    planes: Int,
    axes: Axes,
    currents: FloatsOut,
) abi("C"):
    """Sums the windows of planes, or averages them: `pool_sums`."""

    def run[input_type: DType, dtype: DType]() {imm}:
        var x = inputs.unsafe_bitcast[Scalar[input_type]]()
        var sums = currents.unsafe_bitcast[Scalar[dtype]]()
        var height = axis_at(axes, 0)
        var width = axis_at(axes, 1)
        if average != 0:
            pool_sums[True](x, planes, height, width, sums)
        else:
            pool_sums[False](x, planes, height, width, sums)

    if double != 0:
        if spiking != 0:
            run[DType.int8, DType.float64]()
        else:
            run[DType.float64, DType.float64]()
    elif spiking != 0:
        run[DType.int8, DType.float32]()
    else:
        run[DType.float32, DType.float32]()


@export
def spikeport_max_pool(
    double: Int,
    spiking: Int,
    inputs: Floats,
    steps: Int,
    stride: Int,
    planes: Int,
    axes: Axes,
    running: FloatsOut,
    largest: FloatsOut,
    currents: FloatsOut,
) abi("C"):
    """Follows the maxima of planes: `max_pool_steps`."""

    def run[input_type: DType, dtype: DType]() {imm}:
        max_pool_steps(
            inputs.unsafe_bitcast[Scalar[input_type]](),
            steps,
            stride,
            planes,
            axis_at(axes, 0),
            axis_at(axes, 1),
            running.unsafe_bitcast[Scalar[dtype]](),
            largest.unsafe_bitcast[Scalar[dtype]](),
            currents.unsafe_bitcast[Scalar[dtype]](),
        )

    if double != 0:
        if spiking != 0:
            run[DType.int8, DType.float64]()
        else:
            run[DType.float64, DType.float64]()
    elif spiking != 0:
        run[DType.int8, DType.float32]()
    else:
        run[DType.float32, DType.float32]()


@export
def spikeport_add(
    double: Int, spiking: Int, inputs: Floats, count: Int, total: FloatsOut
) abi("C"):
    """Adds values to a total: `add_to`."""

    def run[input_type: DType, dtype: DType]() {imm}:
        add_to(
            inputs.unsafe_bitcast[Scalar[input_type]](),
            count,
            total.unsafe_bitcast[Scalar[dtype]](),
        )

    if double != 0:
        if spiking != 0:
            run[DType.int8, DType.float64]()
        else:
            run[DType.float64, DType.float64]()
    elif spiking != 0:
        run[DType.int8, DType.float32]()
    else:
        run[DType.float32, DType.float32]()


@export
def spikeport_put_rows(
    double: Int,
    spiking: Int,
    inputs: Floats,
    rows: Int,
    width: Int,
    stride: Int,
    target: FloatsOut,
) abi("C"):
    """Copies rows to where they stand further apart: `put_rows`."""

    def run[input_type: DType, dtype: DType]() {imm}:
        put_rows(
            inputs.unsafe_bitcast[Scalar[input_type]](),
            rows,
            width,
            stride,
            target.unsafe_bitcast[Scalar[dtype]](),
        )

    if double != 0:
        if spiking != 0:
            run[DType.int8, DType.float64]()
        else:
            run[DType.float64, DType.float64]()
    elif spiking != 0:
        run[DType.int8, DType.float32]()
    else:
        run[DType.float32, DType.float32]()


@export
def spikeport_quantise(
    double: Int,
    x: Floats,
    batch: Int,
    neurons: Int,
    timesteps: Int,
    threshold: Floats,
    y: FloatsOut,
) abi("C"):
    """Quantises values (batch, neurons) by QCFS: `quantise`."""

    def run[dtype: DType]() {imm}:
        quantise(
            x.unsafe_bitcast[Scalar[dtype]](),
            batch,
            neurons,
            timesteps,
            threshold.unsafe_bitcast[Scalar[dtype]](),
            y.unsafe_bitcast[Scalar[dtype]](),
        )

    if double != 0:
        run[DType.float64]()
    else:
        run[DType.float32]()


@export
def spikeport_sample_keys(
    rates: Rates,
    batch: Int,
    neurons: Int,
    keys: MutPointer[UInt64, MutUntrackedOrigin],
) abi("C"):
    """Writes a key for every sample of rates (batch, neurons)."""
    for b in range(batch):
        # Sound: row b ends at (b + 1)·neurons, where the rates end at most.
        keys[unsafe_offset=b] = sample_key(
            rates.unsafe_offset(b * neurons), neurons
        )


@export
def spikeport_poisson_steps(
    rates: Rates,
    batch: Int,
    neurons: Int,
    first: Int,
    steps: Int,
    seed: UInt64,
    keys: ImmPointer[UInt64, ImmUntrackedOrigin],
    spikes: SpikesOut,
) abi("C"):
    """Draws spikes for rates (batch, neurons): `poisson_steps`."""
    poisson_steps(rates, batch, neurons, first, steps, seed, keys, spikes)
