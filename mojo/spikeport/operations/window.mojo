"""The window of convolutions and pools: one or two axes.

On each axis, with p a place of the output and q one of the window,

    at(p, q) = p·stride + q·dilation - padding
    places   = floor((size + 2·padding - dilation·(kernel - 1) - 1)/stride) + 1
"""
from std.math import gcd

from ..checks import refusal
from .operation import shown

comptime LARGEST = 65535
"""The largest number that says what a window is."""


@fieldwise_init
struct Axis(ImplicitlyCopyable):
    """One axis of a window over an input of a known size."""

    var size: Int
    """Values of the input."""
    var places: Int
    """Values of the output."""
    var kernel: Int
    """Values of the window."""
    var stride: Int
    """How far the window moves from one output to the next."""
    var padding: Int
    """Places in front of the input and behind it that have no value."""
    var dilation: Int
    """How far two values of the window lie apart."""

    def inside(self, place: Int) -> Tuple[Int, Int]:
        """Returns the first q with `at(place, q)` inside the input, and the one
        behind the last; for a dilation of 1."""
        var start = place * self.stride - self.padding
        return (max(0, -start), max(0, min(self.kernel, self.size - start)))

    def write_taps(self, taps: MutPointer[Int32, _]):
        """Writes for every value of the input which outputs read it: the first
        q, its p, and how many there are, `q_step` and `p_step` apart."""
        for i in range(self.size):
            var q = 0
            var count = 0
            var p = 0
            while q < self.kernel:
                var reach = i + self.padding - q * self.dilation
                if reach < 0:
                    break
                p = reach // self.stride
                if p < self.places and p * self.stride == reach:
                    count = 1 + min(
                        (self.kernel - 1 - q) // self.q_step(),
                        p // self.p_step(),
                    )
                    break
                q += 1
            taps[unsafe_offset=3 * i] = Int32(q)
            taps[unsafe_offset=3 * i + 1] = Int32(p)
            taps[unsafe_offset=3 * i + 2] = Int32(count)

    def q_step(self) -> Int:
        """Returns how many q lie between two outputs that read one value."""
        return self.stride // gcd(self.stride, self.dilation)

    def p_step(self) -> Int:
        """Returns how far apart those outputs are."""
        return self.dilation // gcd(self.stride, self.dilation)


struct Window(Copyable):
    """Kernel, stride, padding and dilation, one number for each axis."""

    var kernel: List[Int]
    """Sizes of the window."""
    var stride: List[Int]
    """How far it moves from one output to the next."""
    var padding: List[Int]
    """Places on either side of the input that have no value."""
    var dilation: List[Int]
    """How far two values of the window lie apart."""

    def __init__(
        out self,
        var kernel: List[Int],
        *,
        var stride: List[Int],
        var padding: Optional[List[Int]] = None,
        var dilation: Optional[List[Int]] = None,
    ) raises:
        """Checks the numbers; no padding and a dilation of 1 by default."""
        var axes = len(kernel)
        self.stride = stride^
        self.padding = padding^.or_else(List[Int](length=axes, fill=0))
        self.dilation = dilation^.or_else(List[Int](length=axes, fill=1))
        self.kernel = kernel^
        if axes != 1 and axes != 2:
            raise refusal(
                "shape", String("a window has 1 or 2 axes, not ", axes)
            )
        _check("kernel", self.kernel, axes, 1)
        _check("stride", self.stride, axes, 1)
        _check("padding", self.padding, axes, 0)
        _check("dilation", self.dilation, axes, 1)

    def places(self, shape: List[Int]) raises -> List[Int]:
        """Returns the sizes of the output behind the channels for an input of
        this shape (channels, n…); raises `shape`."""
        if len(shape) != len(self.kernel) + 1:
            raise refusal(
                "shape",
                String(
                    "a window of ",
                    len(self.kernel),
                    " axes reads (channels, n…), not ",
                    shown(shape),
                ),
            )
        var places = List[Int]()
        for k in range(len(self.kernel)):
            var axis = self.axis(2 - len(self.kernel) + k, shape)
            if axis.places < 1:
                raise refusal(
                    "shape",
                    String(
                        "a kernel of ",
                        axis.kernel,
                        " is too large for ",
                        axis.size,
                        " values, padded by ",
                        axis.padding,
                    ),
                )
            places.append(axis.places)
        return places^

    def axis(self, k: Int, shape: List[Int]) -> Axis:
        """Returns axis 0 or 1 of the planes of an input whose places are known
        to be some; a window of one axis moves over planes of one row."""
        var own = k + len(self.kernel) - 2
        if own < 0:
            return Axis(1, 1, 1, 1, 0, 1)
        var reach = self.dilation[own] * (self.kernel[own] - 1) + 1
        var room = shape[own + 1] + 2 * self.padding[own] - reach
        return Axis(
            shape[own + 1],
            room // self.stride[own] + 1,
            self.kernel[own],
            self.stride[own],
            self.padding[own],
            self.dilation[own],
        )


def _check(name: StringSpan, values: List[Int], axes: Int, least: Int) raises:
    if len(values) != axes:
        raise refusal(
            "shape",
            String(name, " has ", len(values), " numbers, the window ", axes),
        )
    for value in values:
        if not least <= value <= LARGEST:
            raise refusal(
                "shape",
                String(
                    name, " must be ", least, " to ", LARGEST, ", not ", value
                ),
            )
