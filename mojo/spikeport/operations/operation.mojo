"""What an operation is, and what it reads."""


struct Signal[dtype: DType](Copyable):
    """What the input or a node passes on over a run: spikes or values.

    Its shape is (T, batch, n), or, where it is steady, (batch, n): the same at
    every step.
    """

    var spikes: List[Int8]
    """The spikes, where they are spikes."""
    var values: List[Scalar[Self.dtype]]
    """The values, where they are none."""
    var is_spiking: Bool
    """Whether it is spikes."""
    var is_steady: Bool
    """Whether it is the same at every step."""

    def __init__(out self):
        """Makes a signal of nothing: one that is not there yet, or no more."""
        self.spikes = []
        self.values = []
        self.is_spiking = False
        self.is_steady = False

    def __init__(out self, *, var spikes: List[Int8]):
        """Makes a signal of spikes."""
        self = Self()
        self.spikes = spikes^
        self.is_spiking = True

    def __init__(
        out self, *, var values: List[Scalar[Self.dtype]], is_steady: Bool
    ):
        """Makes a signal of values."""
        self = Self()
        self.values = values^
        self.is_steady = is_steady


trait Operation(Copyable):
    """What a node does with the signals that it reads; laid out once."""

    comptime dtype: DType
    """Type of its currents."""

    def width(self, inputs: List[Int]) raises -> Int:
        """Returns how many currents it gives where what it reads has these
        widths; raises `shape` where it cannot read that."""
        ...

    def currents(
        self,
        signals: List[Signal[Self.dtype]],
        sources: List[Int],
        steps: Int,
        batch: Int,
    ) -> List[Scalar[Self.dtype]]:
        """Returns the currents (steps, batch, width) for `signals[k]`, k in
        `sources`; `steps` is 1 where all of them are steady."""
        ...
