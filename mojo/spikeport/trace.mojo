"""What a population of neurons did."""


struct Trace[dtype: DType](Copyable):
    """What one layer of neurons did; arrays are flat and row-major.

    A layer of kind `identity` has no neurons: it passes its currents on, and
    `passed` and `sums` hold what `spikes` and `counts` hold elsewhere.

    Parameters:
        dtype: Element type of the membrane.
    """

    var spikes: List[Int8]
    """Spikes of shape (T, N): 0 to max_spikes, of ST-BIF -1, 0 or 1."""
    var membrane: List[Scalar[Self.dtype]]
    """Membrane after the last step, shape (N,)."""
    var counts: List[Int64]
    """Sum of the spikes over the steps, shape (N,)."""
    var passed: List[Scalar[Self.dtype]]
    """Identity only: the currents, shape (T, N)."""
    var sums: List[Scalar[Self.dtype]]
    """Identity only: sum of the currents over the steps, shape (N,)."""

    def __init__(
        out self,
        var spikes: List[Int8],
        var membrane: List[Scalar[Self.dtype]],
        var counts: List[Int64],
        var passed: List[Scalar[Self.dtype]] = [],
        var sums: List[Scalar[Self.dtype]] = [],
    ):
        """Puts the arrays together.

        Args:
            spikes: Spikes of shape (T, N).
            membrane: Membrane after the last step.
            counts: Sum of the spikes.
            passed: What an `identity` layer passed on.
            sums: Its sum over the steps.
        """
        self.spikes = spikes^
        self.membrane = membrane^
        self.counts = counts^
        self.passed = passed^
        self.sums = sums^
