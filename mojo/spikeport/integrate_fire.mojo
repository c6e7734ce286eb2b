"""Integrate-and-fire, leaky or not, with soft or hard reset.

    v = β·v + I[t]
    s = 1 if v >= θ else 0
    soft reset (no v_reset):  v = v - θ where s = 1
    hard reset:               v = v_reset where s = 1

`v` starts at `v_init·θ`. More than one spike a step: `several_spikes`. Every
operation is rounded by itself: build with `--fp-mode contract=off`. Integers
have no leak, and are refused where they could pass 32 bits.
"""
from std.sys.info import simd_width_of

from .bounds import check_bound, largest
from .checks import (
    as_elements,
    as_parameter,
    check_finite,
    check_shape,
    check_timesteps,
    product,
    refusal,
    spread,
)
from .several_spikes import MOST_SPIKES, several_steps
from .trace import Trace


def if_multistep[
    dtype: DType, //
](
    currents: List[Scalar[dtype]],
    steps: Int,
    neurons: Int,
    *,
    threshold: List[Float64] = [1.0],
    v_init: List[Float64] = [0.5],
    v_reset: Optional[List[Float64]] = None,
    beta: List[Float64] = [1.0],
    max_spikes: Int = 1,
) raises -> Trace[dtype]:
    """Runs integrate-and-fire neurons over currents of shape (steps, neurons).

    Parameters:
        dtype: Element type.

    Args:
        currents: One current for each step and neuron.
        steps: Number of steps T.
        neurons: Number of neurons N.
        threshold: θ, one number, or one for each neuron.
        v_init: Membrane before the first step, in units of θ.
        v_reset: Membrane after a spike, or None for soft reset.
        beta: Share of the membrane that one step keeps, β.
        max_spikes: The most spikes in one step, above 1 for soft reset and no
            leak alone.

    Returns:
        Spikes, membrane and counts.

    Raises:
        Error: `shape`, `non_finite`, `threshold`, `beta`, `v_reset`,
            `max_spikes`; of integers `not_whole`, `overflow`.
    """
    check_shape("currents", len(currents), product(steps, neurons))
    check_finite("currents", currents)
    var parameters = IFParameters[dtype](
        neurons, threshold, v_init, v_reset, beta, max_spikes=max_spikes
    )
    comptime if dtype.is_integral():
        check_bound("v", parameters.bound(steps, largest(currents)))
    return parameters.run(currents, steps, neurons, 1)


def if_constant[
    dtype: DType, //
](
    current: List[Scalar[dtype]],
    timesteps: Int,
    *,
    threshold: List[Float64] = [1.0],
    v_init: List[Float64] = [0.5],
    v_reset: Optional[List[Float64]] = None,
    beta: List[Float64] = [1.0],
    max_spikes: Int = 1,
) raises -> Trace[dtype]:
    """Runs integrate-and-fire neurons on one current for all steps.

    The same as `if_multistep` on copies of `current`, which are not made.

    Parameters:
        dtype: Element type.

    Args:
        current: One current for each neuron.
        timesteps: Number of steps T.
        threshold: θ, one number, or one for each neuron.
        v_init: Membrane before the first step, in units of θ.
        v_reset: Membrane after a spike, or None for soft reset.
        beta: Share of the membrane that one step keeps, β.
        max_spikes: The most spikes in one step.

    Returns:
        Spikes, membrane and counts.

    Raises:
        Error: `timesteps`, and those of `if_multistep`.
    """
    check_timesteps(timesteps)
    check_finite("current", current)
    var parameters = IFParameters[dtype](
        len(current), threshold, v_init, v_reset, beta, max_spikes=max_spikes
    )
    comptime if dtype.is_integral():
        check_bound("v", parameters.bound(timesteps, largest(current)))
    return parameters.run(current, timesteps, 0, 1)


struct IFParameters[dtype: DType](Copyable):
    """Checked parameters of integrate-and-fire neurons, each spread to all."""

    var threshold: List[Scalar[Self.dtype]]
    """Threshold θ > 0."""
    var start: List[Scalar[Self.dtype]]
    """Membrane before the first step, `v_init·θ`."""
    var reset: List[Scalar[Self.dtype]]
    """Membrane after a spike; not read under soft reset."""
    var beta: List[Scalar[Self.dtype]]
    """Leak β in [0, 1]."""
    var hard: Bool
    """Whether a spike sets the membrane to `reset`."""
    var max_spikes: Int
    """The most spikes in one step."""

    def __init__(
        out self,
        entries: Int,
        threshold: List[Float64],
        v_init: List[Float64],
        v_reset: Optional[List[Float64]],
        beta: List[Float64],
        each: Int = 1,
        max_spikes: Int = 1,
    ) raises:
        """Checks and rounds the parameters: one number, or one for each of the
        entries, which have `each` neurons."""
        var theta = as_parameter[Self.dtype]("threshold", threshold, entries)
        var reset = as_parameter[Self.dtype](
            "v_reset", v_reset.copy().or_else([0.0]), entries
        )
        var leak = as_leak[Self.dtype](beta, entries)
        check_threshold(theta)
        var start = as_start(v_init, theta, entries)
        self.max_spikes = max_spikes
        self.hard = Bool(v_reset)
        if self.hard:
            _check_reset(reset, theta)
        if not 1 <= max_spikes <= MOST_SPIKES:
            raise refusal(
                "max_spikes",
                String("max_spikes must be from 1 to 127, not ", max_spikes),
            )
        if max_spikes > 1:
            for b in leak:
                if v_reset or b != 1:
                    raise refusal(
                        "max_spikes",
                        "several spikes in a step need soft reset and no leak",
                    )
        self.threshold = spread(theta^, entries, each)
        self.start = spread(start^, entries, each)
        self.reset = spread(reset^, entries, each)
        self.beta = spread(leak^, entries, each)

    def bound(self, steps: Int, current: Float64) -> Float64:
        """Returns what `|v|` can reach where no current is above `current`."""
        var most = largest(self.threshold) * Float64(self.max_spikes)
        most = max(most, max(largest(self.start), largest(self.reset)))
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
        var counts = List[Int64](length=size, fill=0)

        # Sound: every buffer has the length that the shapes above give it.
        def go[hard: Bool]() {imm, mut spikes, mut membrane, mut counts}:
            if_steps[hard](
                currents.unsafe_ptr(),
                steps,
                stride,
                batch,
                neurons,
                self.threshold.unsafe_ptr(),
                self.reset.unsafe_ptr(),
                self.beta.unsafe_ptr(),
                spikes.unsafe_ptr(),
                membrane.unsafe_ptr(),
                counts.unsafe_ptr(),
            )

        if self.max_spikes > 1:
            several_steps(
                currents.unsafe_ptr(),
                steps,
                stride,
                batch,
                neurons,
                self.threshold.unsafe_ptr(),
                self.max_spikes,
                spikes.unsafe_ptr(),
                membrane.unsafe_ptr(),
                counts.unsafe_ptr(),
            )
        elif self.hard:
            go[True]()
        else:
            go[False]()
        return Trace[Self.dtype](spikes^, membrane^, counts^)


def as_leak[
    dtype: DType
](beta: List[Float64], entries: Int) raises -> List[Scalar[dtype]]:
    """Checks and rounds β; raises `shape`, `non_finite`, `beta`."""
    comptime if dtype.is_integral():
        for b in as_parameter[DType.float64]("beta", beta, entries):
            if b != 1:
                raise refusal(
                    "beta", String("integers have no leak: beta is 1, not ", b)
                )
    var leak = as_parameter[dtype]("beta", beta, entries)
    for b in leak:
        if not (b >= 0 and b <= 1):
            raise refusal("beta", String("beta must be in [0, 1], not ", b))
    return leak^


def as_start[
    dtype: DType, //
](
    v_init: List[Float64], threshold: List[Scalar[dtype]], entries: Int
) raises -> List[Scalar[dtype]]:
    """Returns `v_init·θ`, one number or one for each of the entries. Of
    integers that is a product of float64, and a whole number. Raises `shape`,
    `non_finite`, `not_whole`, `overflow`."""
    comptime work = DType.float64 if dtype.is_integral() else dtype
    var v0 = as_parameter[work]("v_init", v_init, entries)
    var start = List[Scalar[work]]()
    if len(v0) > 0 and len(threshold) > 0:
        for k in range(max(len(v0), len(threshold))):
            var theta = threshold[min(k, len(threshold) - 1)].cast[work]()
            start.append(v0[min(k, len(v0) - 1)] * theta)
    comptime if dtype.is_integral():
        return as_elements[dtype](
            "v_init times the threshold",
            [value.cast[DType.float64]() for value in start],
        )
    return [value.cast[dtype]() for value in start]


def _check_reset[
    dtype: DType, //
](reset: List[Scalar[dtype]], threshold: List[Scalar[dtype]]) raises:
    # One of each is checked even where there are no neurons.
    if len(reset) == 0 or len(threshold) == 0:
        return
    for k in range(max(len(reset), len(threshold))):
        var value = reset[min(k, len(reset) - 1)]
        var bound = threshold[min(k, len(threshold) - 1)]
        if not value < bound:
            raise refusal(
                "v_reset",
                String(
                    "v_reset ", value, " is not below the threshold ", bound
                ),
            )


def check_threshold[dtype: DType, //](threshold: List[Scalar[dtype]]) raises:
    """Refuses a threshold that is not above 0."""
    for theta in threshold:
        if not theta > 0:
            raise refusal(
                "threshold", String("threshold must be above 0, not ", theta)
            )


def if_steps[
    dtype: DType, //, hard: Bool
](
    currents: ImmPointer[Scalar[dtype], _],
    steps: Int,
    stride: Int,
    batch: Int,
    neurons: Int,
    threshold: ImmPointer[Scalar[dtype], _],
    reset: ImmPointer[Scalar[dtype], _],
    beta: ImmPointer[Scalar[dtype], _],
    spikes: MutPointer[Int8, _],
    membrane: MutPointer[Scalar[dtype], _],
    counts: MutPointer[Int64, _],
):
    """Runs checked neurons on buffers, and allocates nothing.

    Currents and spikes are (steps, batch, neurons), with `stride` from one step
    of the currents to the next; parameters (neurons,). Membrane and counts
    (batch, neurons) hold the state before the steps, and then the one after.
    """
    comptime counter = DType.int64 if dtype == DType.float64 else DType.int32
    comptime lanes = simd_width_of[dtype]()
    var size = batch * neurons

    def block[width: Int](sample: Int, k: Int) {imm}:
        var theta = threshold.unsafe_load[width=width](k)
        var leak = beta.unsafe_load[width=width](k)
        var v_reset = reset.unsafe_load[width=width](k)
        var at = sample * neurons + k
        var v = membrane.unsafe_load[width=width](at)
        var count = SIMD[counter, width](0)
        for t in range(steps):
            var current = currents.unsafe_load[width=width](t * stride + at)
            comptime if dtype.is_integral():
                v = v + current
            else:
                v = leak * v + current
            var s = v.ge(theta)
            comptime if hard:
                v = s.select(v_reset, v)
            else:
                v = s.select(v - theta, v)
            spikes.unsafe_store(t * size + at, s.cast[DType.int8]())
            count += s.cast[counter]()
        membrane.unsafe_store(at, v)
        var before = counts.unsafe_load[width=width](at)
        counts.unsafe_store(at, before + count.cast[DType.int64]())

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
