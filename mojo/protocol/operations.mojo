"""Answers to the cases of the family `operation`."""
from spikeport.checks import refusal
from spikeport.currents import operation_currents
from spikeport.operations.any_operation import has_weight, operation_named

from .words import Arguments, Reply


def answer_operation_currents[
    dtype: DType
](arguments: Arguments, mut reply: Reply) raises:
    """Answers `operation.currents`."""
    var inputs = List[List[Scalar[dtype]]]()
    var shapes = List[List[Int]]()
    while arguments.has(String("shape.", len(shapes))):
        shapes.append(arguments.integers(String("shape.", len(shapes))))
        for size in shapes[len(shapes) - 1]:
            if size < 0:
                raise refusal("shape", "a size is negative")
        var key = String("inputs.", len(inputs))
        inputs.append(arguments.numbers[dtype](key))
    var word = arguments.text("operation")
    var weights = List[Scalar[dtype]]()
    var weight_shape = List[Int]()
    var bias = Optional[List[Scalar[dtype]]](None)
    if has_weight(word):
        weights = arguments.numbers[dtype]("weight")
        weight_shape = arguments.integers("weight_shape")
        if arguments.has("bias"):
            bias = arguments.numbers[dtype]("bias")
    var operation = operation_named(
        word,
        weights,
        weight_shape,
        bias,
        kernel=_axes(arguments, "kernel").or_else([]),
        stride=_axes(arguments, "stride"),
        padding=_axes(arguments, "padding"),
        dilation=_axes(arguments, "dilation"),
        groups=arguments.integer("groups", 1),
    )
    # Of the operation's own type, which is `dtype`.
    var currents = operation_currents(
        operation,
        rebind_var[List[List[Scalar[operation.dtype]]]](inputs^),
        shapes,
    )
    reply.integers("shape", [Int64(size) for size in currents.shape])
    reply.numbers("currents", currents.values)


def _axes(arguments: Arguments, key: String) raises -> Optional[List[Int]]:
    """Returns one number for each axis, None where they are not given."""
    if not arguments.has(key):
        return None
    return arguments.integers(key)
