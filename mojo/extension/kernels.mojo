"""The kernels as a C library, for callers that bring their own buffers.

`mojo build --emit shared-lib` of this file gives a library that allocates
nothing and depends on nothing, Mojo's own runtime included. Every buffer is the
caller's, row-major and without gaps; `element` says of which type its values
are: 0 for binary32, 1 for binary64, 2 for integers of 32 bits. A flag is 0 or 1.
Arguments are checked by the caller, as is what integers could reach; shapes are
those of the kernel that a function calls.
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

comptime Values = ImmPointer[UInt8, ImmUntrackedOrigin]
"""Values that are read, of the type that `element` says."""
comptime ValuesOut = MutPointer[UInt8, MutUntrackedOrigin]
"""Values that are written, of the type that `element` says."""
comptime SpikesOut = MutPointer[Int8, MutUntrackedOrigin]
"""Spikes that are written."""
comptime Axes = ImmPointer[Int, ImmUntrackedOrigin]
"""Two axes of a window, one behind the other: size, places, kernel, stride,
padding, dilation."""
comptime Rates = ImmPointer[Float64, ImmUntrackedOrigin]
"""Rates, always binary64."""


def by_type[F: def[dtype: DType]() -> None, //](element: Int, body: F):
    """Calls what has an element type with the one that a caller says."""
    if element == 1:
        body[DType.float64]()
    elif element == 2:
        body[DType.int32]()
    else:
        body[DType.float32]()


def by_types[
    F: def[input_type: DType, dtype: DType]() -> None, //
](element: Int, spiking: Int, body: F):
    """Calls what reads spikes or values of an element type."""

    def of_spikes[dtype: DType]() {imm}:
        body[DType.int8, dtype]()

    def of_values[dtype: DType]() {imm}:
        body[dtype, dtype]()

    if spiking != 0:
        by_type(element, of_spikes)
    else:
        by_type(element, of_values)


@export
def spikeport_all_finite(
    element: Int, values: Values, count: Int
) abi("C") -> Int:
    """Returns 1 where no value is NaN or infinite, else 0; for floats."""
    if element == 1:
        return Int(all_finite(values.unsafe_bitcast[Float64](), count))
    return Int(all_finite(values.unsafe_bitcast[Float32](), count))


@export
def spikeport_if_steps(
    element: Int,
    hard: Int,
    max_spikes: Int,
    currents: Values,
    steps: Int,
    stride: Int,
    batch: Int,
    neurons: Int,
    threshold: Values,
    reset: Values,
    beta: Values,
    spikes: SpikesOut,
    membrane: ValuesOut,
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

    def steps_of[dtype: DType, is_hard: Bool]() {imm}:
        if_steps[is_hard](
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

    def hard_reset[dtype: DType]() {imm}:
        steps_of[dtype, True]()

    def soft_reset[dtype: DType]() {imm}:
        steps_of[dtype, False]()

    if max_spikes > 1:
        by_type(element, several)
    elif hard != 0:
        by_type(element, hard_reset)
    else:
        by_type(element, soft_reset)


@export
def spikeport_st_bif_steps(
    element: Int,
    currents: Values,
    steps: Int,
    stride: Int,
    batch: Int,
    neurons: Int,
    threshold: Values,
    tracer_min: Int,
    tracer_max: Int,
    spikes: SpikesOut,
    membrane: ValuesOut,
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

    by_type(element, run)


@export
def spikeport_packed_length(
    element: Int, n_in: Int, n_out: Int
) abi("C") -> Int:
    """Returns the length of packed weights."""
    var length = 0

    def run[dtype: DType]() {mut length, imm}:
        length = packed_length[dtype](n_in, n_out)

    by_type(element, run)
    return length


@export
def spikeport_pack(
    element: Int, weights: Values, n_in: Int, n_out: Int, packed: ValuesOut
) abi("C"):
    """Lays weights (n_out, n_in) out for the weighted sums: `pack`."""

    def run[dtype: DType]() {imm}:
        pack(
            weights.unsafe_bitcast[Scalar[dtype]](),
            n_in,
            n_out,
            packed.unsafe_bitcast[Scalar[dtype]](),
        )

    by_type(element, run)


@export
def spikeport_active_length(n_in: Int) abi("C") -> Int:
    """Returns for how many 32-bit indices a weighted sum needs room."""
    return ROWS * (n_in + 1)


@export
def spikeport_weighted_sum(
    element: Int,
    spiking: Int,
    inputs: Values,
    rows: Int,
    packed: Values,
    n_in: Int,
    n_out: Int,
    bias: Values,
    has_bias: Int,
    active: MutPointer[Int32, MutUntrackedOrigin],
    currents: ValuesOut,
) abi("C"):
    """Sums rows of 8-bit spikes, or of values: `weighted_sum`."""

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

    by_types(element, spiking, run)


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
def spikeport_padded(element: Int, outs: Int) abi("C") -> Int:
    """Returns the channels of a group, rounded up to whole vectors."""
    var length = 0

    def run[dtype: DType]() {mut length, imm}:
        length = padded[dtype](outs)

    by_type(element, run)
    return length


@export
def spikeport_pack_taps(
    element: Int,
    weights: Values,
    groups: Int,
    outs: Int,
    terms: Int,
    packed: ValuesOut,
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

    by_type(element, run)


@export
def spikeport_scatter(
    element: Int,
    spiking: Int,
    inputs: Values,
    rows: Int,
    groups: Int,
    channels: Int,
    outs: Int,
    axes: Axes,
    packed: Values,
    bias: Values,
    has_bias: Int,
    taps: MutPointer[Int32, MutUntrackedOrigin],
    sums: ValuesOut,
    currents: ValuesOut,
) abi("C"):
    """Convolves rows of 8-bit spikes, or of values: `scatter`."""

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

    by_types(element, spiking, run)


@export
def spikeport_pool(
    element: Int,
    spiking: Int,
    average: Int,
    inputs: Values,
    planes: Int,
    axes: Axes,
    currents: ValuesOut,
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

    by_types(element, spiking, run)


@export
def spikeport_max_pool(
    element: Int,
    spiking: Int,
    inputs: Values,
    steps: Int,
    stride: Int,
    planes: Int,
    axes: Axes,
    running: ValuesOut,
    largest: ValuesOut,
    currents: ValuesOut,
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

    by_types(element, spiking, run)


@export
def spikeport_add(
    element: Int, spiking: Int, inputs: Values, count: Int, total: ValuesOut
) abi("C"):
    """Adds values to a total: `add_to`."""

    def run[input_type: DType, dtype: DType]() {imm}:
        add_to(
            inputs.unsafe_bitcast[Scalar[input_type]](),
            count,
            total.unsafe_bitcast[Scalar[dtype]](),
        )

    by_types(element, spiking, run)


@export
def spikeport_put_rows(
    element: Int,
    spiking: Int,
    inputs: Values,
    rows: Int,
    width: Int,
    stride: Int,
    target: ValuesOut,
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

    by_types(element, spiking, run)


@export
def spikeport_quantise(
    element: Int,
    x: Values,
    batch: Int,
    neurons: Int,
    timesteps: Int,
    threshold: Values,
    y: ValuesOut,
) abi("C"):
    """Quantises floats (batch, neurons) by QCFS: `quantise`."""

    def run[dtype: DType]() {imm}:
        quantise(
            x.unsafe_bitcast[Scalar[dtype]](),
            batch,
            neurons,
            timesteps,
            threshold.unsafe_bitcast[Scalar[dtype]](),
            y.unsafe_bitcast[Scalar[dtype]](),
        )

    if element == 1:
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
