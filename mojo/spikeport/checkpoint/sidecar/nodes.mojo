"""What a sidecar says of one node, and the shape that follows from it."""
from ...checks import product
from ...operations import Window
from ...operations.any_operation import has_weight, has_window, is_operation
from ...operations.conv import conv_shape
from ...operations.join import add_shape, concat_shape
from ...operations.operation import the_only
from ...operations.pool import pool_shape, pool_window
from ...operations.window import LARGEST
from .fields import demand

comptime LARGEST_SIZE = (1 << 31) - 1
"""The most values of a signal, and so the largest size of a shape."""


struct StoredNode(Copyable):
    """A node without its arrays: what a checkpoint says of it."""

    var name: String
    """Its name, unique."""
    var operation: String
    """The word for its operation."""
    var sources: List[Int]
    """Indices of the nodes it reads, in order, or `INPUT`."""
    var neuron: String
    """The label of its neurons."""
    var shape: List[Int]
    """Shape of what it passes on."""
    var kernel: List[Int]
    """Of a window: its sizes."""
    var stride: List[Int]
    """Of a window: how far it moves."""
    var padding: List[Int]
    """Of a window: places around the input."""
    var dilation: List[Int]
    """Of a convolution: how far two values of the window lie apart."""
    var groups: Int
    """Of a convolution: groups of channels."""

    def __init__(
        out self,
        var name: String,
        var operation: String,
        var sources: List[Int],
        var neuron: String,
        var shape: List[Int],
        *,
        var kernel: List[Int] = [],
        var stride: List[Int] = [],
        var padding: List[Int] = [],
        var dilation: List[Int] = [],
        groups: Int = 1,
    ):
        """Puts the parts together; what an operation has not is not looked at.

        Args:
            name: Its name, unique.
            operation: `linear`, `conv`, `sum_pool`, `avg_pool`, `max_pool`,
                `add` or `concat`.
            sources: Indices of the nodes it reads, in order, or `INPUT`.
            neuron: The label of its neurons.
            shape: Shape of what it passes on.
            kernel: Of a window: one number for each axis.
            stride: Of a window: likewise.
            padding: Of a window: likewise.
            dilation: Of a convolution: likewise.
            groups: Of a convolution.
        """
        self.name = name^
        self.operation = operation^
        self.sources = sources^
        self.neuron = neuron^
        self.shape = shape^
        self.kernel = kernel^
        self.stride = stride^
        self.padding = padding^
        self.dilation = dilation^
        self.groups = groups

    def check(self) raises:
        """Checks every value by itself.

        Raises:
            Error: `sidecar_schema`.
        """
        demand(is_operation(self.operation), "an operation does not exist")
        demand(self.name != "", "a node's name is empty")
        demand(self.neuron != "", "a label is empty")
        demand(len(self.sources) > 0, "a node must read something")
        check_shape_field("shape", self.shape)
        if not has_window(self.operation):
            return
        var axes = len(self.kernel)
        demand(axes == 1 or axes == 2, "a window has one or two axes")
        _check_window("kernel", self.kernel, axes, 1)
        _check_window("stride", self.stride, axes, 1)
        _check_window("padding", self.padding, axes, 0)
        if self.operation == "conv":
            _check_window("dilation", self.dilation, axes, 1)
            demand(
                1 <= self.groups <= LARGEST_SIZE,
                "groups must be a whole number from 1 to 2^31 - 1",
            )

    def has_weight(self) -> Bool:
        """Tells whether its operation has a weight, and may have a bias.

        Returns:
            True for `linear` and `conv`.
        """
        return has_weight(self.operation)

    def weight_shape(self, reads: List[List[Int]]) -> List[Int]:
        """Returns the shape of its weight.

        Args:
            reads: Shapes that it reads, which were checked.

        Returns:
            The shape; none where its operation has no weight.
        """
        if self.operation == "linear":
            return [self.shape[0], product(reads[0])]
        if self.operation == "conv":
            var shape: List[Int] = [self.shape[0], reads[0][0] // self.groups]
            shape.extend(Span(self.kernel))
            return shape^
        return []

    def output_shape(self, reads: List[List[Int]]) raises -> List[Int]:
        """Returns what its operation makes of the shapes that it reads.

        Args:
            reads: Those shapes, in order.

        Returns:
            The shape.

        Raises:
            Error: `shape`.
        """
        if self.operation == "linear":
            _ = the_only(reads, "a linear layer")
            return [self.shape[0]]
        if self.operation == "conv":
            var window = Window(
                self.kernel.copy(),
                stride=self.stride.copy(),
                padding=self.padding.copy(),
                dilation=self.dilation.copy(),
            )
            var only = the_only(reads, "a convolution")
            return conv_shape(window, self.groups, self.shape[0], only)
        if self.operation == "add":
            return add_shape(reads)
        if self.operation == "concat":
            return concat_shape(reads)
        var window = pool_window(
            self.kernel.copy(), self.stride.copy(), self.padding.copy()
        )
        return pool_shape(window, the_only(reads, "a pool"))


def check_shape_field(key: StringSpan, shape: List[Int]) raises:
    """Refuses what is no shape: one to three sizes from 1, not too many values.
    """
    demand(1 <= len(shape) <= 3, String(key, " must have one to three sizes"))
    for size in shape:
        demand(size >= 1, String(key, " must hold sizes from 1"))
    demand(
        product(shape) <= LARGEST_SIZE,
        String(key, " must have at most 2^31 - 1 values"),
    )


def _check_window(
    key: StringSpan, values: List[Int], axes: Int, least: Int
) raises:
    demand(
        len(values) == axes, String(key, " must have a number for each axis")
    )
    for value in values:
        demand(
            least <= value <= LARGEST,
            String(key, " must hold numbers from ", least, " to ", LARGEST),
        )
