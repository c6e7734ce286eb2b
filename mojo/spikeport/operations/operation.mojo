"""What an operation is, and what it reads."""
from ..checks import product, refusal


struct Signal[dtype: DType](Copyable):
    """What the input or a node passes on over a run: spikes or values.

    It is flat, of shape (T, batch) and then that of one sample; where it is
    steady, the same at every step, there is no T.
    """

    var shape: List[Int]
    """Shape of one sample at one step."""
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
        self.shape = []
        self.spikes = []
        self.values = []
        self.is_spiking = False
        self.is_steady = False

    def __init__(out self, var shape: List[Int], *, var spikes: List[Int8]):
        """Makes a signal of spikes."""
        self = Self()
        self.shape = shape^
        self.spikes = spikes^
        self.is_spiking = True

    def __init__(
        out self,
        var shape: List[Int],
        *,
        var values: List[Scalar[Self.dtype]],
        is_steady: Bool,
    ):
        """Makes a signal of values."""
        self = Self()
        self.shape = shape^
        self.values = values^
        self.is_steady = is_steady

    def stride(self, batch: Int) -> Int:
        """Returns how many values one step lies behind the other, 0 where it is
        steady."""
        return 0 if self.is_steady else batch * product(self.shape)


trait Operation(Copyable):
    """What a node does with the signals that it reads; laid out once."""

    comptime dtype: DType
    """Type of its currents."""

    def output_shape(self, inputs: List[List[Int]]) raises -> List[Int]:
        """Returns the shape of its currents where what it reads has these
        shapes; raises `shape` where it cannot read that."""
        ...

    def remembers(self) -> Bool:
        """Tells whether its currents differ from step to step even where what
        it reads is steady."""
        ...

    def currents(
        self,
        signals: List[Signal[Self.dtype]],
        sources: List[Int],
        steps: Int,
        batch: Int,
    ) -> List[Scalar[Self.dtype]]:
        """Returns the currents (steps, batch, shape) for `signals[k]`, k in
        `sources`, of shapes that it can read; `steps` is 1 where all of them
        are steady and it does not remember."""
        ...

    def bound(self, reach: List[Float64]) -> Float64:
        """Returns what its currents can reach in absolute value where what it
        reads reaches `reach`, one number for each signal."""
        ...

    def take_bias(mut self) -> List[Scalar[Self.dtype]]:
        """Takes the bias out and returns it, one for each entry of the first
        axis of its currents; nothing where there is none."""
        return []


def the_only(inputs: List[List[Int]], what: StringSpan) raises -> List[Int]:
    """Returns the one shape of an operation that reads one signal."""
    if len(inputs) != 1:
        raise refusal(
            "shape",
            String(len(inputs), " signals feed ", what, ": give one"),
        )
    return inputs[0].copy()


def shown(shape: List[Int]) -> String:
    """Writes a shape as `(2, 3)`."""
    var text = String("(")
    for k in range(len(shape)):
        text += String(", " if k > 0 else "", shape[k])
    return text + ")"
