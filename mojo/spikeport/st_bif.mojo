"""Bipolar integrate-and-fire with a tracer (You et al. 2024, "SpikeZIP-TF").

    v = v + I[t]/θ
    s = +1 if v >= 1 and S < tracer_max
    s = -1 if v < 0 and S > tracer_min       (else 0)
    S = S + s
    v = v - s

`v` is in units of θ and starts at `v_init`, the tracer `S` at 0. Once the
input has ended and no neuron moves any more, with `v_init = 1/2`,
`S = clip(floor(Σ I/θ + 1/2), tracer_min, tracer_max)`.

Integers are not divided: their `v` is in units of the currents, starts at
`v_init·θ`, gains `I[t]`, is compared with θ and loses `s·θ`.
"""
from std.sys.info import simd_width_of

from .bounds import check_bound, largest
from .checks import (
    as_parameter,
    check_finite,
    check_shape,
    product,
    refusal,
    spread,
)
from .integrate_fire import as_start, check_threshold
from .trace import Trace


def st_bif_multistep[
    dtype: DType, //
](
    currents: List[Scalar[dtype]],
    steps: Int,
    neurons: Int,
    *,
    threshold: List[Float64] = [1.0],
    v_init: List[Float64] = [0.5],
    tracer_min: Int = 0,
    tracer_max: Int = 31,
) raises -> Trace[dtype]:
    """Runs ST-BIF neurons over currents of shape (steps, neurons).

    Parameters:
        dtype: Element type.

    Args:
        currents: One current for each step and neuron.
        steps: Number of steps T.
        neurons: Number of neurons N.
        threshold: θ, one number, or one for each neuron.
        v_init: Membrane before the first step, in units of θ.
        tracer_min: Lower bound of the tracer, at most 0.
        tracer_max: Upper bound of the tracer, at least 0.

    Returns:
        Spikes, membrane (in units of θ; integers in those of the currents) and
        the tracer as counts.

    Raises:
        Error: `shape`, `non_finite`, `threshold`, `tracer`; of integers
            `not_whole`, `overflow`.
    """
    check_shape("currents", len(currents), product(steps, neurons))
    check_finite("currents", currents)
    var parameters = STBIFParameters[dtype](
        neurons, threshold, v_init, tracer_min, tracer_max
    )
    comptime if dtype.is_integral():
        check_bound("v", parameters.bound(steps, largest(currents)))
    return parameters.run(currents, steps, neurons, 1)


struct STBIFParameters[dtype: DType](Copyable):
    """Checked parameters of ST-BIF neurons, each spread to all."""

    var threshold: List[Scalar[Self.dtype]]
    """Threshold θ > 0."""
    var start: List[Scalar[Self.dtype]]
    """Membrane before the first step, in units of θ; of integers `v_init·θ`."""
    var tracer_min: Int
    """Lower bound of the tracer."""
    var tracer_max: Int
    """Upper bound of the tracer."""

    def __init__(
        out self,
        entries: Int,
        threshold: List[Float64],
        v_init: List[Float64],
        tracer_min: Int,
        tracer_max: Int,
        each: Int = 1,
    ) raises:
        """Checks and rounds the parameters: one number, or one for each of the
        entries, which have `each` neurons."""
        var theta = as_parameter[Self.dtype]("threshold", threshold, entries)
        check_threshold(theta)
        var start: List[Scalar[Self.dtype]]
        comptime if Self.dtype.is_integral():
            start = as_start(v_init, theta, entries)
        else:
            start = as_parameter[Self.dtype]("v_init", v_init, entries)
        if not (tracer_min <= 0 <= tracer_max):
            raise refusal(
                "tracer",
                String(
                    "tracer bounds must hold 0, where it starts, not [",
                    tracer_min,
                    ", ",
                    tracer_max,
                    "]",
                ),
            )
        self.threshold = spread(theta^, entries, each)
        self.start = spread(start^, entries, each)
        self.tracer_min = tracer_min
        self.tracer_max = tracer_max

    def bound(self, steps: Int, current: Float64) -> Float64:
        """Returns what `|v|` of integers can reach where no current is above
        `current`."""
        var most = max(largest(self.start), largest(self.threshold))
        return most + Float64(steps) * current

    def run(
        self,
        currents: List[Scalar[Self.dtype]],
        steps: Int,
        stride: Int,
        batch: Int,
    ) -> Trace[Self.dtype]:
        """Runs the neurons over finite currents of shape (steps, batch, N),
        `stride` values from one step to the next, or 0 where all are alike.
        """
        var neurons = len(self.threshold)
        var size = batch * neurons
        var spikes = List[Int8](length=steps * size, fill=0)
        var membrane = List[Scalar[Self.dtype]](capacity=size)
        for _ in range(batch):
            membrane.extend(Span(self.start))
        var tracer = List[Int64](length=size, fill=0)
        # Sound: every buffer has the length that the shapes above give it.
        st_bif_steps(
            currents.unsafe_ptr(),
            steps,
            stride,
            batch,
            neurons,
            self.threshold.unsafe_ptr(),
            self.tracer_min,
            self.tracer_max,
            spikes.unsafe_ptr(),
            membrane.unsafe_ptr(),
            tracer.unsafe_ptr(),
        )
        return Trace[Self.dtype](spikes^, membrane^, tracer^)


def st_bif_steps[
    dtype: DType, //
](
    currents: ImmPointer[Scalar[dtype], _],
    steps: Int,
    stride: Int,
    batch: Int,
    neurons: Int,
    threshold: ImmPointer[Scalar[dtype], _],
    tracer_min: Int,
    tracer_max: Int,
    spikes: MutPointer[Int8, _],
    membrane: MutPointer[Scalar[dtype], _],
    tracer: MutPointer[Int64, _],
):
    """Runs checked neurons on buffers, and allocates nothing.

    Currents and spikes are (steps, batch, neurons), with `stride` from one step
    of the currents to the next; parameters (neurons,). Membrane and tracer
    (batch, neurons) hold the state before the steps, and then the one after.
    """
    comptime counter = DType.int64 if dtype == DType.float64 else DType.int32
    comptime lanes = simd_width_of[dtype]()
    var size = batch * neurons
    # |S| never exceeds the steps, so bounds beyond 31 bits change nothing.
    var lowest = Scalar[counter](max(tracer_min, -(1 << 31) + 1))
    var highest = Scalar[counter](min(tracer_max, (1 << 31) - 1))

    def block[width: Int](sample: Int, k: Int) {imm}:
        var theta = threshold.unsafe_load[width=width](k)
        var at = sample * neurons + k
        var v = membrane.unsafe_load[width=width](at)
        var S = tracer.unsafe_load[width=width](at).cast[counter]()
        for t in range(steps):
            var current = currents.unsafe_load[width=width](t * stride + at)
            comptime if dtype.is_integral():
                v = v + current
            else:
                v = v + current / theta
            var top = theta if dtype.is_integral() else SIMD[dtype, width](1)
            var up = v.ge(top) & S.lt(highest)
            var down = v.lt(0) & S.gt(lowest)
            var s = up.cast[counter]() - down.cast[counter]()
            spikes.unsafe_store(t * size + at, s.cast[DType.int8]())
            S += s
            comptime if dtype.is_integral():
                v = v - s.cast[dtype]() * theta
            else:
                v = v - s.cast[dtype]()
        membrane.unsafe_store(at, v)
        tracer.unsafe_store(at, S.cast[DType.int64]())

    for sample in range(batch):
        var k = 0
        while k + 4 * lanes <= neurons:  # four chains hide the latency of one
            block[4 * lanes](sample, k)
            k += 4 * lanes
        while k + lanes <= neurons:
            block[lanes](sample, k)
            k += lanes
        while k < neurons:
            block[1](sample, k)
            k += 1
