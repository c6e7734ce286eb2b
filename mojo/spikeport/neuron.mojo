"""The neuron: what turns a current into spikes.

`IF` and `LIF` are described in `integrate_fire`, `ST-BIF` in `st_bif`;
`identity` is no neuron at all: what comes in goes out, one graded value per step.
"""
from std.math import isfinite

from .bounds import check_bound
from .checks import refusal
from .integrate_fire import IFParameters
from .several_spikes import MOST_SPIKES
from .st_bif import STBIFParameters
from .trace import Trace

comptime LARGEST_TRACER = (1 << 31) - 1
"""The largest bound of a tracer."""


def is_kind(label: StringSpan) -> Bool:
    """Tells whether a label is `IF`, `LIF`, `ST-BIF` or `identity`."""
    return (
        label == "IF"
        or label == "LIF"
        or label == "ST-BIF"
        or label == "identity"
    )


struct Neuron(Copyable):
    """The parameters of one layer's neurons.

    A parameter is one number for all neurons, or one for each entry of the
    first axis: a neuron of a vector, a channel of an image.
    """

    var kind: String
    """Kind: `IF`, `LIF`, `ST-BIF` or `identity`."""
    var threshold: List[Float64]
    """Threshold θ > 0."""
    var v_init: List[Float64]
    """Membrane before the first step, in units of θ."""
    var v_reset: Optional[List[Float64]]
    """Membrane after a spike, below θ; None for soft reset."""
    var beta: List[Float64]
    """Share of the membrane that one step keeps; 1 but for `LIF`."""
    var tracer_min: Int
    """Lower bound of the tracer (`ST-BIF`)."""
    var tracer_max: Int
    """Upper bound of the tracer (`ST-BIF`)."""
    var max_spikes: Int
    """The most spikes in one step (`IF` under soft reset; else 1)."""

    def __init__(
        out self,
        var kind: String,
        *,
        var threshold: List[Float64] = [1.0],
        var v_init: List[Float64] = [0.0],
        var v_reset: Optional[List[Float64]] = None,
        var beta: List[Float64] = [1.0],
        tracer_min: Int = 0,
        tracer_max: Int = 31,
        max_spikes: Int = 1,
    ) raises:
        """Checks what the kind demands; values are checked when it runs.

        Args:
            kind: `IF`, `LIF`, `ST-BIF` or `identity`.
            threshold: θ, one number, or one for each entry of the first axis.
            v_init: Membrane before the first step, in units of θ.
            v_reset: Membrane after a spike, or None for soft reset.
            beta: Leak β.
            tracer_min: Lower bound of the tracer.
            tracer_max: Upper bound of the tracer.
            max_spikes: The most spikes in one step, from 1 to 127.

        Raises:
            Error: `neuron_kind`, `beta`, `v_reset`, `tracer`, `max_spikes`.
        """
        if not is_kind(kind):
            raise refusal(
                "neuron_kind",
                String(
                    "neuron kind '",
                    kind,
                    "' is not one of IF, LIF, ST-BIF, identity",
                ),
            )
        if kind != "LIF":
            for value in beta:
                if isfinite(value) and value != 1:
                    raise refusal(
                        "beta",
                        String(kind, " has no leak, so beta must be 1"),
                    )
        if v_reset and (kind == "ST-BIF" or kind == "identity"):
            raise refusal("v_reset", String(kind, " has no hard reset"))
        if not (
            -LARGEST_TRACER <= tracer_min <= 0 <= tracer_max <= LARGEST_TRACER
        ):
            raise refusal(
                "tracer",
                String(
                    "tracer bounds [",
                    tracer_min,
                    ", ",
                    tracer_max,
                    "] do not hold 0, where the tracer starts",
                ),
            )
        if not 1 <= max_spikes <= MOST_SPIKES:
            raise refusal(
                "max_spikes",
                String("max_spikes must be from 1 to 127, not ", max_spikes),
            )
        if max_spikes > 1 and (kind != "IF" or v_reset):
            raise refusal(
                "max_spikes",
                "only IF with soft reset sends several spikes in a step",
            )
        self.max_spikes = max_spikes
        self.kind = kind^
        self.threshold = threshold^
        self.v_init = v_init^
        self.v_reset = v_reset^
        self.beta = beta^
        self.tracer_min = tracer_min
        self.tracer_max = tracer_max

    def check[dtype: DType = DType.float64](self, entries: Int) raises:
        """Checks every value, in double precision, before any work.

        Parameters:
            dtype: Element type of the network; of integers, whole numbers are
                asked for too.

        Args:
            entries: Size of the first axis: neurons, or channels.

        Raises:
            Error: `shape`, `non_finite`, `threshold`, `beta`, `v_reset`; of
                integers `neuron_kind`, `not_whole`, `overflow`.
        """
        comptime if dtype.is_integral():
            if self.kind == "LIF":
                raise refusal(
                    "neuron_kind", "integers have no leak, so no kind LIF"
                )
        _ = IFParameters[DType.float64](
            entries, self.threshold, self.v_init, self.v_reset, self.beta
        )
        comptime if dtype.is_integral():
            if self.kind != "identity":
                _ = self._bound[dtype](entries, 0, 0)

    def check_bound[
        dtype: DType
    ](self, entries: Int, steps: Int, current: Float64) raises:
        """Refuses integers that could pass 32 bits.

        Parameters:
            dtype: Element type, one of integers.

        Args:
            entries: Size of the first axis: neurons, or channels.
            steps: Number of steps T.
            current: What their currents can reach in absolute value.

        Raises:
            Error: `overflow`.
        """
        if self.kind == "identity":
            check_bound("a sum of currents", Float64(steps) * current)
        else:
            check_bound("v", self._bound[dtype](entries, steps, current))

    def _bound[
        dtype: DType
    ](self, entries: Int, steps: Int, current: Float64) raises -> Float64:
        if self.kind == "ST-BIF":
            return STBIFParameters[dtype](
                entries,
                self.threshold,
                self.v_init,
                self.tracer_min,
                self.tracer_max,
            ).bound(steps, current)
        return IFParameters[dtype](
            entries,
            self.threshold,
            self.v_init,
            self.v_reset,
            self.beta,
            max_spikes=self.max_spikes,
        ).bound(steps, current)

    def passes_on(self, current: Float64) -> Float64:
        """Returns what one step of its output can reach in absolute value.

        Args:
            current: What its currents can reach.

        Returns:
            `max_spikes`, of `identity` the same.
        """
        return current if self.kind == "identity" else Float64(self.max_spikes)

    def fire[
        dtype: DType, //
    ](
        self,
        currents: List[Scalar[dtype]],
        steps: Int,
        stride: Int,
        batch: Int,
        entries: Int,
        each: Int = 1,
    ) raises -> Trace[dtype]:
        """Runs the neurons over finite currents of shape (steps, batch, N).

        A parameter is one number, or one for each entry of the first axis.

        Parameters:
            dtype: Element type.

        Args:
            currents: The currents; one step of them where `stride` is 0.
            steps: Number of steps T.
            stride: Values from one step to the next: batch·N, or 0.
            batch: Number of samples B.
            entries: Size of the first axis: neurons, or channels.
            each: Neurons of each entry, so that N = entries·each.

        Returns:
            What the neurons did: spikes (T, B, N), membrane and counts (B, N).

        Raises:
            Error: `shape`, `non_finite`, `threshold`, `beta`, `v_reset`.
        """
        if self.kind == "ST-BIF":
            return STBIFParameters[dtype](
                entries,
                self.threshold,
                self.v_init,
                self.tracer_min,
                self.tracer_max,
                each,
            ).run(currents, steps, stride, batch)
        if self.kind == "identity":
            self.check(entries)
            return pass_on(currents, steps, stride, batch * entries * each)
        return IFParameters[dtype](
            entries,
            self.threshold,
            self.v_init,
            self.v_reset,
            self.beta,
            each,
            self.max_spikes,
        ).run(currents, steps, stride, batch)


def pass_on[
    dtype: DType, //
](currents: List[Scalar[dtype]], steps: Int, stride: Int, size: Int) -> Trace[
    dtype
]:
    """Passes currents on, as a layer of kind `identity` does."""
    var passed = List[Scalar[dtype]](capacity=steps * size)
    for t in range(steps):
        passed.extend(Span(currents)[t * stride : t * stride + size])
    return Trace[dtype](
        List[Int8](),
        List[Scalar[dtype]](length=size, fill=0),
        List[Int64](),
        passed^,
        sum_in_order(currents, steps, stride, size),
    )


def sum_in_order[
    dtype: DType, //
](currents: List[Scalar[dtype]], steps: Int, stride: Int, size: Int) -> List[
    Scalar[dtype]
]:
    """Returns `Σ_t I[t]`, added step by step from +0."""
    var total = List[Scalar[dtype]](length=size, fill=0)
    for t in range(steps):
        for k in range(size):
            total[k] += currents[t * stride + k]
    return total^
